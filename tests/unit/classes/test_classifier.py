"""The classifier: code, dissimilarity and class of kernels that are known beforehand."""

import numpy as np
import pytest
from support.classes import BANK, near

from kernel_atlas.classes.classifier import Classifier
from kernel_atlas.codebooks.codebook import Codebook

BANK_CLASSIFIER = Classifier(
    Codebook(np.array(list(BANK.values()))), np.array([*BANK], object), 0.2
)


def test_rows_of_the_codebook_get_their_code_and_class():
    table = BANK_CLASSIFIER.classify(3 * BANK_CLASSIFIER.codebook.kernels + 0.5)
    assert table["code"].tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert table["dissimilarity"].max() < 1e-6
    assert table["class"].tolist() == list(BANK)
    assert table["near"].all()  # the last is near, but its code has no class
    found = BANK_CLASSIFIER.find_nearest(BANK_CLASSIFIER.codebook.kernels)
    assert found.label.is_clustered.tolist() == [True, True, True, False]


@pytest.mark.parametrize("dissimilarity", [0.05, 0.19, 0.21, 0.4])
def test_a_kernel_is_near_below_the_threshold(rng, dissimilarity):
    table = BANK_CLASSIFIER.classify(near(BANK["on_cross"], dissimilarity, rng)[None])
    assert table["code"].item() == pytest.approx(1 / 3)
    assert table["dissimilarity"].item() == pytest.approx(dissimilarity, abs=1e-6)
    assert table["near"].item() == (dissimilarity < 0.2)
    assert table["class"].item() == ("on_cross" if dissimilarity < 0.2 else "other")


def test_a_kernel_at_the_threshold_is_not_clustered(rng):
    kernels = near(BANK["on_centre"], 0.2, rng)[None]
    exact = BANK_CLASSIFIER.classify(kernels)["dissimilarity"].item()
    above = float(np.nextafter(np.float32(exact), np.float32(1)))
    for threshold, expected in ((exact, "other"), (above, "on_centre")):
        classifier = Classifier(BANK_CLASSIFIER.codebook, BANK_CLASSIFIER.labels, threshold)
        table = classifier.classify(kernels)
        assert (table["class"].item(), table["near"].item()) == (expected, expected != "other")


def test_dead_kernels_have_no_code():
    kernels = np.stack([np.zeros((5, 5)), BANK["on_centre"], np.full((5, 5), 7.0)])
    table = BANK_CLASSIFIER.classify(kernels)
    assert table["class"].tolist() == ["dead", "on_centre", "dead"]
    assert table["near"].tolist() == [False, True, False]
    is_clustered = BANK_CLASSIFIER.find_nearest(kernels).label.is_clustered
    assert is_clustered.tolist() == [False, True, False]
    for column in ("code", "dissimilarity"):
        assert table[column].isna().tolist() == [True, False, True]
        assert table[column].dtype == np.float32
    assert BANK_CLASSIFIER.classify(kernels[[0, 2]])["class"].tolist() == ["dead", "dead"]


def test_without_codes_live_kernels_have_no_class():
    without = Classifier(Codebook(np.zeros((0, 5, 5))), np.array([], object), 0.2)
    table = without.classify(np.stack([np.zeros((5, 5)), BANK["on_centre"]]))
    assert table["class"].isna().tolist() == [False, True]
    assert table["class"][0] == "dead"
    assert table["near"].isna().all()
    assert table[["code", "dissimilarity"]].isna().all(axis=None)
