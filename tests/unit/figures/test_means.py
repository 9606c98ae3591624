"""The figure of class means: each mean beside its member, with its numbers."""

import numpy as np
import pytest
from support.figures import colour_of, image_of, rectangles_of

from kernel_atlas.classes.means import ClassMean
from kernel_atlas.figures.means import WARNING_COLOUR, draw_means
from kernel_atlas.figures.style import COLOURS, OWN_COLOURS

NAN = float("nan")
ROWS = [
    ("on_centre", "", 12_345, 61.24, 0.9),
    ("mine", "", 7, 0.04, NAN),  # an own class, which has no member
    ("off_second_derivative", "x", 1, 0.01, 0.899),
    ("off_second_derivative", "y", 40, 3.3, 0.97),
]


@pytest.fixture
def means(rng):
    """The means of `ROWS`, of 5x5 kernels."""
    means = []
    for row in ROWS:
        mean, member = rng.normal(size=(2, 5, 5))
        member /= np.linalg.norm(member)
        means.append(ClassMean(*row, mean, np.full((5, 5), NAN) if np.isnan(row[-1]) else member))
    return means


def cells_of(figure):
    return [axes for axes in figure.axes if axes.images]


@pytest.mark.parametrize("n", [1, 4, 5])
def test_each_class_has_a_cell_with_its_mean_and_its_member_on_one_scale(means, n):
    drawn = [*means, means[0]][:n]
    figure = draw_means(5, drawn)
    assert len(figure.axes) < n + 4, "an empty row"
    for axes, mean in zip(cells_of(figure), drawn, strict=True):
        unit = mean.mean / np.linalg.norm(mean.mean)
        peak = np.nanmax(np.abs([unit, mean.member]))
        np.testing.assert_allclose(image_of(axes)[:, :5], 0.5 + unit / (2 * peak))
        np.testing.assert_allclose(image_of(axes)[:, 6:], 0.5 + mean.member / (2 * peak))


def test_each_cell_has_title_colour_and_numbers_and_a_low_correlation_stands_out(means):
    cells = cells_of(draw_means(5, means))
    second = COLOURS["off_second_derivative"]
    assert {axes.get_title("left"): colour_of(rectangles_of(axes)[0]) for axes in cells} == {
        "On centre": COLOURS["on_centre"],
        "Mine": OWN_COLOURS[0],
        "Off second derivative, x": second,
        "Off second derivative, y": second,
    }
    assert [[text.get_text() for text in axes.texts] for axes in cells] == [
        ["n = 12,345 (61.2 %)", "r = 0.900"],
        ["n = 7 (0.0 %)"],
        ["n = 1 (0.0 %)", "r = 0.899"],
        ["n = 40 (3.3 %)", "r = 0.970"],
    ]
    texts = [text for axes in cells for text in axes.texts]
    assert [x.get_text() for x in texts if x.get_color() == WARNING_COLOUR] == ["r = 0.899"]


def test_texts_of_neighbours_do_not_overlap(means):
    figure = draw_means(5, [*means, *means])
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for axes in cells_of(figure) for text in axes.texts]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
