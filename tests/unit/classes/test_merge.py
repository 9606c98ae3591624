"""Classes that are counted as others: in a table of classes, and in the figures of a model."""

import pandas as pd
import pytest
from support.classes import classes_of

from kernel_atlas.classes.classifier import merge_classes
from kernel_atlas.figures.model import plot_model

WORDS = {"a": "on_cross off_square mine on_cross", "b": "dead other off_cross on_centre mine"}


def test_kernels_of_a_merged_class_count_as_the_other():
    classes = classes_of(**WORDS)
    before = classes.copy()
    merged = merge_classes(classes, {"on_cross": "on_centre", "mine": "off_cross"})
    assert merged["class"].tolist() == [
        "on_centre", "off_square", "off_cross", "on_centre",
        "dead", "other", "off_cross", "on_centre", "off_cross",
    ]  # fmt: skip
    assert list(merged["class"].cat.categories) == [
        "on_centre", "off_cross", "off_square", "other", "dead",
    ]  # fmt: skip
    pd.testing.assert_frame_equal(merged.drop(columns="class"), classes.drop(columns="class"))
    pd.testing.assert_frame_equal(classes, before)


def test_two_classes_change_places_of_neither():
    """Each kernel's class is looked up once: what it becomes is not looked up again."""
    classes = classes_of(a="on_cross on_centre mine")
    merged = merge_classes(classes, {"on_cross": "on_centre", "on_centre": "mine"})
    assert merged["class"].tolist() == ["on_centre", "mine", "mine"]


@pytest.mark.parametrize(
    ("target", "categories"),
    [
        ("on_centre", ["on_centre", "off_cross", "mine", "other", "dead"]),
        ("off_square", ["off_cross", "off_square", "mine", "other", "dead"]),
        ("yours", ["off_cross", "mine", "yours", "other", "dead"]),
        ("blob", ["off_cross", "blob", "mine", "other", "dead"]),
    ],
)
def test_a_class_that_did_not_occur_before_has_its_place_in_the_order(target, categories):
    merged = merge_classes(classes_of(a="on_cross off_cross mine"), {"on_cross": target})
    assert merged["class"].tolist() == [target, "off_cross", "mine"]
    assert list(merged["class"].cat.categories) == categories


@pytest.mark.parametrize("merge", [{}, {"on_square": "off_square"}])
def test_nothing_to_merge_changes_nothing(merge):
    classes = classes_of(**WORDS)
    if not merge:
        pd.testing.assert_frame_equal(merge_classes(classes, merge), classes)
    assert merge_classes(classes, merge)["class"].tolist() == classes["class"].tolist()


def test_no_kernels_can_be_merged_too():
    merged = merge_classes(classes_of(), {"on_cross": "on_centre"})
    assert (len(merged), list(merged["class"].cat.categories)) == (
        0, ["on_centre", "other", "dead"],
    )  # fmt: skip


def test_the_figures_of_a_model_show_merged_classes(write_group, rng, tmp_path):
    group = write_group("net", [("a", rng.normal(size=(4, 5, 5)))])
    classes_of(a="on_cross on_centre mine on_cross").to_parquet(tmp_path / "k5.parquet")
    merge = {"on_cross": "on_centre"}
    pairs = [(tmp_path / f"{name}.png", tmp_path / f"{name}.svg") for name in "lsz"]
    plot_model(group, {5: tmp_path / "k5.parquet"}, merge, 4, 50, *pairs)
    layers, samples, _ = (path.read_text() for _, path in pairs)
    for page in (layers, samples):
        assert "Mine" in page
        assert "On centre" in page
        assert "On cross" not in page
    assert "On centre  75.0 %" in samples
