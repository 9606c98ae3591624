"""Families of models, pooled by hand."""

import numpy as np
import pandas as pd
import pytest

from kernel_atlas.tables.families import pool_families
from kernel_atlas.tables.intervals import percent_interval
from kernel_atlas.tables.layers import sum_up

SUMS = ["n_models", "n_kernels", "n_dead", "n_near", "near_percent"]


def layers_of(*counts):
    """Layers of kernels, dead and near ones; half of the near are clustered, the rest matched."""
    layers = pd.DataFrame(counts, columns=["n_kernels", "n_dead", "n_near"], dtype="Int64")
    clustered = layers["n_near"] // 2
    return layers.assign(n_clustered=clustered, n_matched=layers["n_near"] - clustered)


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
        ["all", 5, 3, 80, 10, 35, 43.75],
        ["x", 7, 1, 4, 0, 1, 25],
        ["all", 7, 1, 4, 0, 1, 25],
    ]
    everything = found.query("kernel_size == 5 and family == 'all'").iloc[0]
    assert everything["near_live_percent"] == 50
    assert everything[["n_clustered", "n_matched"]].tolist() == [17, 18]
    assert everything["clustered_percent"] == pytest.approx(1700 / 70)
    assert everything["matched_percent"] == pytest.approx(1800 / 70)
    assert found[["same_percent", "paper_percent", "difference"]].isna().all(axis=None)


def test_the_interval_of_a_family_takes_layers_at_one_depth_for_one():
    a = layers_of(*[(10, 0, n) for n in (5, 10, 2, 8, 3)])
    b = layers_of(*[(20, 5, n) for n in (12, 15, 9, 2, 0)])
    clustered, counts = clustered_of(("a", "x", 5, a, None), ("b", "x", 5, b, None))
    found = pool_families(clustered, counts)
    near, clustered = np.array([17, 25, 11, 10, 3]), np.array([8, 12, 5, 5, 1])
    ends = found[["near_low_percent", "near_high_percent"]].to_numpy()
    np.testing.assert_array_equal(ends, [percent_interval(near, np.full(5, 30))] * 2)
    ends = found[["clustered_low_percent", "clustered_high_percent"]].to_numpy()
    np.testing.assert_array_equal(ends, [percent_interval(clustered, np.full(5, 25))] * 2)
    assert not np.isnan(ends).any()


def test_a_size_without_a_codebook_has_matched_kernels_alone():
    layers = layers_of((10, 0, 8)).assign(n_near=pd.NA, n_clustered=pd.NA)
    clustered, counts = clustered_of(("a", "x", 9, layers, None))
    found = pool_families(clustered, counts)
    assert found["n_matched"].tolist() == [4, 4]
    assert found["matched_percent"].tolist() == [40, 40]
    assert found[["n_near", "n_clustered", "near_percent", "same_percent"]].isna().all(axis=None)


def test_a_checkpoint_counts_once():
    a = layers_of((10, 0, 5), (10, 0, 5))
    clustered, counts = clustered_of(("a", "x", 5, a, 40), ("twin", "y", 5, "a", 60))
    found = pool_families(clustered, counts)
    assert found[["family", *SUMS, "paper_percent", "difference"]].to_numpy().tolist() == [
        ["x", 1, 20, 0, 10, 50, 40, 10],
        ["all", 1, 20, 0, 10, 50, 40, 10],
    ]


def test_models_without_a_family_count_only_for_all():
    clustered, counts = clustered_of(
        ("a", "", 5, layers_of((10, 0, 5)), None), ("b", "x", 5, layers_of((10, 0, 10)), None)
    )
    found = pool_families(clustered, counts)
    assert found[["family", *SUMS]].to_numpy().tolist() == [
        ["x", 1, 10, 0, 10, 100],
        ["all", 2, 20, 0, 15, 75],
    ]


def test_published_percentages_are_weighted_by_kernels_and_compared_with_the_same_models():
    clustered, counts = clustered_of(
        ("a", "x", 5, layers_of((100, 0, 60)), 70),
        ("b", "x", 5, layers_of((300, 0, 240)), 66),
        ("not published", "x", 5, layers_of((1000, 0, 0)), None),
        ("half dead", "x", 5, layers_of((100, 50, 40)), 72),
        ("never released", "x", 5, layers_of(), 99),
    )
    found = pool_families(clustered, counts)
    assert found["family"].tolist() == ["x", "all"]
    for row in found.to_dict("records"):
        assert row["n_models"] == 4
        assert row["near_percent"] == pytest.approx(100 * 340 / 1500)
        assert row["same_percent"] == pytest.approx(100 * 340 / 500)
        assert row["paper_percent"] == pytest.approx((70 + 3 * 66 + 72) / 5)
        assert row["difference"] == pytest.approx(0)
