"""The training set: live kernels of the train models, and models that have none."""

import numpy as np
import pandas as pd
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
    """Models of 5x5 and 7x7 kernels, and one of 3x3 and 9x9 only."""
    return {
        "b": write_group("b", [("x", five[:2]), ("y", rng.normal(size=(3, 7, 7)))]),
        "a": write_group("a", [("x", five[2:])]),
        "c": write_group("c", [("x", np.ones((2, 9, 9))), ("y", rng.normal(size=(1, 3, 3)))]),
    }


@pytest.mark.parametrize("order", ["bac", "cab"])
def test_live_kernels_are_read_in_the_order_of_ids(groups, five, order):
    found = read_training_set([groups[model] for model in order], 5)
    np.testing.assert_array_equal(found, five[[2, 4, 0, 1]])


def test_dead_kernels_are_left_out_wherever_they_are(write_group, rng):
    kernels = rng.normal(size=(40, 3, 3)).astype(np.float32)
    dead = [0, 3, 4, 5, 17, 18, 30, 39]
    kernels[dead] = 0.25
    groups = [
        write_group(name, [("x", kernels[start : start + 10])])
        for name, start in zip("abcd", range(0, 40, 10), strict=True)
    ]
    np.testing.assert_array_equal(read_training_set(groups, 3), np.delete(kernels, dead, axis=0))


def test_a_size_that_no_model_has_gives_no_kernels(groups):
    found = read_training_set(groups.values(), 11)
    assert (found.shape, found.dtype) == ((0, 11, 11), np.float32)


@pytest.mark.parametrize(("limit", "n_drawn"), [(0, 0), (3, 3), (4, 4), (5, 4)])
def test_a_sample_has_a_maximum_size_and_no_kernel_twice(groups, five, monkeypatch, limit, n_drawn):
    monkeypatch.setattr(training_set, "MAX_SAMPLE", limit)
    found = sample_training_set(groups.values(), 5)
    assert (found.shape, found.dtype) == ((n_drawn, 5, 5), np.float32)
    rows = [int((five == kernel).all(axis=(1, 2)).argmax()) for kernel in found]
    assert len(set(rows)) == n_drawn


def test_a_sample_is_the_same_every_time_and_from_all_models(write_group, rng, monkeypatch):
    monkeypatch.setattr(training_set, "MAX_SAMPLE", 60)
    groups = [write_group(name, [("x", rng.normal(size=(100, 5, 5)))]) for name in "ab"]
    everything = read_training_set(groups, 5)
    sample = sample_training_set(groups, 5)
    np.testing.assert_array_equal(sample, sample_training_set(groups[::-1], 5))
    rows = [int((everything == kernel).all(axis=(1, 2)).argmax()) for kernel in sample]
    assert 10 < sum(row < 100 for row in rows) < 50


def test_the_table_counts_kernels_and_dead_ones_without_models_that_failed(
    groups, write_group, tmp_path
):
    path = tmp_path / "tables" / "training_set.tsv"
    list_training_set([*groups.values(), write_group("failed", [])], [3, 5, 7], path)
    assert path.read_text() == (
        "model\tkernel_size\tn_kernels\tn_dead\n"
        "a\t3\t0\t0\na\t5\t3\t1\na\t7\t0\t0\n"
        "b\t3\t0\t0\nb\t5\t2\t0\nb\t7\t3\t0\n"
        "c\t3\t1\t0\nc\t5\t0\t0\nc\t7\t0\t0\n"
    )


def test_a_train_model_with_none_of_the_sizes_is_refused(groups, tmp_path):
    path = tmp_path / "training_set.tsv"
    with pytest.raises(AtlasError) as caught:
        list_training_set(groups.values(), [5, 7], path)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert "model c, column role" in message
    assert "no kernels of size 5x5, 7x7, only 3x3, 9x9" in message
    assert not path.exists()


def test_without_sizes_to_train_no_train_model_is_refused(groups, tmp_path):
    list_training_set(groups.values(), [], tmp_path / "table.tsv")
    assert pd.read_csv(tmp_path / "table.tsv", sep="\t").empty


def test_without_any_train_model_the_run_says_why(write_group, tmp_path):
    with pytest.raises(AtlasError, match=r"no model with role 'train' .*/failed\.tsv"):
        list_training_set([write_group("failed", [])], [5], tmp_path / "training_set.tsv")
