"""Tables across models: counts and percentages by hand."""

import re

import pandas as pd
import pytest
from support.classes import classes_of

from kernel_atlas.classes.controls import CONTROL_COLUMNS
from kernel_atlas.tables import agreement, clustered, families, layers
from kernel_atlas.tables.summary import summarise_classes

COUNTED = ["n_kernels", "n_clustered", "percent"]
HEADS = {
    "clustered": clustered.COLUMNS,
    "families": families.COLUMNS,
    "layers": layers.COLUMNS,
    "agreement": agreement.COLUMNS,
    "controls": ["model", "kernel_size", "method", "kernels", *COUNTED],
    "sweep": ["kernel_size", "method", "kernels", "threshold", *COUNTED],
}
MODELS = "model source role family paper_name paper_table paper_percent duplicate_of outcome note"
THRESHOLDS = {3: 0.2, 5: 0.2, 7: 0.3}


def chance(size, n_kernels, n_random, n_phases=0):
    """A model's controls by the codebook and another method, at the threshold in force."""
    return [
        (size, "kmeans_10", "random", THRESHOLDS[size], n_kernels, n_kernels),
        (size, "codebook", "random", THRESHOLDS[size], n_kernels, n_random),
        (size, "codebook", "phase_randomised", THRESHOLDS[size], n_kernels, n_phases),
    ]


def filled(table, *columns):
    """The rows of a table, of some columns if any are named; missing cells are empty."""
    return table[list(columns) or list(table)].astype(object).fillna("").to_numpy().tolist()


@pytest.fixture
def summarise(tmp_path):
    """A function that sums up tables of classes by model and size, and reads what it writes.

    `controls` holds the rows of a model's table of controls, `rows` by model the cells of its
    row in models.tsv that differ from those of an extracted model.
    """

    def run(tables, controls=None, rows=None, thresholds=THRESHOLDS, merge=(), text=False):
        classified = list(dict.fromkeys(model for model, _ in tables))
        sheet = [
            {"model": model, "role": "train", "family": f"family of {model}"}
            | {"outcome": "extracted"}
            | (rows or {}).get(model, {})
            for model in dict.fromkeys([*classified, *(rows or {})])
        ]
        sheet = pd.DataFrame(sheet, columns=MODELS.split())
        sheet.to_csv(tmp_path / "models.tsv", sep="\t", index=False)
        for (model, size), table in tables.items():
            table.to_parquet(tmp_path / f"{model}-{size}.parquet")
        for model in classified:
            cells = pd.DataFrame((controls or {}).get(model, []), columns=list(CONTROL_COLUMNS))
            cells.to_csv(tmp_path / f"{model}.tsv", sep="\t", index=False)
        folder = tmp_path / "tables"
        summarise_classes(
            path_to_models=tmp_path / "models.tsv",
            paths_to_classes={key: tmp_path / f"{key[0]}-{key[1]}.parquet" for key in tables},
            paths_to_controls={model: tmp_path / f"{model}.tsv" for model in classified},
            thresholds=thresholds,
            merge=dict(merge),
            folder=folder,
        )
        written = {path.name for path in folder.iterdir()}
        assert written == {"clustered.html", *(f"{name}.tsv" for name in HEADS)}
        dtype = str if text else None
        found = {name: pd.read_csv(folder / f"{name}.tsv", sep="\t", dtype=dtype) for name in HEADS}
        assert {name: list(table) for name, table in found.items()} == HEADS
        return found

    return run


def test_two_models_of_two_sizes_are_not_mixed_up(summarise):
    tables = {
        ("a", 5): classes_of(x="on_centre on_centre other dead"),
        ("a", 7): classes_of(x="", y="on_cross"),
        ("b", 5): classes_of(x="other other"),
        ("b", 7): classes_of(x="on_centre on_cross other", y="mine"),
    }
    controls = {
        "a": chance(5, 3, 0, 1) + chance(7, 1, 1),
        "b": chance(7, 4, 1, 2) + chance(5, 2, 1),
    }
    found = summarise(tables, controls)
    unknown = ["low_percent", "high_percent", "paper_percent", "difference", "note"]
    assert filled(found["clustered"].drop(columns=unknown)) == [
        ["a", "family of a", 5, 4, 1, 2, 66.6667, 0, 33.3333],
        ["a", "family of a", 7, 1, 0, 1, 100, 100, 0],
        ["b", "family of b", 5, 2, 0, 0, 0, 50, 0],
        ["b", "family of b", 7, 4, 0, 3, 75, 25, 50],
    ]
    # the interval of two layers goes from one to the other; one layer has none
    ends = filled(found["clustered"], "low_percent", "high_percent")
    assert ends == [["", ""], ["", ""], ["", ""], [66.6667, 100]]
    assert filled(found["families"], "family", "kernel_size", "n_kernels") == [
        ["family of a", 5, 4],
        ["family of b", 5, 2],
        ["all", 5, 6],
        ["family of a", 7, 1],
        ["family of b", 7, 4],
        ["all", 7, 5],
    ]
    assert filled(found["layers"][found["layers"]["n"] > 0]) == [
        ["a", 5, 0, "x", "on_centre", 2, 50, 1.5, 0.015],
        ["a", 5, 0, "x", "other", 1, 25, "", ""],
        ["a", 5, 0, "x", "dead", 1, 25, "", ""],
        ["a", 7, 1, "y", "on_cross", 1, 100, 1, 0.01],
        ["b", 5, 0, "x", "other", 2, 100, "", ""],
        ["b", 7, 0, "x", "on_centre", 1, 33.3333, 1, 0.01],
        ["b", 7, 0, "x", "on_cross", 1, 33.3333, 2, 0.02],
        ["b", 7, 0, "x", "other", 1, 33.3333, "", ""],
        ["b", 7, 1, "y", "mine", 1, 100, 4, 0.04],
    ]


def test_merged_classes_change_nothing_but_the_counts_by_layer(summarise, caplog):
    tables = {
        ("a", 5): classes_of(x="on_centre on_cross other on_cross", y="off_cross dead"),
        ("a", 7): classes_of(x="on_cross mine"),
    }
    merge = {"on_cross": "on_centre", "off_cross": "mine", "on_square": "off_square"}
    plain, merged = summarise(tables), summarise(tables, merge=merge)
    # a misspelt class does not pass in silence
    assert caplog.messages == ["config: merge.on_square: no label table has this class"]
    found = merged.pop("layers")
    assert filled(found[found["n"] > 0]) == [
        ["a", 5, 0, "x", "on_centre", 3, 75, 2, 0.02],
        ["a", 5, 0, "x", "other", 1, 25, "", ""],
        ["a", 5, 1, "y", "mine", 1, 50, 5, 0.05],
        ["a", 5, 1, "y", "dead", 1, 50, "", ""],
        ["a", 7, 0, "x", "on_centre", 1, 50, 1, 0.01],
        ["a", 7, 0, "x", "mine", 1, 50, 2, 0.02],
    ]
    assert set(found["class"]) == {"on_centre", "mine", "other", "dead"}
    for name, table in merged.items():
        pd.testing.assert_frame_equal(table, plain[name])


@pytest.mark.parametrize(("paper_table", "size"), [("3", 5), ("4", 7)])
def test_a_published_number_stands_beside_its_own_size(summarise, paper_table, size):
    tables = {(model, s): classes_of(x="other") for model in "ab" for s in (3, 5, 7)}
    paper = {"paper_table": paper_table, "paper_percent": "97.5"}
    found = summarise(tables, rows={"b": paper})["clustered"]
    published = found[found["paper_percent"].notna() | found["difference"].notna()]
    columns = ["model", "kernel_size", "paper_percent", "difference"]
    assert filled(published, *columns) == [["b", size, 97.5, -97.5]]


def test_a_duplicate_has_the_results_of_its_first_and_its_own_published_number(summarise):
    tables = {("a", size): classes_of(x="on_cross other") for size in (5, 7)}
    rows = {
        "a": {"paper_table": "3", "paper_percent": "90"},
        "b": {"paper_table": "4", "paper_percent": "80", "duplicate_of": "a"}
        | {"outcome": "duplicate", "note": "the same as a"},
    }
    found = summarise(tables, {"a": chance(5, 2, 1)}, rows)
    columns = "model kernel_size n_clustered random_percent paper_percent difference note"
    assert filled(found["clustered"], *columns.split()) == [
        ["a", 5, 1, 50, 90, -40, ""],
        ["a", 7, 1, "", "", "", ""],
        ["b", 5, 1, 50, "", "", "the same as a"],
        ["b", 7, 1, "", 80, -30, "the same as a"],
    ]
    assert found["layers"]["model"].value_counts().to_dict() == {"a": 6, "b": 6}
    assert set(found["families"]["family"]) == {"family of a", "all"}
    assert set(found["controls"]["model"]) == {"a"}


@pytest.mark.parametrize("outcome", ["skipped", "failed"])
def test_a_model_without_results_is_listed_if_the_paper_has_it(summarise, outcome):
    tables = {("a", size): classes_of(x="other") for size in (5, 7)}
    if outcome == "failed":
        tables |= {(model, size): classes_of() for model in "bc" for size in (5, 7)}
    without = {"outcome": outcome, "note": "why"}
    paper = {"paper_table": "4", "paper_percent": "56.65"}
    found = summarise(tables, rows={"b": without | paper, "c": without})
    rows = found["clustered"]
    expected = ["b", "family of b", 7, 0, 0, 0, *[""] * 5, 56.65, "", "why"]
    assert filled(rows[rows["model"] != "a"]) == [expected]
    assert set(found["layers"]["model"]) == {"a"}


def test_a_compared_model_is_not_listed(summarise):
    paper = {"paper_table": "4", "paper_percent": "56.65", "outcome": "failed"}
    found = summarise({("a", 5): classes_of(x="other")}, rows={"b": paper | {"role": "compare"}})
    assert found["clustered"]["model"].tolist() == ["a"]


def test_a_model_of_dead_kernels_has_no_percentages(summarise):
    found = summarise({("a", 5): classes_of(x="dead dead")})
    row = found["clustered"].iloc[0]
    assert (row["n_kernels"], row["n_dead"], row["n_clustered"]) == (2, 2, 0)
    assert row[[name for name in clustered.COLUMNS if "percent" in name]].isna().all()
    assert found["layers"].query("n > 0")["percent"].tolist() == [100]


def test_a_size_that_a_model_lacks_has_no_row(summarise):
    tables = {("a", 5): classes_of(), ("a", 7): classes_of(x="other"), ("b", 7): classes_of()}
    found = summarise(tables, {"a": chance(7, 1, 0)})
    assert filled(found["clustered"], "model", "kernel_size") == [["a", 7]]
    assert all(set(table["kernel_size"]) == {7} for table in found.values())


@pytest.mark.parametrize("tables", [{}, {("a", 5): classes_of(), ("b", 5): classes_of()}])
def test_without_any_kernels_the_tables_have_headers_only(summarise, tables):
    assert [len(table) for table in summarise(tables).values()] == [0] * 5


def test_the_page_shows_the_table(summarise, tmp_path):
    tables = {("a&b", 5): classes_of(x="other on_cross on_cross"), ("c", 7): classes_of(x="dead")}
    summarise(tables, {"a&b": chance(5, 3, 0, 1)})
    page = (tmp_path / "tables" / "clustered.html").read_text()
    heads, *rows = [re.findall("<t[dh]>(.*?)</t[dh]>", row) for row in page.split("<tr")[1:]]
    assert len(heads) == len(clustered.COLUMNS)
    first = "a&amp;b|family of a&amp;b|5|3|0|2|66.67|||0.00|33.33|||"
    assert ["|".join(row) for row in rows] == [first, "c|family of c|7|1|1|0||||||||"]


@pytest.mark.parametrize("threshold", [0.2, 0.137, 0.1 + 0.2, 1 / 3])
def test_controls_are_at_the_threshold_in_force_and_the_sweep_is_over_all(summarise, threshold):
    def rows(method, kernels, n_kernels, counts):
        pairs = zip((0.05, threshold, 0.5), counts, strict=True)
        return [(5, method, kernels, at, n_kernels, n) for at, n in pairs]

    controls = {
        "a": rows("codebook", "own", 8, (1, 4, 6)) + rows("templates", "own", 8, (0, 1, 2)),
        "b": rows("codebook", "own", 16, (1, 2, 3)) + rows("codebook", "random", 16, (0, 1, 16)),
    }
    tables = {(model, 5): classes_of(x="other") for model in "ab"}
    found = summarise(tables, controls, thresholds={5: threshold})
    assert filled(found["controls"]) == [
        ["a", 5, "codebook", "own", 8, 4, 50],
        ["a", 5, "templates", "own", 8, 1, 12.5],
        ["b", 5, "codebook", "own", 16, 2, 12.5],
        ["b", 5, "codebook", "random", 16, 1, 6.25],
    ]
    at = round(threshold, 4)
    assert filled(found["sweep"]) == [
        [5, "codebook", "own", 0.05, 24, 2, 8.3333],
        [5, "codebook", "own", at, 24, 6, 25],
        [5, "codebook", "own", 0.5, 24, 9, 37.5],
        [5, "templates", "own", 0.05, 8, 0, 0],
        [5, "templates", "own", at, 8, 1, 12.5],
        [5, "templates", "own", 0.5, 8, 2, 25],
        [5, "codebook", "random", 0.05, 16, 0, 0],
        [5, "codebook", "random", at, 16, 1, 6.25],
        [5, "codebook", "random", 0.5, 16, 16, 100],
    ]
    assert filled(found["clustered"], "random_percent") == [[""], [6.25]]


def test_numbers_look_the_same_beside_a_model_without_controls(summarise):
    tables = {("a", 5): classes_of(x="dead"), ("b", 5): classes_of(x="other")}
    found = summarise(tables, {"b": [(5, "codebook", "own", 0.2, 3, 2)]}, text=True)
    assert filled(found["controls"]) == [["b", "5", "codebook", "own", "3", "2", "66.6667"]]
    assert filled(found["sweep"]) == [["5", "codebook", "own", "0.2000", "3", "2", "66.6667"]]


def test_controls_that_are_all_dead_have_no_percentage(summarise):
    """Random phases may level the only kernel of a model."""
    found = summarise({("a", 5): classes_of(x="other")}, {"a": chance(5, 0, 0)})
    for name in ("controls", "sweep"):
        assert found[name]["percent"].isna().tolist() == [True] * 3
    assert found["clustered"][["random_percent", "phase_randomised_percent"]].isna().all(axis=None)
