"""Kernels whose class is known: they are trained on, labelled and classified automatically."""

import numpy as np
import pytest

from kernel_atlas.atlas import Atlas
from kernel_atlas.codebooks.seeds import train_autoencoder
from kernel_atlas.codebooks.training import Settings
from kernel_atlas.family import functions
from kernel_atlas.family.names import CLASSES, OTHER
from kernel_atlas.labels.proposal import label_codebook

N_KERNELS = 10_000
TEN_CLASSES = [name for name in CLASSES if "square" not in name]
TILT = np.deg2rad(15)
MAX_SHIFT = 0.5
NOISE = 0.25  # of the kernel's norm
# as in config.yaml, with fewer epochs: clean kernels need fewer
SETTINGS = Settings((256, 128, 64, 16), 60, 512, 0.002, 0.05, 1)


def draw_members(label, size, n, max_shift, rng):
    """Members of a class at random scales, within 15 degrees of their axis, off the middle."""
    maker = functions.MAKERS[label]
    shift = tuple(rng.uniform(-max_shift, max_shift, (2, n)))
    tilt = rng.uniform(-TILT, TILT, n)
    pixels = size / 5  # scales grow with the grid, but for the arms of crosses
    if maker.function is functions.difference_of_gaussians:
        kernels = maker.function(size, pixels * rng.uniform(0.5, 0.9, n), shift=shift)
    elif maker.function is functions.cross:
        kernels = maker.function(size, rng.uniform(0.4, 0.8, n), shift=shift)
    elif maker.function is functions.first_derivative:
        sigma = pixels * rng.uniform(0.7, 1.3, n)
        kernels = maker.function(size, sigma, maker.direction + tilt, shift)
    else:
        direction = rng.choice([0, np.pi / 2], n) + tilt
        sigma, aspect = pixels * rng.uniform(0.6, 1.0, n), rng.uniform(1, 2, n)
        kernels = maker.function(size, sigma, direction, aspect, shift)
    return maker.sign * kernels


@pytest.mark.parametrize(("size", "threshold"), [(5, 0.2), (7, 0.3)])
def test_made_up_kernels_get_their_classes(tmp_path, write_group, rng, size, threshold):
    """The bounds are far from what was measured: another machine trains to other digits."""
    n = N_KERNELS // len(TEN_CLASSES)
    truth = np.repeat(TEN_CLASSES, n)
    clean = np.concatenate([draw_members(name, size, n, MAX_SHIFT, rng) for name in TEN_CLASSES])
    noise = rng.normal(size=clean.shape)
    noise *= NOISE / np.linalg.norm(noise, axis=(1, 2), keepdims=True)
    kernels = (clean + noise).astype(np.float32)
    group = write_group("made_up", [("layer", kernels)])
    codebook = tmp_path / "codebook.npy"
    train_autoencoder([group], size, SETTINGS, 1, 1, "cpu", tmp_path)
    label_codebook(codebook, [group], threshold, None, tmp_path / "labels.tsv")

    atlas = Atlas.read({size: codebook}, {size: tmp_path / "labels.tsv"}, {size: threshold})
    found = atlas[size].classify(kernels)["class"].to_numpy(str)
    is_clustered = found != OTHER
    is_right = (found == truth)[is_clustered]
    assert is_clustered.mean() > 0.9
    assert is_right.mean() > 0.9
    assert set(TEN_CLASSES) <= set(found)
