"""k-means: scaling, centres and the nearest of them."""

import logging

import numpy as np
import pytest
from sklearn.cluster import KMeans

from kernel_atlas.codebooks.kmeans import cluster_kernels, min_max_scale, nearest_centres


@pytest.fixture
def blobs(rng):
    """Noisy copies of three kernels, of 60, 40 and 20 members, in random scales and offsets."""
    means = rng.uniform(0, 1, (3, 3, 3))
    kernels = np.repeat(means, [60, 40, 20], axis=0) + rng.normal(0, 0.02, (120, 3, 3))
    scale, offset = rng.uniform(0.1, 10, (120, 1, 1)), rng.normal(size=(120, 1, 1))
    return (scale * kernels + offset).astype(np.float32), means


def test_min_max_scale(rng):
    kernels = rng.normal(5, 3, (30, 3, 3)).astype(np.float32)
    scaled = min_max_scale(kernels)
    assert scaled.shape == (30, 9)
    assert (scaled.min(axis=1) == 0).all()
    assert (scaled.max(axis=1) == 1).all()
    np.testing.assert_array_equal(scaled.argsort(axis=1), kernels.reshape(30, 9).argsort(axis=1))
    np.testing.assert_allclose(min_max_scale(7 * kernels - 2), scaled, atol=1e-6)
    assert min_max_scale(kernels[:0]).shape == (0, 9)


def test_nearest_centres_are_those_of_scikit_learn(rng):
    kernels = rng.normal(size=(300, 3, 3)).astype(np.float32)
    scaled = min_max_scale(kernels)
    fit = KMeans(10, n_init=1, random_state=0).fit(scaled)
    centres = fit.cluster_centers_.reshape(-1, 3, 3)
    rows, found = nearest_centres(kernels, centres)
    np.testing.assert_array_equal(rows, fit.predict(scaled))
    flat = kernels.reshape(300, -1)
    expected = [
        1 - np.corrcoef(k, centres[row].ravel())[0, 1] for k, row in zip(flat, rows, strict=True)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_centres_are_the_means_of_the_scaled_kernels_largest_first(write_group, tmp_path, blobs):
    kernels, means = blobs
    dead = np.ones((5, 3, 3))
    groups = [
        write_group("b", [("x", kernels[70:])]),
        write_group("a", [("x", kernels[:70]), ("y", dead), ("z", np.eye(5)[None].repeat(2, 0))]),
    ]
    path = tmp_path / "k3" / "codebook.npy"
    cluster_kernels(groups, 3, n_centres=3, seed=1, path_to_codebook=path)
    centres = np.load(path)
    assert (centres.shape, centres.dtype) == ((3, 3, 3), np.float32)
    np.testing.assert_allclose(centres.reshape(3, 9), min_max_scale(means), atol=0.1)
    rows, found = nearest_centres(kernels, centres)
    assert rows.tolist() == [0] * 60 + [1] * 40 + [2] * 20
    assert found.max() < 0.05
    cluster_kernels(groups[::-1], 3, n_centres=3, seed=1, path_to_codebook=tmp_path / "again.npy")
    assert (tmp_path / "again.npy").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("n_kernels", [0, 2])
def test_fewer_kernels_than_centres(write_group, tmp_path, blobs, caplog, n_kernels):
    sizes = [("x", blobs[0][:n_kernels])] if n_kernels else []
    group = write_group("net", [*sizes, ("y", np.eye(5)[None].repeat(2, 0))])
    with caplog.at_level(logging.WARNING):
        cluster_kernels([group], 3, n_centres=3, seed=1, path_to_codebook=tmp_path / "c.npy")
    assert np.load(tmp_path / "c.npy").shape == (0, 3, 3)
    assert f"3x3: skipped, models with role 'train' have {n_kernels} kernels" in caplog.text
