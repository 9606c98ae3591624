"""The paper's tables: the numbers of clustered.tsv, written in three forms."""

import pandas as pd
import pytest

from kernel_atlas.sheet import read_sheets
from kernel_atlas.tables import clustered
from kernel_atlas.tables.paper import COLUMNS, SIZES, TABLE_1, write_paper_tables

TINY = "ConvNextV2 tiny 224 1k"
# in the order of the sheet: model, size, kernels, published, near, interval, random, matched
ROWS = [
    ("mix_net-s", 5, 12345, 73.25, 61.0478, (52.0, 70.96), 0.04, 80.0),
    ("mix_net-s", 7, 88, None, 50.0, (None, None), 1.0, 60.0),
    ("NA", 5, 40, 50.0, 50.04, (None, None), None, None),
    ("mixer", 7, 6, 56.65, 80.0, (None, None), 0.0, 10.0),
    ("never_released", 7, 0, 58.02, None, (None, None), None, None),
    ("v2_tiny", 7, 6624, 97.33, 97.3, (90.0, 99.0), 0.0, 99.0),
    ("tiny_22k", 7, 6624, 98.16, 97.3, (90.0, 99.0), 0.0, 99.0),
]
NAMES = {
    "mixer": "ConvMixer 768 32_layer 1k",
    "v2_tiny": TINY,
    "tiny_22k": "ConvNextV2 tiny 224 22k",
    "never_released": "ConvMixer 512 20_layer 1k",
}


@pytest.fixture
def write(tmp_path):
    """A function that writes the tables of such rows and returns the folder."""

    def run(rows):
        facts = ["model", "kernel_size", "n_kernels", "paper_percent", "near_percent"]
        table = pd.DataFrame(
            [
                dict(zip(facts, row[:5], strict=True))
                | dict(zip(["near_low_percent", "near_high_percent"], row[5], strict=True))
                | {"random_near_percent": row[6], "matched_percent": row[7]}
                for row in rows
            ],
            columns=clustered.COLUMNS,
        )
        table["difference"] = table["near_percent"] - table["paper_percent"]
        table.to_csv(tmp_path / "clustered.tsv", sep="\t", index=False)
        models = dict.fromkeys(table["model"])
        models = pd.DataFrame(
            [(model, NAMES.get(model, "")) for model in models], columns=["model", "paper_name"]
        )
        models.to_csv(tmp_path / "models.tsv", sep="\t", index=False)
        write_paper_tables(tmp_path / "clustered.tsv", tmp_path / "models.tsv", tmp_path / "out")
        return tmp_path / "out"

    return run


def read(path):
    return pd.read_csv(path, sep="\t", keep_default_na=False, na_values=[""])


def test_three_tables_in_three_forms(write):
    names = {f"paper_table{table}.{form}" for table in "134" for form in ("tsv", "md", "tex")}
    assert {path.name for path in write(ROWS).iterdir()} == names


def test_a_table_has_the_published_models_of_its_size(write):
    folder = write(ROWS)
    models = {table: read(folder / f"paper_table{table}.tsv")["model"].tolist() for table in "134"}
    assert models == {
        "1": ["tiny_22k", "v2_tiny", "mixer"],  # the order of the paper, not of the sheet
        "3": ["mix_net-s", "NA"],
        "4": ["mixer", "never_released", "v2_tiny", "tiny_22k"],
    }


@pytest.mark.parametrize("table", SIZES)
def test_the_numbers_are_those_of_clustered(write, table):
    found = read(write(ROWS) / f"paper_table{table}.tsv")
    assert list(found) == COLUMNS
    source = read(write(ROWS).parent / "clustered.tsv").query("kernel_size == @SIZES[@table]")
    expected = source.set_index("model").loc[found["model"]].reset_index()[COLUMNS]
    expected["n_kernels"] = expected["n_kernels"].replace(0, float("nan"))
    pd.testing.assert_frame_equal(found, expected, check_dtype=False, rtol=0, atol=5e-5)


def test_missing_numbers_are_empty(write):
    lines = (write(ROWS) / "paper_table4.tsv").read_text().splitlines()
    assert "never_released\t\t58.0200\t\t\t\t\t\t" in lines


def test_markdown(write):
    lines = (write(ROWS) / "paper_table3.md").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# Table 3 of the paper and this run"
    assert "5x5" in lines[2]
    assert lines[4:] == [
        "| model | kernels | published | measured | 95 % interval "
        "| difference | random | matched |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| `mix_net-s` | 12,345 | 73.2 | 61.0 | 52.0 to 71.0 | -12.2 | 0.0 | 80.0 |",
        "| `NA` | 40 | 50.0 | 50.0 | – | +0.0 | – | – |",
    ]


def test_latex(write):
    folder = write(ROWS)
    assert (folder / "paper_table3.tex").read_text(encoding="ascii").splitlines()[2:] == [
        r"\begin{tabular}{@{}lrrrrrrr@{}}",
        r"\toprule",
        r"model & kernels & published & measured & 95 \% interval & difference & random & matched "
        r"\\",
        r"\midrule",
        r"mix\_net-s & 12,345 & 73.2 & 61.0 & 52.0 to 71.0 & $-12.2$ & 0.0 & 80.0 \\",
        r"NA & 40 & 50.0 & 50.0 & -- & $+0.0$ & -- & -- \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]
    assert r"never\_released & -- & 58.0 & -- & -- & -- & -- & -- \\" in (
        folder / "paper_table4.tex"
    ).read_text(encoding="ascii")


@pytest.mark.parametrize("rows", [[], ROWS[1:2]])
def test_without_a_model_of_the_paper_there_are_heads_only(write, rows):
    folder = write(rows)
    for table in SIZES:
        path = folder / f"paper_table{table}.tsv"
        assert path.read_text() == "\t".join(COLUMNS) + "\n"
        page = path.with_suffix(".md").read_text(encoding="utf-8")
        assert "The run has no model of this table." in page
        assert page.splitlines()[-1].startswith("| --- |")
        assert path.with_suffix(".tex").read_text().count(r" \\") == 1


def test_the_sheet_has_all_models_of_table_1_as_it_gives_them(repository):
    rows = {row.paper_name: row for row in read_sheets([repository / "models/paper.tsv"])}
    assert {rows[name].paper_table for name in TABLE_1} == {"4"}
    published = [float(rows[name].paper_percent) for name in TABLE_1]
    printed = [98.16, 97.33, 95.21, 80.71, 78.87, 56.64, 82.08, 92.41, 90.82, 96.63]
    assert published == pytest.approx(printed, abs=0.011)  # Table 4 gives ConvMixer 56.65
