"""A label table of the user's own: what it changes, and what it does not."""

import re
from collections import Counter

import pandas as pd
import pytest
from support.jobs import LABEL, MODELS, assert_plans, of_classification, of_sizes, rerun

OWN = "my_labels.tsv"
FIGURES = ("k5/means", "k5/spectrum", "alpha/layers", "alpha/samples")


def edit_labels(project):
    """The proposed 5x5 table as a person may edit it.

    Half of the on-centres are crosses, an edge has a name of its own, and the off-centres
    are left out.
    """
    labels = pd.read_csv(project / "results/labels/k5.tsv", sep="\t")
    kernels = pd.read_parquet(project / "results/classes/alpha/k5.parquet")
    middle = kernels.loc[kernels["class"] == "on_centre", "code"].median()
    below = labels.assign(stop=labels["stop"].clip(upper=middle))
    above = labels.assign(start=labels["start"].clip(lower=middle))
    above["class"] = above["class"].replace("on_centre", "on_cross")
    labels = pd.concat([below, above]).query("start < stop")
    labels["class"] = labels["class"].replace("first_derivative_right", "rising_edge")
    labels[labels["class"] != "off_centre"].to_csv(project / OWN, sep="\t", index=False)


@pytest.fixture(scope="module")
def relabelled(finished, tmp_path_factory):
    """The finished project with such a table, run again up to these figures, with the plan."""
    project = finished.copy(tmp_path_factory.mktemp("relabelled"))
    edit_labels(project)
    project.write_config(labels={"k5": OWN})
    project.planned = project.plan()
    rerun(project, "summarise_classes", *(f"results/figures/{name}.svg" for name in FIGURES))
    return project


@pytest.fixture(scope="module")
def kernels(relabelled):
    """The 5x5 kernels of all models, classified."""
    folder = relabelled / "results/classes"
    return pd.concat(pd.read_parquet(folder / model / "k5.parquet") for model in MODELS)


def test_own_table_labels_again(relabelled):
    jobs = [*of_sizes([5], LABEL), *of_classification(), "save_config"]
    assert relabelled.planned == Counter(job.split("/")[0] for job in jobs)


def test_edited_table_labels_again(relabelled, tmp_path):
    project = relabelled.copy(tmp_path)
    own = project / OWN
    own.write_text(own.read_text().replace("rising_edge", "left_edge"))
    assert_plans(project, [*of_sizes([5], LABEL), *of_classification(), "save_config"])


def test_an_own_table_moves_no_member(finished, kernels):
    folder = finished / "results/classes"
    before = pd.concat(pd.read_parquet(folder / model / "k5.parquet") for model in MODELS)
    assert set(kernels["class"]) >= {"rising_edge", "on_cross", "other", "dead"}
    is_own = kernels["class"] == "rising_edge"
    assert kernels.loc[is_own, "member"].mode().tolist() == ["first_derivative_right"]
    pd.testing.assert_frame_equal(
        *(table.drop(columns=["class", "folded_class"]) for table in (kernels, before)),
        check_exact=True,
    )


def test_own_class_is_in_the_tables_and_figures(relabelled, kernels):
    layers = relabelled.table("layers").groupby("kernel_size")["class"].unique()
    assert "rising_edge" in layers[5]
    assert "rising_edge" not in layers[7]
    means = relabelled.table("means_k5")
    counts = kernels["class"].value_counts()
    found = means.groupby("class")["n_kernels"].sum()
    assert found.to_dict() == counts.drop(["other", "dead"])[lambda n: n > 0].to_dict()
    edges = means[means["class"] == "rising_edge"]
    assert edges.loc[edges["n_kernels"].idxmax(), "member"] == "first_derivative_right"
    for figure in FIGURES:
        svg = (relabelled / f"results/figures/{figure}.svg").read_text()
        assert re.search(r">Rising edge[^<>]*</text>", svg), figure
