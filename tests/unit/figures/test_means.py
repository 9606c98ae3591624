"""The figure of class means: each mean beside its member, with its numbers."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text

from kernel_atlas.classes.means import ClassMean
from kernel_atlas.figures.means import WARNING_COLOUR, draw_means
from kernel_atlas.figures.style import COLOURS, OWN_COLOURS, save_figure

NAN = float("nan")


@pytest.fixture
def means(rng):
    """A function that makes `n` classes: the second has no member, the third is poor."""

    def make(n, size=5):
        kernels = rng.normal(size=(n, 2, size, size))
        rows = [("on_centre", "", 12_345, 61.24, 0.1), ("mine", "", 7, 0.04, NAN)]
        rows += [("off_second_derivative", "x", 1, 0.01, 0.101)]
        rows += [("off_second_derivative", "y", 40, 3.3, 0.03)] * n
        for row, (mean, member) in zip(rows, kernels, strict=False):
            if np.isnan(row[-1]):
                member[:] = NAN
            member /= np.linalg.norm(member)
            yield ClassMean(*row[:4], 1 - row[4], mean, member)

    return lambda *args: list(make(*args))


def texts_of(figure):
    return {text.get_text(): text for text in figure.findobj(Text) if text.get_text()}


def used(figure):
    return [axes for axes in figure.axes if axes.images]


@pytest.mark.parametrize(("n", "size"), [(1, 3), (4, 5), (5, 7), (14, 5)])
def test_each_class_has_a_cell_with_its_mean_and_its_member(means, n, size):
    classes = means(n, size)
    figure = draw_means(size, classes)
    assert len(figure.axes) < n + 4  # no empty row
    cells = used(figure)
    titles = ["On centre", "Mine", "Off second derivative, x"]
    titles += ["Off second derivative, y"] * n
    assert [axes.get_title("left") for axes in cells] == titles[:n]
    for axes, mean in zip(cells, classes, strict=True):
        canvas = np.ma.filled(axes.images[0].get_array(), np.nan)
        # both of unit norm, on one scale with zero in the middle
        unit = mean.mean / np.linalg.norm(mean.mean)
        peak = np.nanmax(np.abs([unit, mean.member]))
        np.testing.assert_allclose(canvas[:, :size], 0.5 + unit / (2 * peak))
        np.testing.assert_allclose(canvas[:, size + 1 :], 0.5 + mean.member / (2 * peak))


def test_numbers_stand_below_their_class(means):
    cells = used(draw_means(5, means(4)))
    assert [[text.get_text() for text in axes.texts] for axes in cells] == [
        ["n = 12,345 (61.2 %)", "r = 0.900"],
        ["n = 7 (0.0 %)"],  # none of the family: no correlation, and no nan
        ["n = 1 (0.0 %)", "r = 0.899"],
        ["n = 40 (3.3 %)", "r = 0.970"],
    ]


def test_a_correlation_below_0_9_is_in_the_colour_of_a_warning(means):
    cells = used(draw_means(5, means(4)))
    colours = [[text.get_color() for text in axes.texts] for axes in cells]
    assert colours == [["black", "black"], ["black"], ["black", WARNING_COLOUR], ["black", "black"]]


def test_classes_have_their_colours(means):
    cells = used(draw_means(5, means(5)))
    second = COLOURS["off_second_derivative"]
    assert [to_hex(axes.patches[0].get_facecolor()) for axes in cells] == [
        COLOURS["on_centre"], OWN_COLOURS[0], second, second, second,
    ]  # fmt: skip


def test_texts_of_neighbours_do_not_overlap(means):
    figure = draw_means(5, means(8))
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for axes in used(figure) for text in axes.texts]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])


@pytest.mark.parametrize("n", [0, 1, 5])
def test_saved_without_warnings_and_twice_as_the_same_bytes(means, n, tmp_path):
    classes = means(n)
    for run in ("first", "second"):
        figure = draw_means(5, classes)
        assert not [text for text in texts_of(figure) if "nan" in text]
        save_figure(figure, tmp_path / run / "f.png", tmp_path / run / "f.svg", dpi=50)
    for name in ("f.png", "f.svg"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_no_classes_give_a_notice():
    figure = draw_means(7, [])
    assert list(texts_of(figure)) == ["7x7: no kernel is clustered"]
    assert figure.axes == []
