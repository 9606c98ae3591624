"""Tables across models: counts and percentages by hand."""

import re

import pandas as pd
import pytest
from support.classes import classes_of

from kernel_atlas.tables.clustered import summarise_classes

CLUSTERED = [
    "model", "family", "kernel_size", "n_kernels", "n_dead", "n_clustered", "clustered_percent",
    "low_percent", "high_percent", "random_percent", "phase_randomised_percent", "paper_percent",
    "difference", "note",
]  # fmt: skip
HEADS = {
    "clustered": CLUSTERED,
    "families": [
        "family", "kernel_size", "n_models", *CLUSTERED[3:9], "same_percent", "paper_percent",
        "difference",
    ],
    "layers": [
        "model", "kernel_size", "layer_index", "layer", "class", "n", "percent", "median_sigma",
        "median_residual",
    ],
    "controls": [
        "model", "kernel_size", "method", "kernels", "n_kernels", "n_clustered", "percent",
    ],
    "sweep": [
        "kernel_size", "method", "kernels", "threshold", "n_kernels", "n_clustered", "percent",
    ],
}  # fmt: skip
CONTROLS = ["kernel_size", "method", "kernels", "threshold", "n_kernels", "n_clustered"]
THRESHOLDS = {3: 0.2, 5: 0.2, 7: 0.3}


def chance(size, n_kernels, n_random, n_phases=0):
    """A model's controls by the codebook and another method, at the threshold in force."""
    return [
        (size, "kmeans_10", "random", THRESHOLDS[size], n_kernels, n_kernels),
        (size, "codebook", "random", THRESHOLDS[size], n_kernels, n_random),
        (size, "codebook", "phase_randomised", THRESHOLDS[size], n_kernels, n_phases),
    ]


@pytest.fixture
def summarise(tmp_path):
    """A function that sums up tables by model and size, and reads the tables written.

    `controls` has the rows of a model's table of controls, `paper` the paper's numbers by
    model, `others` the rows of the sheet without results of their own: whose they take,
    and a note.
    """

    def run(
        tables, controls=None, paper=None, others=None, thresholds=THRESHOLDS, merge=(), text=False
    ):
        models = list(dict.fromkeys(model for model, _ in tables))
        others = others or {}
        listed = [*models, *others]
        for (model, size), table in tables.items():
            table.to_parquet(tmp_path / f"{model}-{size}.parquet")
        for model in models:
            rows = pd.DataFrame((controls or {}).get(model, []), columns=CONTROLS)
            rows.to_csv(tmp_path / f"{model}.tsv", sep="\t", index=False)
        published = [(paper or {}).get(model, ("", "")) for model in listed]
        summarise_classes(
            listed=listed,
            results_of=models + [model for model, _ in others.values()],
            families=[f"family of {model}" for model in listed],
            paper_tables=[table for table, _ in published],
            paper_percents=[percent for _, percent in published],
            notes=[""] * len(models) + [note for _, note in others.values()],
            thresholds=thresholds,
            merge=dict(merge),
            paths_to_classes={key: tmp_path / f"{key[0]}-{key[1]}.parquet" for key in tables},
            paths_to_controls={model: tmp_path / f"{model}.tsv" for model in models},
            folder=tmp_path / "tables",
        )
        written = {name: tmp_path / "tables" / f"{name}.tsv" for name in HEADS}
        assert {path.name for path in (tmp_path / "tables").iterdir()} == {
            "clustered.html", *(path.name for path in written.values())
        }  # fmt: skip
        found = {
            name: pd.read_csv(path, sep="\t", dtype=str if text else None)
            for name, path in written.items()
        }
        for name, table in found.items():
            assert list(table.columns) == HEADS[name]
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
    clustered, layers = found["clustered"], found["layers"]
    unknown = ["low_percent", "high_percent", "paper_percent", "difference", "note"]
    assert clustered.drop(columns=unknown).to_numpy().tolist() == [
        ["a", "family of a", 5, 4, 1, 2, 66.6667, 0, 33.3333],
        ["a", "family of a", 7, 1, 0, 1, 100, 100, 0],
        ["b", "family of b", 5, 2, 0, 0, 0, 50, 0],
        ["b", "family of b", 7, 4, 0, 3, 75, 25, 50],
    ]
    # of two layers, the interval goes from one to the other
    ends = clustered[["low_percent", "high_percent"]]
    assert ends.iloc[:3].isna().all(axis=None)
    assert ends.iloc[3].tolist() == [66.6667, 100]
    families = found["families"]
    assert families[["family", "kernel_size", "n_kernels"]].to_numpy().tolist() == [
        ["family of a", 5, 4], ["family of b", 5, 2], ["all", 5, 6],
        ["family of a", 7, 1], ["family of b", 7, 4], ["all", 7, 5],
    ]  # fmt: skip
    present = layers[layers["n"] > 0]
    assert present.astype(object).fillna("").to_numpy().tolist() == [
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


def test_merged_classes_are_counted_as_one_by_layer_and_change_nothing_else(summarise, caplog):
    tables = {
        ("a", 5): classes_of(x="on_centre on_cross other on_cross", y="off_cross dead"),
        ("a", 7): classes_of(x="on_cross mine"),
    }
    plain = summarise(tables)
    merged = summarise(
        tables, merge={"on_cross": "on_centre", "off_cross": "mine", "on_square": "off_square"}
    )
    # misspelt, it would pass in silence
    assert caplog.messages == ["config: merge.on_square: no label table has this class"]
    layers = merged.pop("layers")
    assert layers.astype(object).fillna("").to_numpy().tolist() == [
        ["a", 5, 0, "x", "on_centre", 3, 75, 2, 0.02],
        ["a", 5, 0, "x", "mine", 0, 0, "", ""],
        ["a", 5, 0, "x", "other", 1, 25, "", ""],
        ["a", 5, 0, "x", "dead", 0, 0, "", ""],
        ["a", 5, 1, "y", "on_centre", 0, 0, "", ""],
        ["a", 5, 1, "y", "mine", 1, 50, 5, 0.05],
        ["a", 5, 1, "y", "other", 0, 0, "", ""],
        ["a", 5, 1, "y", "dead", 1, 50, "", ""],
        ["a", 7, 0, "x", "on_centre", 1, 50, 1, 0.01],
        ["a", 7, 0, "x", "mine", 1, 50, 2, 0.02],
        ["a", 7, 0, "x", "other", 0, 0, "", ""],
        ["a", 7, 0, "x", "dead", 0, 0, "", ""],
    ]
    for name, table in merged.items():
        pd.testing.assert_frame_equal(table, plain[name])


@pytest.mark.parametrize(("paper_table", "size"), [("3", 5), ("4", 7)])
def test_published_numbers_stand_beside_their_own_size_alone(summarise, paper_table, size):
    tables = {(model, s): classes_of(x="other") for model in "ab" for s in (3, 5, 7)}
    clustered = summarise(tables, {}, {"b": (paper_table, "97.5")})["clustered"]
    published = clustered.dropna(subset="paper_percent")
    columns = ["model", "kernel_size", "paper_percent", "difference"]
    assert published[columns].to_numpy().tolist() == [["b", size, 97.5, -97.5]]
    assert clustered["difference"].notna().sum() == 1


def test_a_duplicate_has_the_results_of_its_first_and_its_own_published_number(summarise):
    tables = {("a", size): classes_of(x="on_cross other") for size in (5, 7)}
    paper = {"a": ("3", "90"), "b": ("4", "80")}
    found = summarise(tables, {"a": chance(5, 2, 1)}, paper, {"b": ("a", "the same as a")})
    columns = [
        "model", "family", "kernel_size", "n_clustered", "random_percent", "paper_percent",
        "difference", "note",
    ]  # fmt: skip
    assert found["clustered"][columns].astype(object).fillna("").to_numpy().tolist() == [
        ["a", "family of a", 5, 1, 50, 90, -40, ""],
        ["a", "family of a", 7, 1, "", "", "", ""],
        ["b", "family of b", 5, 1, 50, "", "", "the same as a"],
        ["b", "family of b", 7, 1, "", 80, -30, "the same as a"],
    ]
    assert found["layers"]["model"].value_counts().to_dict() == {"a": 6, "b": 6}
    assert set(found["families"]["family"]) == {"family of a", "all"}
    assert set(found["controls"]["model"]) == {"a"}


def test_a_model_without_weights_is_listed_where_the_paper_has_it(summarise):
    tables = {("a", size): classes_of(x="other") for size in (5, 7)}
    others = {"b": ("b", "never released"), "c": ("c", "never released either")}
    found = summarise(tables, {}, {"b": ("4", "56.65")}, others)
    rows = found["clustered"]
    row = rows[rows["model"] != "a"].astype(object).fillna("")
    assert row.to_numpy().tolist() == [
        ["b", "family of b", 7, 0, 0, 0, *[""] * 5, 56.65, "", "never released"]
    ]
    assert set(found["layers"]["model"]) == {"a"}


def test_a_model_of_dead_kernels_has_no_percentages(summarise):
    found = summarise({("a", 5): classes_of(x="dead dead")}, {})
    layers, row = found["layers"], found["clustered"].iloc[0]
    assert (row["n_kernels"], row["n_dead"], row["n_clustered"]) == (2, 2, 0)
    assert row[[name for name in CLUSTERED if "percent" in name]].isna().all()
    assert layers[layers["n"] > 0]["percent"].tolist() == [100]


def test_a_size_that_a_model_lacks_has_no_row(summarise):
    tables = {("a", 5): classes_of(), ("a", 7): classes_of(x="other"), ("b", 7): classes_of()}
    found = summarise(tables, {"a": chance(7, 1, 0)})
    assert found["clustered"][["model", "kernel_size"]].to_numpy().tolist() == [["a", 7]]
    for table in found.values():
        assert set(table["kernel_size"]) == {7}


@pytest.mark.parametrize("tables", [{}, {("a", 5): classes_of(), ("b", 5): classes_of()}])
def test_without_any_kernels_the_tables_have_headers_alone(summarise, tables):
    assert [len(table) for table in summarise(tables).values()] == [0] * 5


def test_the_page_shows_the_table(summarise, tmp_path):
    tables = {("a&b", 5): classes_of(x="other on_cross on_cross"), ("c", 7): classes_of(x="dead")}
    clustered = summarise(tables, {"a&b": chance(5, 3, 0, 1)})["clustered"]
    page = (tmp_path / "tables" / "clustered.html").read_text()
    heads, *rows = [re.findall("<t[dh]>(.*?)</t[dh]>", row) for row in page.split("<tr")[1:]]
    assert len(heads) == len(clustered.columns)
    assert rows == [
        ["a&amp;b", "family of a&amp;b", "5", "3", "0", "2", "66.67", "", "", "0.00", "33.33",
         "", "", ""],
        ["c", "family of c", "7", "1", "1", "0", *[""] * 8],
    ]  # fmt: skip


@pytest.mark.parametrize("threshold", [0.2, 0.137, 0.1 + 0.2, 1 / 3])
def test_controls_stand_at_the_threshold_in_force_and_the_sweep_over_all(summarise, threshold):
    def rows(method, kernels, n_kernels, counts):
        pairs = zip((0.05, threshold, 0.5), counts, strict=True)
        return [(5, method, kernels, at, n_kernels, n) for at, n in pairs]

    controls = {
        "a": rows("codebook", "own", 8, (1, 4, 6)) + rows("templates", "own", 8, (0, 1, 2)),
        "b": rows("codebook", "own", 16, (1, 2, 3)) + rows("codebook", "random", 16, (0, 1, 16)),
    }
    tables = {(model, 5): classes_of(x="other") for model in "ab"}
    found = summarise(tables, controls, thresholds={5: threshold})
    assert found["controls"].to_numpy().tolist() == [
        ["a", 5, "codebook", "own", 8, 4, 50],
        ["a", 5, "templates", "own", 8, 1, 12.5],
        ["b", 5, "codebook", "own", 16, 2, 12.5],
        ["b", 5, "codebook", "random", 16, 1, 6.25],
    ]
    at = round(threshold, 4)
    assert found["sweep"].to_numpy().tolist() == [
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
    assert found["clustered"]["random_percent"].fillna(-1).tolist() == [-1, 6.25]


def test_numbers_look_the_same_beside_a_model_without_controls(summarise):
    tables = {("a", 5): classes_of(x="dead"), ("b", 5): classes_of(x="other")}
    controls = {"b": [(5, "codebook", "own", 0.2, 3, 2)]}
    found = summarise(tables, controls, text=True)
    assert found["controls"].to_numpy().tolist() == [
        ["b", "5", "codebook", "own", "3", "2", "66.6667"]
    ]
    assert found["sweep"].to_numpy().tolist() == [
        ["5", "codebook", "own", "0.2000", "3", "2", "66.6667"]
    ]


def test_controls_of_which_none_is_live_have_no_percentage(summarise):
    """Random phases may level a model's only kernel that is not dead."""
    found = summarise({("a", 5): classes_of(x="other")}, {"a": chance(5, 0, 0)})
    for name in ("controls", "sweep"):
        assert found[name]["percent"].isna().tolist() == [True] * 3
    assert found["clustered"][["random_percent", "phase_randomised_percent"]].isna().all(axis=None)
