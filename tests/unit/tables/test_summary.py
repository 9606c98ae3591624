"""Tables across models: counts and percentages by hand."""

import re

import pandas as pd
import pytest
from support.classes import classes_of
from support.tables import chance, counted, filled

from kernel_atlas.tables import clustered


def test_two_models_of_two_sizes_are_not_mixed_up(summarise):
    tables = {
        ("a", 5): classes_of(x="on_centre on_centre/~on_cross other dead"),
        ("a", 7): classes_of(x="", y="on_cross"),
        ("b", 5): classes_of(x="other ~other/on_cross"),
        ("b", 7): classes_of(x="on_centre on_cross other", y="mine"),
    }
    controls = {
        "a": chance(5, 3, 2, 1) + chance(7, 1, 1),
        "b": chance(7, 4, 1, 2) + chance(5, 2, 1),
    }
    found = summarise(tables, controls)
    counts = [f"n_{name}" for name in ("kernels", "dead", "near", "clustered", "matched")]
    percents = [f"{name}_percent" for name in ("near", "near_live", "clustered", "matched")]
    assert filled(found["clustered"], "model", "family", "kernel_size", *counts, *percents) == [
        ["a", "family of a", 5, 4, 1, 2, 2, 1, 50, 66.6667, 66.6667, 33.3333],
        ["a", "family of a", 7, 1, 0, 1, 1, 1, 100, 100, 100, 100],
        ["b", "family of b", 5, 2, 0, 1, 0, 1, 50, 50, 0, 50],
        ["b", "family of b", 7, 4, 0, 3, 3, 3, 75, 75, 75, 75],
    ]
    by_chance = [f"{name}_percent" for name in ("near", "clustered", "matched")]
    random, phases = ([f"{kind}_{n}" for n in by_chance] for kind in ("random", "phase_randomised"))
    assert filled(found["clustered"], *random, *phases) == [
        [66.6667, 33.3333, 100, 33.3333, 0, 0],
        [100, 0, 100, 0, 0, 0],
        [50, 0, 100, 0, 0, 0],
        [25, 0, 100, 50, 25, 0],
    ]
    assert filled(found["families"], "family", "kernel_size", "n_kernels") == [
        ["family of a", 5, 4],
        ["family of b", 5, 2],
        ["all", 5, 6],
        ["family of a", 7, 1],
        ["family of b", 7, 4],
        ["all", 7, 5],
    ]
    assert filled(counted(found["layers"])) == [
        ["a", 5, 0, "x", "on_centre", 2, 50, 1, 25, 1, 0.01],
        ["a", 5, 0, "x", "other", 1, 25, 2, 50, "", ""],
        ["a", 5, 0, "x", "dead", 1, 25, 1, 25, "", ""],
        ["a", 7, 1, "y", "on_cross", 1, 100, 1, 100, 1, 0.01],
        ["b", 5, 0, "x", "on_cross", 0, 0, 1, 50, 2, 0.02],
        ["b", 5, 0, "x", "other", 2, 100, 1, 50, "", ""],
        ["b", 7, 0, "x", "on_centre", 1, 33.3333, 1, 33.3333, 1, 0.01],
        ["b", 7, 0, "x", "on_cross", 1, 33.3333, 1, 33.3333, 2, 0.02],
        ["b", 7, 0, "x", "other", 1, 33.3333, 1, 33.3333, "", ""],
        ["b", 7, 1, "y", "on_centre", 0, 0, 1, 100, 4, 0.04],
        ["b", 7, 1, "y", "mine", 1, 100, 0, 0, "", ""],
    ]
    assert filled(found["agreement"].query("kernel_size == 5")) == [
        [5, "on_centre", "on_centre", 1, 50],
        [5, "on_centre", "unmatched", 1, 50],
        [5, "other", "unmatched", 2, 66.6667],
        [5, "other", "on_cross", 1, 33.3333],
        [5, "dead", "dead", 1, 100],
    ]


def test_merged_classes_change_nothing_but_the_counts_by_layer(summarise, caplog):
    tables = {
        ("a", 5): classes_of(x="on_centre on_cross other on_cross", y="off_cross dead"),
        ("a", 7): classes_of(x="on_cross mine"),
    }
    merge = {"on_cross": "on_centre", "off_cross": "mine", "on_square": "blob", "mispelt": "x"}
    plain, merged = summarise(tables), summarise(tables, merge=merge)
    # a misspelt class does not pass in silence
    (message,) = caplog.messages
    assert message.startswith("config: merge.mispelt: neither the family nor a label table has")
    found = merged.pop("layers")
    assert filled(counted(found)) == [
        ["a", 5, 0, "x", "on_centre", 3, 75, 3, 75, 2, 0.02],
        ["a", 5, 0, "x", "other", 1, 25, 1, 25, "", ""],
        ["a", 5, 1, "y", "mine", 1, 50, 1, 50, 5, 0.05],
        ["a", 5, 1, "y", "dead", 1, 50, 1, 50, "", ""],
        ["a", 7, 0, "x", "on_centre", 1, 50, 2, 100, 1.5, 0.015],
        ["a", 7, 0, "x", "mine", 1, 50, 0, 0, "", ""],
    ]
    assert not {"on_cross", "off_cross", "on_square"} & set(found["class"])
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
    columns = "model kernel_size n_clustered random_near_percent paper_percent difference note"
    assert filled(found["clustered"], *columns.split()) == [
        ["a", 5, 1, 50, 90, -40, ""],
        ["a", 7, 1, "", "", "", ""],
        ["b", 5, 1, 50, "", "", "the same as a"],
        ["b", 7, 1, "", 80, -30, "the same as a"],
    ]
    a, b = (rows.drop(columns="model") for _, rows in found["layers"].groupby("model"))
    pd.testing.assert_frame_equal(a.reset_index(drop=True), b.reset_index(drop=True))
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
    (row,) = filled(rows[rows["model"] != "a"])
    assert row[:5] == ["b", "family of b", 7, 0, 0]
    assert set(row[5:-3]) == {""}
    assert row[-3:] == [56.65, "", "why"]
    assert set(found["layers"]["model"]) == {"a"}


def test_a_compared_model_is_not_listed(summarise):
    paper = {"paper_table": "4", "paper_percent": "56.65", "outcome": "failed"}
    found = summarise({("a", 5): classes_of(x="other")}, rows={"b": paper | {"role": "compare"}})
    assert found["clustered"]["model"].tolist() == ["a"]


def test_a_model_of_dead_kernels_has_only_the_percentage_of_all_kernels(summarise):
    found = summarise({("a", 5): classes_of(x="dead dead")})
    row = found["clustered"].iloc[0]
    assert (row["n_kernels"], row["n_dead"], row["n_clustered"]) == (2, 2, 0)
    percents = row[[name for name in clustered.COLUMNS if "percent" in name]].dropna()
    assert percents.to_dict() == {"near_percent": 0}
    assert found["layers"].query("n > 0")["percent"].tolist() == [100]


def test_a_size_that_a_model_lacks_has_no_row(summarise):
    tables = {("a", 5): classes_of(), ("a", 7): classes_of(x="other"), ("b", 7): classes_of()}
    found = summarise(tables, {"a": chance(7, 1, 0)})
    assert filled(found["clustered"], "model", "kernel_size") == [["a", 7]]
    assert all(set(table["kernel_size"]) == {7} for table in found.values())


@pytest.mark.parametrize("tables", [{}, {("a", 5): classes_of(), ("b", 5): classes_of()}])
def test_without_any_kernels_the_tables_have_headers_only(summarise, tables):
    assert [len(table) for table in summarise(tables).values()] == [0] * 7


def test_the_page_shows_the_percentages_by_either_ruler(summarise, tmp_path):
    layers = dict.fromkeys("uvwxyz", "other on_cross on_cross")
    tables = {("a&b", 5): classes_of(**layers), ("c", 7): classes_of(x="dead")}
    paper = {"paper_table": "3", "paper_percent": "70", "note": "why"}
    summarise(tables, {"a&b": chance(5, 4, 2, 1)}, rows={"a&b": paper})
    page = (tmp_path / "tables" / "clustered.html").read_text()
    above, heads, *rows = [
        re.findall("<t[dh][^>]*>(.*?)</t[dh]>", row) for row in page.split("<tr")[1:]
    ]
    assert [head for head in above if head] == [
        "near, of all kernels %",
        "clustered, of live kernels %",
        "matched, of live kernels %",
        "published",
    ]
    assert heads[:6] == ["model", "family", "kernel size", "kernels", "dead", "near"]
    first = (
        "a&amp;b|family of a&amp;b|5|18|0|66.67|29.3 to 89.9|50.00|25.00|"
        "66.67|29.3 to 89.9|25.00|0.00|66.67|29.3 to 89.9|100.00|0.00|70.00|-3.33|why"
    )
    assert ["|".join(row) for row in rows] == [first, "c|family of c|7|1|1|0.00||||||||||||||"]
