"""Codebooks: codes, and the nearest of them, from a decoder and from k-means."""

import numpy as np
import pytest
from sklearn.cluster import KMeans

from kernel_atlas.codebooks import codebook as codebook_module
from kernel_atlas.codebooks import segments
from kernel_atlas.codebooks.codebook import Centres, Codebook, min_max_scale, read_codebook


def test_codes_are_even_from_0_to_1():
    assert Codebook(np.zeros((5, 3, 3))).codes.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert len(Codebook(np.zeros((0, 3, 3))).codes) == 0


def wind(rng, size, curve):
    """500 codes: a smooth curve, one that stands still for most of its length, or none."""
    codes = rng.normal(-1, 3, (500, size, size))
    if curve == "none":
        return codes
    angle = np.linspace(0, 2 * np.pi, 500)[:, None, None]
    if curve == "still":
        angle = np.minimum(angle, 1)
    return codes[0] * np.cos(angle) + codes[1] * np.sin(angle) + codes[2] * np.cos(3 * angle)


@pytest.mark.parametrize("curve", ["smooth", "still", "none"])
@pytest.mark.parametrize("size", [3, 7])
def test_the_nearest_codes_are_those_of_brute_force(rng, monkeypatch, size, curve):
    monkeypatch.setattr(codebook_module, "_BATCH", 60)  # several batches, of different lengths
    monkeypatch.setattr(segments, "_LEAST_CODES", 4)  # as many segments as of a long curve
    monkeypatch.setattr(segments, "_MOST_CODES", 100)  # what stands still is cut too
    codes = wind(rng, size, curve)
    kernels = rng.normal(2, 1, (250, size, size))
    kernels[::2] += 3 * codes[rng.integers(500, size=125)]
    kernels[::5] *= 1e-3
    cosine = np.corrcoef(kernels.reshape(250, -1), codes.reshape(500, -1))[:250, 250:]
    rows, dissimilarity = Codebook(codes).nearest(kernels)
    assert (rows.dtype, dissimilarity.dtype) == (np.int64, np.float32)
    found = cosine[np.arange(250), rows]
    np.testing.assert_allclose(found, cosine.max(axis=1), atol=1e-6)
    np.testing.assert_allclose(dissimilarity, 1 - found, atol=1e-6)


def test_threads_do_not_change_the_nearest_codes(rng, monkeypatch):
    monkeypatch.setattr(codebook_module, "_BATCH", 16)
    codebook, kernels = Codebook(wind(rng, 5, "smooth")), rng.normal(size=(300, 5, 5))
    for one, other in zip(codebook.nearest(kernels), codebook.nearest(kernels, 3), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("made_by", [Codebook, Centres])
def test_no_kernels_have_no_nearest_codes(made_by):
    rows, dissimilarity = made_by(np.eye(9).reshape(9, 3, 3)).nearest(np.zeros((0, 3, 3)))
    assert len(rows) == len(dissimilarity) == 0


def test_dissimilarity_goes_from_0_to_2(rng):
    for kernel in rng.normal(size=(100, 1, 5, 5)):
        (same,), (opposite,) = (Codebook(kernel).nearest(sign * kernel)[1] for sign in (1, -1))
        assert 0 <= same < 1e-6
        assert 2 - 1e-6 < opposite <= 2


def test_min_max_scale(rng):
    kernels = rng.normal(5, 3, (30, 3, 3)).astype(np.float32)
    scaled = min_max_scale(kernels)
    assert scaled.shape == (30, 9)
    assert (scaled.min(axis=1) == 0).all()
    assert (scaled.max(axis=1) == 1).all()
    np.testing.assert_array_equal(scaled.argsort(axis=1), kernels.reshape(30, 9).argsort(axis=1))
    np.testing.assert_allclose(min_max_scale(7 * kernels - 2), scaled, atol=1e-6)


def test_the_nearest_centres_are_those_of_scikit_learn(rng):
    kernels = rng.normal(size=(300, 3, 3)).astype(np.float32)
    scaled = min_max_scale(kernels)
    fit = KMeans(10, n_init=1, random_state=0).fit(scaled)
    centres = fit.cluster_centers_.reshape(-1, 3, 3)
    rows, dissimilarity = Centres(centres).nearest(kernels)
    np.testing.assert_array_equal(rows, fit.predict(scaled))
    cosine = np.corrcoef(kernels.reshape(300, -1), centres.reshape(10, -1))[:300, 300:]
    np.testing.assert_allclose(dissimilarity, 1 - cosine[np.arange(300), rows], atol=1e-6)


@pytest.mark.parametrize(("folder", "expected"), [("autoencoder", Codebook), ("kmeans", Centres)])
def test_the_folder_tells_a_decoder_from_k_means(tmp_path, rng, monkeypatch, folder, expected):
    kernels = rng.normal(size=(4, 3, 3)).astype(np.float32)
    path = tmp_path / folder / "k3" / "codebook.npy"
    path.parent.mkdir(parents=True)
    np.save(path, kernels)
    monkeypatch.chdir(path.parent)
    for name in (path, "codebook.npy"):
        found = read_codebook(name)
        assert type(found) is expected
        np.testing.assert_array_equal(found.kernels, kernels)
