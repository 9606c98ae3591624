"""Tables across models: counts and percentages by hand."""

import re

import numpy as np
import pandas as pd
import pytest

from kernel_atlas.labels import order_classes
from kernel_atlas.tables import count_by_layer, count_clustered, summarise_classes

CLUSTERED = [
    "model", "family", "kernel_size", "n_kernels", "n_dead", "n_clustered",
    "clustered_percent", "random_percent", "paper_percent", "note",
]  # fmt: skip
LAYERS = ["model", "kernel_size", "layer_index", "layer", "class", "n", "percent"]


def classes_of(**layers):
    """A table of classes, by layer: its classes in a string of words, in the order given."""
    rows = [(name, label) for name, labels in layers.items() for label in labels.split()]
    names, labels = zip(*rows, strict=True) if rows else ((), ())
    index = [list(layers).index(name) for name in names]
    categories = order_classes({*labels, "on_cross", "other", "dead"})
    return pd.DataFrame(
        {
            "layer": pd.Categorical.from_codes(np.array(index, int), list(layers)),
            "layer_index": np.array(index, np.int32),
            "class": pd.Categorical(labels, categories),
        }
    )


@pytest.fixture
def summarise(tmp_path):
    """A function that sums up tables by model and size.

    `paper` has the paper's numbers by model, `others` the rows of the sheet without
    results of their own: whose they take, and a note.
    """

    def run(tables, controls, paper=None, others=None):
        models = list(dict.fromkeys(model for model, _ in tables))
        others = others or {}
        listed = [*models, *others]
        for (model, size), table in tables.items():
            table.to_parquet(tmp_path / f"{model}-{size}.parquet")
        for model in models:
            columns = ["kernel_size", "control", "n_kernels", "n_clustered"]
            rows = [(size, "random", *counts) for size, counts in controls.get(model, {}).items()]
            pd.DataFrame(rows, columns=columns).to_csv(
                tmp_path / f"{model}.tsv", sep="\t", index=False
            )
        published = [(paper or {}).get(model, ("", "")) for model in listed]
        summarise_classes(
            listed=listed,
            results_of=models + [model for model, _ in others.values()],
            families=[f"family of {model}" for model in listed],
            paper_tables=[table for table, _ in published],
            paper_percents=[percent for _, percent in published],
            notes=[""] * len(models) + [note for _, note in others.values()],
            paths_to_classes={key: tmp_path / f"{key[0]}-{key[1]}.parquet" for key in tables},
            paths_to_controls={model: tmp_path / f"{model}.tsv" for model in models},
            path_to_clustered=tmp_path / "clustered.tsv",
            path_to_clustered_html=tmp_path / "clustered.html",
            path_to_layers=tmp_path / "layers.tsv",
        )
        clustered = pd.read_csv(tmp_path / "clustered.tsv", sep="\t")
        return clustered, pd.read_csv(tmp_path / "layers.tsv", sep="\t")

    return run


def test_count_clustered():
    labels = pd.Series(["on_centre", "dead", "other", "mine", "on_centre", "dead"])
    expected = {"n_kernels": 6, "n_dead": 2, "n_clustered": 3, "clustered_percent": 75}
    assert count_clustered(labels) == expected


@pytest.mark.parametrize("labels", [[], ["dead", "dead"]])
def test_without_live_kernels_there_is_no_percentage(labels):
    found = count_clustered(pd.Series(labels, dtype=str))
    assert found["n_clustered"] == 0
    assert np.isnan(found["clustered_percent"])


def test_count_by_layer():
    found = count_by_layer(classes_of(b="other on_centre on_centre dead", a="dead"))
    assert found.to_dict("list") == {
        "layer_index": [0] * 4 + [1] * 4,
        "layer": ["b"] * 4 + ["a"] * 4,
        "class": ["on_centre", "on_cross", "other", "dead"] * 2,
        "n": [2, 0, 1, 1, 0, 0, 0, 1],
        "percent": [50, 0, 25, 25, 0, 0, 0, 100],
    }


def test_percentages_of_each_layer_sum_to_100(rng):
    words = rng.choice(["on_centre", "on_cross", "other", "dead"], 90)
    layers = {f"layer{i}": " ".join(words[i * 7 : i * 7 + 7]) for i in range(12)}
    counts = count_by_layer(classes_of(**layers))
    np.testing.assert_allclose(counts.groupby("layer_index")["percent"].sum(), [100] * 12)
    assert counts["layer"].unique().tolist() == list(layers)


def test_two_models_of_two_sizes_are_not_mixed_up(summarise):
    tables = {
        ("a", 5): classes_of(x="on_centre on_centre other dead"),
        ("a", 7): classes_of(x="", y="on_cross"),
        ("b", 5): classes_of(x="other other"),
        ("b", 7): classes_of(x="on_centre on_cross other", y="mine"),
    }
    controls = {"a": {5: (3, 0), 7: (1, 1)}, "b": {7: (4, 1), 5: (2, 1)}}
    clustered, layers = summarise(tables, controls)
    assert list(clustered.columns) == CLUSTERED
    assert clustered.drop(columns=["paper_percent", "note"]).to_numpy().tolist() == [
        ["a", "family of a", 5, 4, 1, 2, 66.6667, 0],
        ["a", "family of a", 7, 1, 0, 1, 100, 100],
        ["b", "family of b", 5, 2, 0, 0, 0, 50],
        ["b", "family of b", 7, 4, 0, 3, 75, 25],
    ]
    assert list(layers.columns) == LAYERS
    present = layers[layers["n"] > 0]
    assert present.to_numpy().tolist() == [
        ["a", 5, 0, "x", "on_centre", 2, 50],
        ["a", 5, 0, "x", "other", 1, 25],
        ["a", 5, 0, "x", "dead", 1, 25],
        ["a", 7, 1, "y", "on_cross", 1, 100],
        ["b", 5, 0, "x", "other", 2, 100],
        ["b", 7, 0, "x", "on_centre", 1, 33.3333],
        ["b", 7, 0, "x", "on_cross", 1, 33.3333],
        ["b", 7, 0, "x", "other", 1, 33.3333],
        ["b", 7, 1, "y", "mine", 1, 100],
    ]


@pytest.mark.parametrize(("paper_table", "size"), [("3", 5), ("4", 7)])
def test_published_numbers_stand_beside_their_own_size_alone(summarise, paper_table, size):
    tables = {(model, s): classes_of(x="other") for model in "ab" for s in (3, 5, 7)}
    clustered, _ = summarise(tables, {}, {"b": (paper_table, "97.5")})
    published = clustered.dropna(subset="paper_percent")
    assert published[["model", "kernel_size", "paper_percent"]].to_numpy().tolist() == [
        ["b", size, 97.5]
    ]


def test_a_duplicate_has_the_results_of_its_first_and_its_own_published_number(summarise):
    tables = {("a", size): classes_of(x="on_cross other") for size in (5, 7)}
    paper = {"a": ("3", "90"), "b": ("4", "80")}
    clustered, layers = summarise(tables, {}, paper, {"b": ("a", "the same as a")})
    columns = ["model", "family", "kernel_size", "n_clustered", "paper_percent", "note"]
    assert clustered[columns].astype(object).fillna("").to_numpy().tolist() == [
        ["a", "family of a", 5, 1, 90, ""],
        ["a", "family of a", 7, 1, "", ""],
        ["b", "family of b", 5, 1, "", "the same as a"],
        ["b", "family of b", 7, 1, 80, "the same as a"],
    ]
    assert layers["model"].value_counts().to_dict() == {"a": 6, "b": 6}


def test_a_model_without_weights_is_listed_where_the_paper_has_it(summarise):
    tables = {("a", size): classes_of(x="other") for size in (5, 7)}
    others = {"b": ("b", "never released"), "c": ("c", "never released either")}
    clustered, layers = summarise(tables, {}, {"b": ("4", "56.65")}, others)
    row = clustered[clustered["model"] != "a"].astype(object).fillna("")
    assert row.to_numpy().tolist() == [
        ["b", "family of b", 7, 0, 0, 0, "", "", 56.65, "never released"]
    ]
    assert set(layers["model"]) == {"a"}


def test_a_model_of_dead_kernels_has_no_percentages(summarise):
    clustered, layers = summarise({("a", 5): classes_of(x="dead dead")}, {})
    row = clustered.iloc[0]
    assert (row["n_kernels"], row["n_dead"], row["n_clustered"]) == (2, 2, 0)
    assert row[["clustered_percent", "random_percent", "paper_percent"]].isna().all()
    assert layers[layers["n"] > 0]["percent"].tolist() == [100]


def test_a_size_that_a_model_lacks_has_no_row(summarise):
    tables = {("a", 5): classes_of(), ("a", 7): classes_of(x="other"), ("b", 7): classes_of()}
    clustered, layers = summarise(tables, {"a": {7: (1, 0)}})
    assert clustered[["model", "kernel_size"]].to_numpy().tolist() == [["a", 7]]
    assert set(layers["kernel_size"]) == {7}


def test_without_any_kernels_the_tables_have_headers_alone(summarise):
    clustered, layers = summarise({("a", 5): classes_of()}, {})
    assert (list(clustered.columns), len(clustered)) == (CLUSTERED, 0)
    assert (list(layers.columns), len(layers)) == (LAYERS, 0)


def test_the_page_shows_the_table(summarise, tmp_path):
    tables = {("a&b", 5): classes_of(x="other on_cross on_cross"), ("c", 7): classes_of(x="dead")}
    clustered, _ = summarise(tables, {"a&b": {5: (3, 0)}})
    page = (tmp_path / "clustered.html").read_text()
    heads, *rows = [re.findall("<t[dh]>(.*?)</t[dh]>", row) for row in page.split("<tr")[1:]]
    assert len(heads) == len(clustered.columns)
    assert rows == [
        ["a&amp;b", "family of a&amp;b", "5", "3", "0", "2", "66.67", "0.00", "", ""],
        ["c", "family of c", "7", "1", "1", "0", "", "", "", ""],
    ]
