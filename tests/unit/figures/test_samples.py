"""The figures of samples and slices: kernels of every class, as many as asked for."""

import numpy as np
import pytest
from support.classes import arrays_of, classes_of
from support.figures import image_of, pixels_of, texts_of

from kernel_atlas.figures.samples import draw_samples
from kernel_atlas.figures.slices import N_ROWS, draw_slices

CLASSES = classes_of(a="on_centre on_centre other", b="on_centre dead mine mine on_centre")


@pytest.fixture
def kernels(rng):
    return {5: rng.normal(size=(len(CLASSES), 5, 5)).astype(np.float32)}


def test_each_class_has_its_name_and_share_but_not_the_dead(kernels):
    figure = draw_samples("net", arrays_of({5: CLASSES}), kernels, 6)
    expected = {
        "net",
        "5x5, by the paper's ruler",
        "On centre  50.0 %",
        "Mine  25.0 %",
        "Other  12.5 %",
    }
    assert set(texts_of(figure)) == expected


def test_the_rows_are_by_the_ruler_of_the_setting(kernels):
    figure = draw_samples("net", arrays_of({5: CLASSES}), kernels, 6, "family")
    expected = {"net", "5x5, by the family's ruler", "On centre  75.0 %", "Other  12.5 %"}
    assert set(texts_of(figure)) == expected


def test_without_a_codebook_the_rows_are_by_the_family_s_ruler(rng):
    classes = classes_of(a="-/on_cross -/~on_cross dead -/on_cross")
    kernels = {9: rng.normal(size=(4, 9, 9)).astype(np.float32)}
    figure = draw_samples("net", arrays_of({9: classes}), kernels, 6, "paper")
    expected = {"net", "9x9, by the family's ruler", "On cross  50.0 %", "Other  25.0 %"}
    assert set(texts_of(figure)) == expected


def test_members_may_be_merged_into_a_name_that_no_class_has(rng):
    (table,) = arrays_of({5: classes_of(a="on_cross/on_centre other")}).values()
    merged = table.merged({"on_centre": "spot"})
    assert "spot" not in merged.own.names
    kernels = {5: rng.normal(size=(2, 5, 5)).astype(np.float32)}
    figure = draw_samples("net", {5: merged}, kernels, 6, "family")
    assert {"Spot  50.0 %", "Other  50.0 %"} <= set(texts_of(figure))


@pytest.mark.parametrize(("n_samples", "n_drawn"), [(1, 3), (2, 5), (3, 6), (50, 7)])
def test_as_many_kernels_of_each_class_as_asked_for_or_all(kernels, n_samples, n_drawn):
    pixels = pixels_of(draw_samples("net", arrays_of({5: CLASSES}), kernels, n_samples))
    assert len(pixels) == n_drawn * 25


def test_a_model_with_only_dead_kernels_has_an_empty_panel(kernels):
    figure = draw_samples("net", arrays_of({5: classes_of(a="dead dead")}), kernels, 6)
    assert sorted(texts_of(figure)) == ["5x5, by the paper's ruler", "net"]


def test_slices_fill_a_few_rows_in_order_and_the_title_says_how_many_there_are(rng):
    numbered = np.zeros((40, 3, 3))
    numbered[:, 0, 1], numbered[:, 0, 2] = 1, np.arange(40) / 40
    figure = draw_slices("net", {3: numbered, 7: rng.normal(size=(5, 7, 7))}, n_columns=4)
    n_drawn = 4 * N_ROWS
    numbers = image_of(figure.axes[0])[::4, 2::4].ravel()
    assert len(set(numbers)) == n_drawn
    assert list(numbers) == sorted(numbers)
    assert len(pixels_of(figure)) == 9 * n_drawn + 5 * 49
    assert [axes.get_title("left") for axes in figure.axes] == [
        f"3x3: {n_drawn} of the 40 in the store",
        "7x7: 5 of the 5 in the store",
    ]
