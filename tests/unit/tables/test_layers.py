"""Counts by layer and class, and sums over layers, by hand."""

import numpy as np
import pandas as pd
import pytest
from support.classes import classes_of

from kernel_atlas.classes.table import ClassTable
from kernel_atlas.tables.intervals import percent_interval
from kernel_atlas.tables.layers import (
    COUNTS,
    NO_LAYERS,
    SHARES,
    SUMS,
    count_by_layer,
    count_layers,
    sum_up,
)

NAN = float("nan")


def rows_of(counts, *columns):
    """The rows in which something is counted: layer, class and these columns."""
    counts = counts[(counts["n"].fillna(0) > 0) | (counts["n_members"] > 0)]
    return counts[["layer", "class", *columns]].astype(object).to_numpy().tolist()


def test_classes_are_counted_by_either_ruler():
    classes = classes_of(
        b="other/on_cross on_centre on_centre/on_cross on_centre/~on_centre dead mine",
        a="dead other",
    )
    counts = count_by_layer(ClassTable.of(classes))
    assert rows_of(counts, "n", "n_members", "percent", "members_percent") == [
        ["b", "on_centre", 3, 2, 50, pytest.approx(100 / 3)],
        ["b", "on_cross", 0, 2, 0, pytest.approx(100 / 3)],
        ["b", "mine", 1, 0, pytest.approx(100 / 6), 0],
        ["b", "other", 1, 1, pytest.approx(100 / 6), pytest.approx(100 / 6)],
        ["b", "dead", 1, 1, pytest.approx(100 / 6), pytest.approx(100 / 6)],
        ["a", "other", 1, 1, 50, 50],
        ["a", "dead", 1, 1, 50, 50],
    ]
    # absent classes have rows too, the same in every layer
    labels = counts.groupby("layer_index")["class"].agg(list)
    assert labels[0] == labels[1]
    assert {"off_square", "first_derivative_up"} <= set(labels[0])


def test_medians_are_of_matched_kernels_by_the_class_of_their_member():
    classes = classes_of(
        b="on_cross other/on_centre on_centre on_cross/on_centre on_centre/~on_centre", a="on_cross"
    )
    classes["sigma"] = [9, 3, 1, 0.5, 20, 7]
    found = count_by_layer(ClassTable.of(classes)).set_index(["layer_index", "class"])
    medians = found[["median_sigma", "median_residual"]].dropna().T.to_dict("list")
    assert medians == {
        (0, "on_centre"): pytest.approx([1, 0.03]),
        (0, "on_cross"): pytest.approx([9, 0.01]),
        (1, "on_cross"): pytest.approx([7, 0.06]),
    }


def test_dead_kernels_alone_do_not_look_measured_without_a_codebook():
    dead = classes_of(a="dead dead").assign(near=pd.array([None, None], "boolean"))
    facts = sum_up(count_layers(ClassTable.of(dead)))
    assert (facts["n_near"], facts["n_clustered"]) == (None, None)
    assert np.isnan(facts["near_percent"])


def test_without_a_codebook_the_paper_s_ruler_counts_nothing():
    classes = classes_of(a="-/on_cross -/~on_cross dead", b="-/off_cross")
    found = count_by_layer(ClassTable.of(classes))
    assert found[["n", "percent"]].isna().all(axis=None)
    members = found[found["n_members"] > 0][["layer", "class", "n_members"]]
    assert members.to_numpy().tolist() == [
        ["a", "on_cross", 1],
        ["a", "other", 1],
        ["a", "dead", 1],
        ["b", "off_cross", 1],
    ]
    layers = count_layers(ClassTable.of(classes))
    assert layers["n_matched"].tolist() == [1, 1]
    assert layers[["n_near", "n_clustered"]].isna().all(axis=None)
    sums = sum_up(layers)
    assert [sums[name] for name in COUNTS] == [4, 1, None, None, 2]
    assert sums["matched_percent"] == pytest.approx(200 / 3)
    others = [name for name in SUMS if "percent" in name and name != "matched_percent"]
    np.testing.assert_array_equal([sums[name] for name in others], NAN)


def test_layers_are_counted():
    words = {
        "b": "mine on_centre dead other ~other",
        "none": "",
        "a": "on_cross/~on_cross dead dead",
    }
    assert count_layers(ClassTable.of(classes_of(**words))).reset_index().to_numpy().tolist() == [
        [0, 5, 1, 3, 2, 2],
        [2, 3, 2, 1, 1, 0],
    ]


def test_sums_are_in_percent_of_all_or_of_live_kernels():
    layers = count_layers(
        ClassTable.of(classes_of(b="mine on_centre dead other ~other", a="on_cross dead dead"))
    )
    sums = sum_up(layers)
    assert list(sums) == SUMS
    assert [sums[name] for name in COUNTS] == [8, 3, 4, 3, 3]
    assert sums["near_percent"] == 50
    assert sums["near_live_percent"] == 80
    assert sums["clustered_percent"] == sums["matched_percent"] == 60


def test_of_no_layers_nothing_is_known_but_that_they_have_no_kernels():
    sums = sum_up(NO_LAYERS)
    assert [sums[name] for name in COUNTS] == [0, 0, None, None, None]
    assert all(np.isnan(sums[name]) for name in SUMS if name not in COUNTS)


def test_each_percentage_has_its_interval(rng):
    words = [
        " ".join(rng.choice(["mine", "dead", "other", "~other/on_cross"], 9)) for _ in range(7)
    ]
    layers = count_layers(
        ClassTable.of(classes_of(**{f"layer{i}": text for i, text in enumerate(words)}))
    )
    sums = sum_up(layers)
    n_live = (layers["n_kernels"] - layers["n_dead"]).to_numpy(int)
    for name, of in (("near", np.full(7, 9)), ("clustered", n_live), ("matched", n_live)):
        ends = percent_interval(layers[f"n_{name}"].to_numpy(int), of)
        assert (sums[f"{name}_low_percent"], sums[f"{name}_high_percent"]) == ends
        assert ends[0] < sums[f"{name}_percent"] < ends[1]


def test_dead_kernels_count_only_where_the_paper_counts_them():
    sums = sum_up(count_layers(ClassTable.of(classes_of(a="dead dead"))))
    assert sums["near_percent"] == 0
    for name in ("near_live", "clustered", "matched"):
        assert np.isnan(sums[f"{name}_percent"])
    assert {share.of_all for share in SHARES.values()} == {True, False}
