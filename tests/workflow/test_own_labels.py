"""A label table and merged classes of the user's own: what they change, and what they do not."""

import re

import pandas as pd
import pytest
from support.jobs import CLASSIFICATION, MODELS, TABLES, of_models, of_sizes, rerun

LABELLING = of_sizes([5], "label_codebook", "plot_spectrum") + CLASSIFICATION
OWN = "my_labels.tsv"
MERGE = {"on_cross": "on_centre", "off_cross": "off_centre"}
DESCRIPTION = ["sigma", "ratio", "direction", "aspect", "shift_x", "shift_y", "residual"]


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
    """The finished project with such a table, run again, with the jobs. Not to be changed."""
    project = finished.copy(tmp_path_factory.mktemp("relabelled"))
    edit_labels(project)
    project.write_config(labels={"k5": OWN})
    project.jobs = rerun(project)
    return project


@pytest.fixture
def project(relabelled, tmp_path):
    """A copy of the relabelled project, to change and run again."""
    return relabelled.copy(tmp_path)


@pytest.fixture(scope="module")
def kernels(relabelled):
    """The 5x5 kernels of all models, classified."""
    folder = relabelled / "results/classes"
    return pd.concat(pd.read_parquet(folder / model / "k5.parquet") for model in MODELS)


def layers_of(project):
    """The table layers.tsv."""
    return pd.read_csv(project / "results/tables/layers.tsv", sep="\t")


def names_in(project, figure):
    """What a figure's texts begin with: the names of classes, and else."""
    svg = (project / f"results/figures/{figure}.svg").read_text()
    return set(re.findall(r">(\w+(?: \w+)*)[^<>]*</text>", svg))


def test_own_table_labels_again(relabelled):
    assert relabelled.jobs == sorted([*LABELLING, "save_config"])


def test_edited_table_labels_again(project):
    own = project / OWN
    own.write_text(own.read_text().replace("rising_edge", "left_edge"))
    assert rerun(project) == sorted(LABELLING)
    classes = layers_of(project).groupby("kernel_size")["class"].unique()
    assert "left_edge" in classes[5]
    assert "rising_edge" not in classes[5]
    assert "left_edge" not in classes[7]


def test_own_class_has_the_nearest_members_of_the_family(kernels):
    assert set(kernels["class"]) >= {"rising_edge", "on_cross", "other", "dead"}
    members = kernels["member"].astype(str)
    is_own = kernels["class"] == "rising_edge"
    shares = members[is_own].value_counts(normalize=True)
    assert shares["first_derivative_right"] > 0.5
    assert (kernels.loc[is_own, "residual"] < 0.1).all()
    by_name = ~kernels["class"].isin(["rising_edge", "other", "dead"])
    assert (members == kernels["class"].astype(str))[by_name].all()


def test_clustered_kernels_alone_are_described(kernels):
    assert (kernels[DESCRIPTION].dtypes == "float32").all()
    is_clustered = ~kernels["class"].isin(["other", "dead"])
    has = kernels[["member", *DESCRIPTION]].notna()
    for name in ("member", "sigma", "shift_x", "shift_y", "residual"):
        assert has[name].equals(is_clustered)
    is_derivative = kernels["member"].astype(str).str.contains("derivative")
    assert is_derivative.any()
    for name in ("direction", "aspect"):
        assert has[name].equals(is_derivative)
    assert has["ratio"].equals(kernels["member"].isin(["on_centre", "off_centre", "on_cross"]))


def test_own_class_stands_in_the_means_and_figures(relabelled, kernels):
    means = pd.read_csv(relabelled / "results/tables/means_k5.tsv", sep="\t")
    counts = kernels["class"].value_counts()
    found = means.groupby("class")["n_kernels"].sum()
    assert found.to_dict() == counts.drop(["other", "dead"])[lambda n: n > 0].to_dict()
    edges = means[means["class"] == "rising_edge"]
    largest = edges.loc[edges["n_kernels"].idxmax()]
    assert largest["member"] == "first_derivative_right"
    assert largest["correlation"] > 0.95
    for figure in ("k5/means", "k5/spectrum", "alpha/layers", "alpha/samples"):
        assert "Rising edge" in names_in(relabelled, figure)


def test_merged_classes_draw_the_models_again_and_classify_nothing(project, relabelled):
    project.write_config(labels={"k5": OWN}, merge=MERGE)
    assert rerun(project) == sorted([*of_models(MODELS, "plot_model"), *TABLES, "save_config"])
    same = ("classes/*/*", "labels/*", "tables/*")
    before, after = relabelled.contents(*same), project.contents(*same)
    assert before.pop("tables/layers.tsv") != after.pop("tables/layers.tsv")
    assert after == before

    keys = ["model", "kernel_size", "layer_index", "class"]
    apart, merged = (layers_of(each).set_index(keys)["n"] for each in (relabelled, project))
    assert apart.loc["alpha", 5, :, "on_cross"].gt(0).all()
    assert apart.loc["alpha", 5, :, "on_centre"].gt(0).all()
    assert not {"on_cross", "off_cross"} & set(merged.index.unique("class"))
    sums = apart.rename(index=MERGE, level="class").groupby(keys).sum()
    assert merged.to_dict() == sums.to_dict()
    for figure in ("alpha/layers", "alpha/samples"):
        assert "On cross" in names_in(relabelled, figure)
        assert "On cross" not in names_in(project, figure)
