"""The classifier: code, dissimilarity and class of kernels that are known beforehand."""

import numpy as np
import pandas as pd
import pytest
from support.classes import BANK, classes_of, near

from kernel_atlas.classes.classifier import Classifier, is_clustered, merge_classes
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
    assert is_clustered(table["class"]).tolist() == [True, True, True, False]


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
    assert is_clustered(table["class"]).tolist() == [False, True, False]
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
    assert not is_clustered(table["class"]).any()
    assert table[["code", "dissimilarity"]].isna().all(axis=None)


def test_merged_classes_count_as_others():
    classes = classes_of(a="on_cross off_square mine", b="dead other off_cross on_centre mine")
    before = classes.copy()
    merged = merge_classes(classes, {"on_cross": "on_centre", "mine": "off_cross"})
    assert " ".join(merged["class"]) == (
        "on_centre off_square off_cross dead other off_cross on_centre off_cross"
    )
    assert " ".join(merged["class"].cat.categories) == "on_centre off_cross off_square other dead"
    assert merged["member"].dropna().tolist() == (
        ["on_centre", "off_square", "on_centre", "on_centre", "off_cross", "on_centre", "on_centre"]
    )
    others = merged.columns.drop(["class", "member"])
    pd.testing.assert_frame_equal(merged[others], classes[others])
    pd.testing.assert_frame_equal(classes, before)
    pd.testing.assert_frame_equal(merge_classes(classes, {}), classes)


def test_what_a_class_is_merged_into_is_not_merged_again():
    merge = {"on_cross": "on_centre", "on_centre": "mine"}
    merged = merge_classes(classes_of(a="on_cross on_centre mine"), merge)
    assert merged["class"].tolist() == ["on_centre", "mine", "mine"]


@pytest.mark.parametrize(
    ("target", "categories"),
    [
        ("off_square", "off_cross off_square mine other dead"),
        ("blob", "off_cross blob mine other dead"),
    ],
)
def test_a_class_that_first_occurs_by_merging_is_put_in_order(target, categories):
    merged = merge_classes(classes_of(a="on_cross off_cross mine"), {"on_cross": target})
    assert merged["class"].tolist() == [target, "off_cross", "mine"]
    assert " ".join(merged["class"].cat.categories) == categories
