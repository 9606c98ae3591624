"""Counts by layer, and sums over layers, models and families, by hand."""

import numpy as np
import pandas as pd
import pytest
from support.classes import classes_of

from kernel_atlas.tables.families import pool_families
from kernel_atlas.tables.intervals import bootstrap_percent
from kernel_atlas.tables.layers import count_by_layer, count_layers, sum_up

SUMS = ["n_models", "n_kernels", "n_dead", "n_clustered", "clustered_percent"]


def test_count_by_layer():
    words = {"b": "other on_centre on_centre dead on_cross on_centre", "a": "dead on_centre"}
    classes = classes_of(**words)
    classes["sigma"] = [None, 3, 1, None, 0.5, 10, None, 2]
    found = count_by_layer(classes)
    nan = float("nan")
    sigmas, residuals = found.pop("median_sigma"), found.pop("median_residual")
    np.testing.assert_array_equal(sigmas, [3, 0.5, nan, nan, 2, nan, nan, nan])
    np.testing.assert_allclose(residuals, [0.03, 0.05, nan, nan, 0.08, nan, nan, nan])
    assert found.to_dict("list") == {
        "layer_index": [0] * 4 + [1] * 4,
        "layer": ["b"] * 4 + ["a"] * 4,
        "class": ["on_centre", "on_cross", "other", "dead"] * 2,
        "n": [3, 1, 1, 1, 1, 0, 0, 1],
        "percent": pytest.approx([50, *[100 / 6] * 3, 50, 0, 0, 50]),
    }


def test_percentages_of_each_layer_sum_to_100(rng):
    words = rng.choice(["on_centre", "on_cross", "other", "dead"], 90)
    layers = {f"layer{i}": " ".join(words[i * 7 : i * 7 + 7]) for i in range(12)}
    counts = count_by_layer(classes_of(**layers))
    np.testing.assert_allclose(counts.groupby("layer_index")["percent"].sum(), [100] * 12)
    assert counts["layer"].unique().tolist() == list(layers)


def test_layers_are_summed_up():
    words = {"b": "mine on_centre dead other", "none": "", "a": "on_cross dead dead"}
    layers = count_layers(classes_of(**words))
    assert layers.to_dict("index") == {
        0: {"n_kernels": 4, "n_dead": 1, "n_clustered": 2},
        2: {"n_kernels": 3, "n_dead": 2, "n_clustered": 1},
    }
    sums = {"n_kernels": 7, "n_dead": 3, "n_clustered": 3, "clustered_percent": 75}
    interval = {"low_percent": pytest.approx(200 / 3), "high_percent": 100}
    assert sum_up(layers) == sums | interval


@pytest.mark.parametrize("words", ["", "dead dead"])
def test_without_live_kernels_there_is_no_percentage(words):
    found = sum_up(count_layers(classes_of(a=words, b=words)))
    assert (found["n_kernels"], found["n_clustered"]) == (2 * len(words.split()), 0)
    assert np.isnan([found[f"{end}_percent"] for end in ("clustered", "low", "high")]).all()


def layers_of(*counts):
    return pd.DataFrame(counts, columns=["n_kernels", "n_dead", "n_clustered"])


def clustered_of(*rows):
    """The table clustered.tsv, and the counts behind it.

    A row is a model, its family, size, layers and published number. A duplicate has the
    name of its first in place of layers.
    """
    table, counts = [], {}
    for model, family, size, layers, paper in rows:
        if isinstance(layers, pd.DataFrame):
            counts |= {(model, size): layers} if len(layers) else {}
        sums = sum_up(counts[layers, size] if isinstance(layers, str) else layers)
        table.append(
            {"model": model, "family": family, "kernel_size": size, "paper_percent": paper} | sums
        )
    return pd.DataFrame(table).astype({"paper_percent": float}), counts


def test_families_and_all_models_are_pooled_by_size():
    a = layers_of((10, 0, 5), (10, 0, 10))
    b, c, d = layers_of((20, 0, 20)), layers_of((40, 10, 0)), layers_of((4, 0, 1))
    clustered, counts = clustered_of(
        ("c", "y", 5, c, None),
        ("a", "x", 5, a, None),
        ("b", "x", 5, b, None),
        ("d", "x", 7, d, None),
    )
    found = pool_families(clustered, counts)
    assert found[["family", "kernel_size", *SUMS]].to_numpy().tolist() == [
        ["y", 5, 1, 40, 10, 0, 0],
        ["x", 5, 2, 40, 0, 35, 87.5],
        ["all", 5, 3, 80, 10, 35, 50],
        ["x", 7, 1, 4, 0, 1, 25],
        ["all", 7, 1, 4, 0, 1, 25],
    ]
    intervals = found[["low_percent", "high_percent"]].to_numpy()
    np.testing.assert_array_equal(
        intervals[1], bootstrap_percent(np.array([5, 10, 20]), np.array([10, 10, 20]))
    )
    np.testing.assert_array_equal(
        intervals[2], bootstrap_percent(np.array([0, 5, 10, 20]), np.array([30, 10, 10, 20]))
    )
    assert np.isnan(intervals[[0, 3, 4]]).all()
    assert found[["same_percent", "paper_percent", "difference"]].isna().all(axis=None)


def test_a_checkpoint_counts_once():
    a = layers_of((10, 0, 5), (10, 0, 5))
    clustered, counts = clustered_of(("a", "x", 5, a, 40), ("twin", "y", 5, "a", 60))
    found = pool_families(clustered, counts)
    assert found[["family", *SUMS, "paper_percent", "difference"]].to_numpy().tolist() == [
        ["x", 1, 20, 0, 10, 50, 40, 10],
        ["all", 1, 20, 0, 10, 50, 40, 10],
    ]


def test_models_without_a_family_count_for_all_alone():
    clustered, counts = clustered_of(
        ("a", "", 5, layers_of((10, 0, 5)), None), ("b", "x", 5, layers_of((10, 0, 10)), None)
    )
    found = pool_families(clustered, counts)
    assert found[["family", *SUMS]].to_numpy().tolist() == [
        ["x", 1, 10, 0, 10, 100],
        ["all", 2, 20, 0, 15, 75],
    ]


def test_published_percentages_are_weighted_by_kernels_and_set_beside_the_same_models():
    clustered, counts = clustered_of(
        ("a", "x", 5, layers_of((100, 0, 60)), 70),
        ("b", "x", 5, layers_of((300, 0, 240)), 66),
        ("not published", "x", 5, layers_of((1000, 0, 0)), None),
        ("dead", "x", 5, layers_of((500, 500, 0)), 10),
        ("never released", "x", 5, layers_of(), 99),
    )
    found = pool_families(clustered, counts)
    assert found["family"].tolist() == ["x", "all"]
    for row in found.to_dict("records"):
        assert row["n_models"] == 4
        assert row["clustered_percent"] == pytest.approx(100 * 300 / 1400)
        assert row["same_percent"] == pytest.approx(75)
        assert row["paper_percent"] == pytest.approx(67)
        assert row["difference"] == pytest.approx(8)


def test_no_models_give_no_families():
    clustered, _ = clustered_of(("never released", "x", 7, layers_of(), 99))
    for rows in (clustered, clustered[:0]):
        assert len(pool_families(rows, {})) == 0
