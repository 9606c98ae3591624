"""Samples have kernels of each layer and class, by either ruler, and few enough."""

import numpy as np
import pandas as pd
import pytest

from kernel_atlas.classes.table import Labels
from kernel_atlas.page import samples


@pytest.fixture
def classes(rng):
    """4,000 kernels in two layers, with their classes by either ruler."""
    n = 4000
    labels = {
        ruler: rng.choice(["on_centre", "on_cross", "other"], n, p=[0.9, 0.01, 0.09])
        for ruler in ("paper", "family")
    }
    return pd.DataFrame({"layer_index": np.repeat([0, 1], n // 2), "code": rng.random(n), **labels})


def labels_of(classes, ruler):
    return Labels.of(classes[ruler].astype("category"))


@pytest.mark.parametrize("limit", [1, 5])
def test_each_layer_and_class_has_as_many_as_there_may_be(classes, limit):
    labels = {ruler: labels_of(classes, ruler) for ruler in ("paper", "family")}
    layer = classes["layer_index"].to_numpy()
    chosen = classes.iloc[samples.choose_samples(layer, labels, limit, seed=0)]
    for ruler in ("paper", "family"):
        keys = ["layer_index", ruler]
        have, all_there = (table.groupby(keys, observed=True).size() for table in (chosen, classes))
        assert (have >= np.minimum(limit, all_there)).all()
    assert len(chosen) <= 2 * 2 * 3 * limit


def test_limit_keeps_the_page_small():
    counts = np.full(100_000, 1000)
    limit = samples.find_limit(counts)
    assert len(counts) * limit <= samples.MAX_KERNELS < len(counts) * (limit + 1)
    assert samples.find_limit(counts[:10]) == samples.MAX_SAMPLES
    assert samples.find_limit(np.full(10 * samples.MAX_KERNELS, 5)) == 1


def test_pool_has_kernels_along_the_whole_code_and_of_rare_classes(classes):
    near = np.ones(len(classes), bool)
    family = labels_of(classes, "family")
    chosen = classes.iloc[samples.choose_pool(classes["code"].to_numpy(), near, family)]
    assert np.diff(np.sort(chosen["code"])).max() < 0.02
    rare = (classes["family"] == "on_cross").sum()
    assert (chosen["family"] == "on_cross").sum() == rare
    assert len(chosen) < len(classes)


def test_quantised_kernels_keep_sign_and_shape(rng):
    kernels = np.concatenate([rng.normal(size=(5, 3, 3)), np.zeros((1, 3, 3))])
    small = samples.quantise(kernels)
    peaks = np.abs(kernels[:5]).max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(small[:5] / 127, kernels[:5] / peaks, atol=0.5 / 127 + 1e-9)
    assert not small[5].any()
