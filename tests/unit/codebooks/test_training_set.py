"""The training set: live kernels of the train models, and models that have none."""

import numpy as np
import pytest

from kernel_atlas.codebooks import training_set
from kernel_atlas.codebooks.training_set import (
    list_training_set,
    read_training_set,
    sample_training_set,
)
from kernel_atlas.errors import AtlasError


@pytest.fixture
def five(rng):
    """Five 5x5 kernels, of which number 3 is dead."""
    kernels = rng.normal(size=(5, 5, 5)).astype(np.float32)
    kernels[3] = 0.5
    return kernels


@pytest.fixture
def groups(write_group, rng, five):
    """Two models of 5x5 and 7x7 kernels, and one of 3x3 and 9x9 alone."""
    return {
        "b": write_group("b", [("x", five[:2]), ("y", rng.normal(size=(3, 7, 7)))]),
        "a": write_group("a", [("x", five[2:])]),
        "c": write_group("c", [("x", np.ones((2, 9, 9))), ("y", rng.normal(size=(1, 3, 3)))]),
    }


@pytest.mark.parametrize("order", ["bac", "cab"])
def test_live_kernels_in_the_order_of_ids(groups, five, order):
    found = read_training_set([groups[model] for model in order], 5)
    np.testing.assert_array_equal(found, five[[2, 4, 0, 1]])


def test_a_size_that_no_model_has(groups):
    found = read_training_set(groups.values(), 11)
    assert (found.shape, found.dtype) == ((0, 11, 11), np.float32)


@pytest.mark.parametrize(("limit", "n_drawn"), [(0, 0), (1, 1), (3, 3), (4, 4), (5, 4)])
def test_a_sample_has_so_many_live_kernels_at_most_each_once(
    groups, five, monkeypatch, limit, n_drawn
):
    monkeypatch.setattr(training_set, "MAX_SAMPLE", limit)
    found = sample_training_set(groups.values(), 5)
    assert (found.shape, found.dtype) == ((n_drawn, 5, 5), np.float32)
    live = [kernel.tobytes() for kernel in five[[0, 1, 2, 4]]]
    drawn = [kernel.tobytes() for kernel in found]
    assert len(set(drawn)) == n_drawn
    assert set(drawn) <= set(live)


def test_a_sample_is_drawn_from_all_models_and_always_the_same(write_group, rng, monkeypatch):
    monkeypatch.setattr(training_set, "MAX_SAMPLE", 60)
    groups = [write_group(name, [("x", rng.normal(size=(100, 5, 5)))]) for name in "ab"]
    everything = read_training_set(groups, 5)
    sample = sample_training_set(groups, 5)
    np.testing.assert_array_equal(sample, sample_training_set(groups[::-1], 5))
    rows = [int((everything == kernel).all(axis=(1, 2)).argmax()) for kernel in sample]
    assert 10 < sum(row < 100 for row in rows) < 50


def test_the_list_counts_kernels_and_dead_ones(groups, tmp_path):
    path = tmp_path / "tables" / "training_set.tsv"
    list_training_set(groups.values(), [3, 5, 7], path)
    header, *rows = path.read_text().splitlines()
    assert header.split("\t") == ["model", "kernel_size", "n_kernels", "n_dead"]
    assert [row.split("\t") for row in rows] == [
        ["a", "3", "0", "0"],
        ["a", "5", "3", "1"],
        ["a", "7", "0", "0"],
        ["b", "3", "0", "0"],
        ["b", "5", "2", "0"],
        ["b", "7", "3", "0"],
        ["c", "3", "1", "0"],
        ["c", "5", "0", "0"],
        ["c", "7", "0", "0"],
    ]


def test_a_train_model_with_none_of_the_sizes_is_refused(groups, tmp_path):
    path = tmp_path / "training_set.tsv"
    with pytest.raises(AtlasError) as caught:
        list_training_set(groups.values(), [5, 7], path)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert "model c, column role" in message
    assert "no kernels of size 5x5, 7x7, only 3x3, 9x9" in message
    assert not path.exists()
