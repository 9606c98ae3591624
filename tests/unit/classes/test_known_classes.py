"""Kernels whose class is known: they are trained on, labelled and classified automatically."""

import numpy as np
import pytest
from support.known_kernels import CLASSES, draw_known_kernels

from kernel_atlas.atlas import Atlas
from kernel_atlas.codebooks.seeds import train_autoencoder
from kernel_atlas.codebooks.training_data import Settings
from kernel_atlas.labels.proposal import label_codebook

N_KERNELS = 500  # of each class
NOISE = 0.25  # of the kernel's norm
# as in config.yaml, with fewer epochs: clean kernels need fewer
SETTINGS = Settings((256, 128, 64, 16), 60, 512, 0.002, 0.05, 1)


@pytest.mark.parametrize(("size", "threshold"), [(5, 0.2), (7, 0.3)])
def test_made_up_kernels_get_their_classes(tmp_path, write_group, rng, size, threshold):
    """The bounds are far from what was measured: another machine trains to other digits."""
    kernels, truth = draw_known_kernels(size, N_KERNELS, NOISE, rng)
    is_known = np.isin(truth, CLASSES)
    kernels, truth = kernels[is_known], truth[is_known]
    group = write_group("made_up", [("layer", kernels)])
    codebook = tmp_path / "codebook.npy"
    train_autoencoder([group], size, SETTINGS, 1, 1, "cpu", tmp_path)
    label_codebook(codebook, [group], threshold, 0.7, None, tmp_path / "labels.tsv")

    atlas = Atlas.read({size: codebook}, {size: tmp_path / "labels.tsv"}, {size: threshold})
    found, truth = atlas[size].classify(kernels[::10]), truth[::10]
    chosen = ~found["class"].isin(["other", "dead"])
    assert chosen.mean() > 0.8
    assert (found["class"] == truth)[chosen].mean() > 0.9
    assert set(CLASSES) <= set(found["class"])
