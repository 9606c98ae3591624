"""Counts by layer and class, and sums over layers, by hand."""

import numpy as np
import pytest
from support.classes import classes_of

from kernel_atlas.tables.layers import count_by_layer, count_layers, sum_up


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
