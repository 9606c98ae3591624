"""Entropy, sparsity, orthogonality and effective rank: closed forms and definitions."""

from itertools import permutations

import numpy as np
import pytest

from kernel_atlas.measures import diversity
from kernel_atlas.sphere import to_sphere

SIZES = [3, 5, 7, 9, 31]
each_size = pytest.mark.parametrize("size", SIZES)


@each_size
def test_one_repeated_kernel_has_no_entropy_and_rank_one(size, rng):
    kernels = np.repeat(rng.normal(size=(1, size, size)), 20, axis=0).astype(np.float32)
    assert diversity.variance_entropy(kernels) == 0
    assert diversity.effective_rank(to_sphere(kernels)) == pytest.approx(1, abs=1e-3)
    assert diversity.orthogonality(kernels) == pytest.approx(0, abs=1e-6)


@each_size
def test_an_orthogonal_layer_has_orthogonality_1_whatever_its_gains(size, rng):
    n = min(size**2, 40)
    rows = np.linalg.qr(rng.normal(size=(size**2, n)))[0].T * rng.uniform(0.1, 9, (n, 1))
    assert diversity.orthogonality(rows.reshape(n, size, size)) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("size", [3, 5, 7, 9])
def test_kernels_that_vary_along_all_directions_alike_have_entropy_1(size):
    axes = np.eye(size**2).reshape(-1, size, size)
    assert diversity.variance_entropy(np.concatenate([axes, -axes])) == pytest.approx(1)


@each_size
def test_few_kernels_vary_along_few_directions(size, rng):
    n = 4  # of a regular simplex: three directions alike
    simplex = np.linalg.qr(rng.normal(size=(size**2, n)))[0].T.reshape(n, size, size)
    assert diversity.variance_entropy(simplex) == pytest.approx(1)


def test_entropy_of_two_components_is_that_of_their_shares():
    axes = np.eye(9)[:2] * [[2], [1]]
    kernels = np.concatenate([axes, -axes]).reshape(-1, 3, 3)
    shares = np.array([0.8, 0.2])
    expected = -(shares * np.log10(shares)).sum() / np.log10(3)  # four kernels: three components
    assert diversity.variance_entropy(kernels) == pytest.approx(expected)


@pytest.mark.parametrize("size", [3, 7])
def test_orthogonality_is_as_the_paper_defines_it(size, rng):
    kernels = rng.normal(size=(30, size, size)) + 0.5
    cosines = [
        abs((a * b).sum()) / np.linalg.norm(a) / np.linalg.norm(b)
        for a, b in permutations(kernels, 2)
    ]
    assert diversity.orthogonality(kernels) == pytest.approx(1 - np.mean(cosines), abs=1e-6)


def test_of_many_kernels_a_sample_gives_the_orthogonality(rng):
    half = np.zeros((2, 3, 3))
    half[[0, 1], 0, [0, 1]] = 1
    kernels = np.repeat(half, diversity.MOST, axis=0)  # one half of all pairs are orthogonal
    assert diversity.orthogonality(kernels) == pytest.approx(0.5, abs=0.01)


def test_sparse_kernels_are_below_a_hundredth_of_the_largest_weight():
    kernels = np.zeros((4, 3, 3))
    kernels[:, 1, 1] = [-100, 1.01, 0.99, 0]
    assert diversity.sparsity(kernels) == 0.5
    assert diversity.sparsity(np.zeros((2, 5, 5))) == 1


@each_size
def test_directions_that_are_orthogonal_have_full_effective_rank(size, rng):
    n = min(size**2 - 1, 30)
    drawn = rng.normal(size=(size**2, n))
    rows = np.linalg.qr(drawn - drawn.mean(axis=0))[0].T
    kernels = (rows * rng.uniform(1, 9, (n, 1)) + 3).reshape(n, size, size)
    assert diversity.effective_rank(to_sphere(kernels)) == pytest.approx(n, rel=1e-4)


def test_effective_rank_is_the_exponential_of_the_entropy_of_singular_values(rng):
    kernels = rng.normal(size=(200, 5, 5)) * np.linspace(0.1, 3, 25).reshape(5, 5)
    rows = (kernels - kernels.mean(axis=(1, 2), keepdims=True)).reshape(200, 25)
    values = np.linalg.svd(rows / np.linalg.norm(rows, axis=1)[:, None], compute_uv=False)[:24]
    shares = values / values.sum()
    expected = np.prod(shares**-shares)
    assert diversity.effective_rank(to_sphere(kernels)) == pytest.approx(expected, rel=1e-5)


def test_what_too_few_kernels_cannot_tell_is_missing(rng):
    kernels = rng.normal(size=(2, 3, 3))
    assert np.isnan(diversity.variance_entropy(kernels))
    assert np.isnan(diversity.orthogonality(kernels[:1]))
    assert np.isnan(diversity.effective_rank(to_sphere(kernels[:0])))
    assert np.isnan(diversity.sparsity(kernels[:0]))
