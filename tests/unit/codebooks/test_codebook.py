"""The codebook: codes, and the nearest of them."""

import numpy as np
import pytest

from kernel_atlas.codebooks import codebook as codebook_module
from kernel_atlas.codebooks.codebook import codes_of, dissimilarity, nearest_codes, read_codebook
from kernel_atlas.sphere import to_sphere


def test_codes_are_even_from_0_to_1():
    assert codes_of(np.zeros((5, 3, 3))).tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert len(codes_of(np.zeros((0, 3, 3)))) == 0


@pytest.mark.parametrize("size", [3, 7])
def test_nearest_codes_are_those_of_brute_force(rng, monkeypatch, size):
    monkeypatch.setattr(codebook_module, "_BATCH", 16)  # several batches, the last one shorter
    kernels = rng.normal(2, 1, (50, size, size))
    codebook = rng.normal(-1, 3, (200, size, size))
    cosine = np.corrcoef(kernels.reshape(50, -1), codebook.reshape(200, -1))[:50, 50:]
    rows, found = nearest_codes(to_sphere(kernels), codebook)
    assert (rows.dtype, found.dtype) == (np.int64, np.float32)
    np.testing.assert_array_equal(rows, cosine.argmax(axis=1))
    np.testing.assert_allclose(found, 1 - cosine.max(axis=1), atol=1e-6)


def test_nothing_to_find():
    rows, found = nearest_codes(np.zeros((0, 8), np.float32), np.eye(9).reshape(9, 3, 3))
    assert len(rows) == len(found) == 0


def test_dissimilarity_goes_from_0_to_2(rng):
    directions = to_sphere(rng.normal(size=(100, 5, 5)))
    same, opposite = (dissimilarity(directions, sign * directions) for sign in (1, -1))
    np.testing.assert_allclose(same, 0, atol=1e-6)
    np.testing.assert_allclose(opposite, 2, atol=1e-6)
    assert same.min() >= 0
    assert opposite.max() <= 2


def test_read_codebook(tmp_path, rng):
    codebook = rng.normal(size=(4, 3, 3)).astype(np.float32)
    np.save(tmp_path / "codebook.npy", codebook)
    np.testing.assert_array_equal(read_codebook(tmp_path / "codebook.npy"), codebook)
