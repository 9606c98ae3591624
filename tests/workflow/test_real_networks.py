"""Kernels of real networks: the default run, and 7x7 kernels where ../shared/weights has them.

How a training ends depends on the machine, so percentages are only bounded, with a margin.
"""

import pytest
import yaml
from support.project import REPOSITORY, Project
from support.report import FIGURES, TABLES, read_report

from kernel_atlas.codebooks.codebook import SKIPPED

pytestmark = pytest.mark.slow

N_KERNELS = {  # by kernel size
    5: {"efficientnet_lite0": 6336, "efficientnet_lite1": 8400, "efficientnet_lite2": 9120},
    7: {"fastvit_t8_int8": 2496, "mobileclip_s0_partial": 1152, "yolo12n_partial": 704},
}


@pytest.fixture(scope="module")
def default(tmp_path_factory):
    """A newcomer's first command."""
    project = Project(tmp_path_factory.mktemp("default"))
    run = project.snakemake()
    assert run.returncode == 0, run.output
    return project


@pytest.fixture(scope="module")
def large(real_weights, tmp_path_factory):
    """A finished run that trains on the 7x7 kernels of three networks."""
    paths = {name: real_weights(name) for name in N_KERNELS[7]}
    project = Project(tmp_path_factory.mktemp("large"))
    config = yaml.safe_load((REPOSITORY / "config.yaml").read_text(encoding="utf-8"))
    config["autoencoder"] |= {"sizes": [7], "device": "cpu"}
    config["kmeans"]["sizes"] = []
    project.write_config(**config | {"sheets": ["sheet.tsv"]})
    project.write_sheet(*((name, f"file:{path}", "train") for name, path in paths.items()))
    run = project.snakemake()
    assert run.returncode == 0, run.output
    return project


@pytest.fixture(params=[(5, "default"), (7, "large")], ids=["default", "7x7"])
def finished_run(request):
    """The kernel size, and the project."""
    size, name = request.param
    return size, request.getfixturevalue(name)


def rows_of(project, table, size):
    """The rows of a table about one kernel size."""
    return project.table(table).query("kernel_size == @size")


def test_counts_the_kernels_of_each_network(finished_run):
    size, project = finished_run
    counts = rows_of(project, "clustered", size).set_index("model")["n_kernels"]
    assert counts.to_dict() == N_KERNELS[size]


def test_trained_kernels_cluster_far_above_the_controls(finished_run):
    size, project = finished_run
    table = rows_of(project, "clustered", size)
    assert (table["clustered_percent"] > 40).all()
    assert table["clustered_percent"].max() > 60
    for control in ("random_clustered_percent", "phase_randomised_clustered_percent"):
        assert (table["clustered_percent"] > 4 * table[control]).all(), control


def test_each_pair_of_seeds_gives_the_same_classes(finished_run):
    size, project = finished_run
    stability = rows_of(project, "stability", size)
    pairs = stability[stability["seeds"].str.contains(",")]
    assert pairs["seeds"].tolist() == ["1, 2", "1, 3", "2, 3"]
    assert (pairs["same_class_percent"] >= 85).all(), pairs.to_string()


def test_each_class_looks_like_its_name(finished_run):
    size, project = finished_run
    means = project.table(f"means_k{size}")
    facts = means[["class", "axis", "n_kernels", "correlation"]].to_string()
    assert len(means) >= 5, facts
    assert (means["correlation"] >= 0.8).all(), facts


def test_counts_dead_kernels(default):
    dead = rows_of(default, "clustered", 5).set_index("model")["n_dead"]
    assert dead.tolist() == [47, 69, 86]


def test_finds_the_squares_of_lite0(default):
    """By members, which no training moves."""
    table = rows_of(default, "layers", 5).query("model == 'efficientnet_lite0'")
    is_square = table["class"].isin(["on_square", "off_square"])
    squares = table[is_square].groupby("layer_index")["members_percent"].sum().sort_values()
    assert set(squares.index[-2:]) == {3, 11}
    assert squares[[3, 11]].min() > 30
    assert squares.iloc[-3] < 10


def test_skips_7x7_and_says_so(default):
    log = (default / "results/logs/train_autoencoder/k7.log").read_text()
    assert f"7x7: {SKIPPED}" in log


def test_report_has_what_the_paper_has(finished_run):
    _, project = finished_run
    run = project.snakemake("--report", "report.html")
    assert run.returncode == 0, run.output
    report = read_report(project / "report.html")
    missing = [
        number
        for number in FIGURES
        if not any(item.is_drawn(dpi=150) for item in report.numbered("Figure", number))
    ]
    assert missing == [27]  # kernels of 27x27, which none of these models has
    assert all(len(report.numbered("Table", number)) == 1 for number in TABLES)
