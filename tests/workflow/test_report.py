"""The report opens with the run on one page, and has the paper's figures and tables.

The project has what the finished one lacks: regular convolutions, kernels of 31x31, and models
of the paper's tables.
"""

import re

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file
from support.project import CONFIG
from support.report import FIGURES, TABLES, read_report

from kernel_atlas.family.functions import cross

pytestmark = pytest.mark.slow

ROWS = pd.DataFrame(
    [
        ("regular", "compare", "", "", ""),
        ("b4", "classify", "Efficientnet-b4", "3", "70.5"),
        ("v2_tiny", "classify", "ConvNextV2 tiny 224 1k", "4", "97.33"),
        ("crosses", "classify", "", "", ""),
    ],
    columns=["model", "role", "paper_name", "paper_table", "paper_percent"],
)


@pytest.fixture(scope="module")
def project(finished, tmp_path_factory):
    project = finished.copy(tmp_path_factory.mktemp("report"))
    slices = np.random.default_rng(0).normal(size=(8, 4, 3, 3)).astype(np.float32)
    save_file({"conv.weight": slices}, project / "weights/regular.safetensors")
    crosses = cross(5, np.linspace(0.4, 0.8, 24))[:, np.newaxis]
    crosses += np.random.default_rng(1).normal(size=crosses.shape) / 100
    save_file({"dw.weight": crosses.astype(np.float32)}, project / "weights/crosses.safetensors")
    project.write_weights("b4.safetensors", [(5, 24)] * 6, seed=40)
    project.write_weights("v2_tiny.safetensors", [(7, 24)] * 5 + [(31, 24)], seed=50)
    sources = [f"file:weights/{model}.safetensors" for model in ROWS["model"]]
    rows = ROWS.assign(source=sources, sha256="", family="More")
    rows.to_csv(project / "more.tsv", sep="\t", index=False)
    project.write_config(sheets=["sheet.tsv", "more.tsv"])
    run = project.snakemake()
    assert run.returncode == 0, run.output
    return project


@pytest.fixture(scope="module")
def report(project):
    run = project.snakemake("--report", "report.html")
    assert run.returncode == 0, run.output
    return read_report(project / "report.html")


@pytest.mark.parametrize("number", FIGURES)
def test_has_each_figure_of_the_paper_under_its_number(report, number):
    items = report.numbered("Figure", number)
    assert any(item.is_drawn(CONFIG["figures"]["dpi"]) for item in items), [
        item.path for item in items
    ]
    assert all(item.caption for item in items)


@pytest.mark.parametrize("number", TABLES)
def test_has_each_table_of_the_paper_under_its_number(report, number):
    (item,) = report.numbered("Table", number)
    head, *rows = item.content.decode().splitlines()
    assert head.startswith("model\t")
    assert [row.split("\t")[0] for row in rows] == ["b4" if number == 3 else "v2_tiny"]


def test_rows_of_a_section_have_the_order_of_the_paper(report):
    for section, items in report.sections.items():
        # the page sorts rows by their labels
        papers = sorted(item.labels["paper"] for item in items)
        numbers = [int(paper.split()[1].strip(",")) for paper in papers if "Figure " in paper]
        assert numbers, section
        assert numbers == sorted(numbers), section


def test_every_row_of_a_section_can_be_opened(report):
    """Snakemake's page makes a switch of a column that has two values, each in half of the rows.

    It breaks on a row that has a file for only one of them.
    """
    for section, items in report.sections.items():
        rows = pd.DataFrame([item.labels for item in items])
        counts = {column: rows[column].value_counts() for column in rows.columns[1:]}
        switches = [c for c, n in counts.items() if n.tolist() == [len(rows) / 2] * 2]
        if len(switches) == 1:
            assert set(rows.drop(columns=switches).value_counts(dropna=False)) == {2}, section


def test_opens_with_the_run_on_one_page(report, project):
    text = re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", report.opening))
    assert "Of 7 rows of the sheet: 7 read." in text
    families = project.table("families").query("family == 'all'").set_index("kernel_size")
    for size in (3, 5, 7):
        assert f"{size}x{size} the models' kernels {families.near_percent[size]:.1f}" in text
    assert "problematic" not in report.opening  # what docutils calls markup that it cannot read
