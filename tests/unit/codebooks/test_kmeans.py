"""k-means: the centres of the train models' kernels."""

import logging

import numpy as np
import pytest

from kernel_atlas.codebooks.codebook import Centres, min_max_scale
from kernel_atlas.codebooks.kmeans import cluster_kernels


@pytest.fixture
def blobs(rng):
    """Noisy copies of three kernels, 60, 40 and 20 of them, in random scales and offsets."""
    means = rng.uniform(0, 1, (3, 3, 3))
    kernels = np.repeat(means, [60, 40, 20], axis=0) + rng.normal(0, 0.02, (120, 3, 3))
    scale, offset = rng.uniform(0.1, 10, (120, 1, 1)), rng.normal(size=(120, 1, 1))
    return (scale * kernels + offset).astype(np.float32), means


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
    rows, dissimilarity = Centres(centres).nearest(kernels)
    assert rows.tolist() == [0] * 60 + [1] * 40 + [2] * 20
    assert dissimilarity.max() < 0.05
    cluster_kernels(groups[::-1], 3, n_centres=3, seed=1, path_to_codebook=tmp_path / "again.npy")
    assert (tmp_path / "again.npy").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("n_kernels", [0, 2])
def test_with_fewer_kernels_than_centres_the_size_is_skipped(
    write_group, tmp_path, blobs, caplog, n_kernels
):
    sizes = [("x", blobs[0][:n_kernels])] if n_kernels else []
    group = write_group("net", [*sizes, ("y", np.eye(5)[None].repeat(2, 0))])
    with caplog.at_level(logging.WARNING):
        cluster_kernels([group], 3, n_centres=3, seed=1, path_to_codebook=tmp_path / "c.npy")
    assert np.load(tmp_path / "c.npy").shape == (0, 3, 3)
    assert f"3x3: skipped, models with role 'train' have {n_kernels} kernels" in caplog.text
