"""The default sheet with the default config: what a newcomer's first command gives.

How a training ends depends on the machine, so percentages are only bounded, with a margin.
"""

import pytest
from support.project import Project

from kernel_atlas.codebooks.codebook import SKIPPED

pytestmark = pytest.mark.slow

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
    return default.table("clustered").query("kernel_size == 5").set_index("model")


def test_counts_all_and_dead_kernels(five):
    counts = five[["n_kernels", "n_dead"]].apply(tuple, axis=1)
    assert counts.to_dict() == COUNTS


def test_trained_kernels_cluster_far_above_the_controls(five):
    assert (five["clustered_percent"] > 50).all()
    for control in ("random_percent", "phase_randomised_percent"):
        assert (five["clustered_percent"] > 10 * five[control]).all(), control


def test_finds_the_squares_of_lite0(default):
    table = default.table("layers").query("model == 'efficientnet_lite0' and kernel_size == 5")
    is_square = table["class"].isin(["on_square", "off_square"])
    squares = table[is_square].groupby("layer_index")["percent"].sum()
    assert squares[[3, 11]].min() > 20
    assert squares[11] == squares.max()


def test_each_class_looks_like_its_name(default):
    means = default.table("means_k5")
    facts = means[["class", "axis", "n_kernels", "correlation"]].to_string()
    assert len(means) >= 8, facts
    assert (means["correlation"] >= 0.8).all(), facts


def test_each_pair_of_seeds_gives_the_same_classes(default):
    stability = default.table("stability")
    pairs = stability[stability["seeds"].str.contains(",")]
    assert pairs["seeds"].tolist() == ["1, 2", "1, 3", "2, 3"]
    assert (pairs["same_class_percent"] >= 85).all(), pairs.to_string()


def test_skips_7x7_and_says_so(default):
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
