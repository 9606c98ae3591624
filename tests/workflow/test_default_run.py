"""The default sheet with the default config: what a newcomer's first command gives."""

import pandas as pd
import pytest
from support.project import Project

from kernel_atlas.codebooks.codebook import SKIPPED

# of the kernels that two seeds cluster; docs/labels.md says what is reached, and by other seeds
SAME_CLASS_PERCENT = 95

COUNTS = {  # kernels and dead kernels of size 5x5
    "efficientnet_lite0": (6336, 47),
    "efficientnet_lite1": (8400, 69),
    "efficientnet_lite2": (9120, 86),
}


@pytest.fixture(scope="module")
def default(tmp_path_factory):
    """A finished run without a config or sheet of its own."""
    project = Project(tmp_path_factory.mktemp("default"))
    run = project.snakemake()
    assert run.returncode == 0, run.output
    return project


@pytest.fixture(scope="module")
def five(default):
    """The 5x5 rows of clustered.tsv, by model."""
    table = pd.read_csv(default / "results/tables/clustered.tsv", sep="\t")
    return table[table["kernel_size"] == 5].set_index("model")


def test_counts_all_and_dead_kernels(five):
    counts = five[["n_kernels", "n_dead"]].apply(tuple, axis=1)
    assert counts.to_dict() == COUNTS


def test_clusters_seven_tenths_and_not_chance(five):
    n_live = five["n_kernels"] - five["n_dead"]
    assert 100 * five["n_clustered"].sum() / n_live.sum() >= 70
    assert (five["random_percent"] * n_live).sum() / n_live.sum() <= 0.1


def test_finds_the_squares_of_lite0(default):
    table = pd.read_csv(default / "results/tables/layers.tsv", sep="\t")
    table = table[(table["model"] == "efficientnet_lite0") & (table["kernel_size"] == 5)]
    table["class"] = table["class"].replace({"on_square": "square", "off_square": "square"})
    shares = table.pivot_table(
        index="layer_index", columns="class", values="percent", aggfunc="sum", observed=True
    )
    assert (shares.loc[[3, 11], "square"] > 10).all()
    assert shares.loc[11].idxmax() == "square"


def test_each_class_looks_like_its_name(default):
    means = pd.read_csv(default / "results/tables/means_k5.tsv", sep="\t")
    facts = means[["class", "axis", "n_kernels", "correlation"]].to_string()
    assert len(means) >= 10, facts
    assert (means["correlation"] >= 0.9).all(), facts


def test_each_pair_of_seeds_gives_the_same_classes(default):
    stability = pd.read_csv(default / "results/tables/stability.tsv", sep="\t")
    pairs = stability[stability["seeds"].str.contains(",")]
    assert pairs[["kernel_size", "seeds"]].to_numpy().tolist() == [
        [5, "1, 2"], [5, "1, 3"], [5, "2, 3"],
    ]  # fmt: skip
    assert (pairs["same_class_percent"] >= SAME_CLASS_PERCENT).all(), pairs.to_string()


def test_skips_7x7_saying_so(default):
    log = (default / "results/logs/train_autoencoder/k7.log").read_text()
    assert f"7x7: {SKIPPED}" in log


def test_report_is_one_page_with_the_figures(default):
    run = default.snakemake("--report", "report.html")
    assert run.returncode == 0, run.output
    report = (default / "report.html").read_text()
    assert len(report) > 100_000
    figures = ("spectrum", "history", "means", "layers", "samples", "sizes", "clustered", "sweep")
    for name in (*figures, "functions", "derivatives", "grid", "crosses"):
        assert f"{name}.png" in report
