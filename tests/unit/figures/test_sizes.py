"""The figure of sizes: medians and quartiles of sigma, by hand, where there are kernels enough."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from support.classes import classes_of

from kernel_atlas.figures.sizes import MIN_KERNELS, SHAPES, draw_sizes
from kernel_atlas.figures.style import save_figure


def repeat(**words):
    """A word for each of `MIN_KERNELS` kernels, by layer."""
    return {name: " ".join(labels.split() * MIN_KERNELS) for name, labels in words.items()}


def points_of(axes):
    """Each point's shape by colour, nearest layer, median, and quartiles."""
    shapes = {colour: shape for shape, colour in SHAPES.items()}
    found = []
    for line, bars in zip(axes.lines, axes.collections, strict=True):
        assert to_hex(bars.get_color()[0][:3]) == line.get_color()
        for x, y, bar in zip(*line.get_data(), bars.get_segments(), strict=True):
            assert bar[:, 0].tolist() == [x, x]
            found.append((shapes[line.get_color()], round(x), y, *bar[:, 1]))
    return sorted(found)


def legend_of(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_medians_and_quartiles_by_layer_and_shape_on_and_off_alike():
    n = MIN_KERNELS
    classes = classes_of(
        b=" ".join(["on_centre", "off_centre"] * n + ["other"] * 9),
        a=" ".join(["first_derivative_up"] * n + ["first_derivative_left"] * n),
        c=" ".join(["off_second_derivative"] * n + ["on_centre"] * n),
    )
    sigma, rows = classes["sigma"].to_numpy(np.float64), classes.groupby("layer_index").indices
    is_centre = (classes["class"] == "on_centre").to_numpy()
    expected = [
        ("centre", 0, sigma[rows[0]][: 2 * n]),
        ("centre", 2, sigma[rows[2]][is_centre[rows[2]]]),
        ("first_derivative", 1, sigma[rows[1]]),
        ("second_derivative", 2, sigma[rows[2]][~is_centre[rows[2]]]),
    ]
    figure = draw_sizes("net", {5: classes})
    (axes,) = figure.axes
    found = points_of(axes)
    assert [row[:2] for row in found] == [row[:2] for row in expected]
    for row, (*_, values) in zip(found, expected, strict=True):
        assert row[2:] == pytest.approx(np.quantile(values, (0.5, 0.25, 0.75)))
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "1", "2"]
    assert legend_of(figure) == ["Centre", "First derivative", "Second derivative"]


def test_too_few_kernels_of_a_shape_are_not_drawn():
    enough, few = ["off_cross"] * MIN_KERNELS, ["on_square"] * (MIN_KERNELS - 1)
    classes = classes_of(a=" ".join(enough + few), b=" ".join(enough[1:]))
    figure = draw_sizes("net", {5: classes})
    assert [row[:2] for row in points_of(figure.axes[0])] == [("cross", 0)]
    assert legend_of(figure) == ["Cross"]


def test_own_classes_count_by_the_shape_of_their_members():
    classes = classes_of(**repeat(a="mine"))
    assert points_of(draw_sizes("net", {5: classes}).axes[0])[0][0] == "centre"


def test_a_panel_a_size_and_its_own_layers():
    tables = {5: classes_of(**repeat(a="on_centre")), 7: classes_of(a="", **repeat(b="on_cross"))}
    figure = draw_sizes("net", tables)
    assert [axes.get_title()[:4] or axes.get_title("left")[:4] for axes in figure.axes] == [
        "5x5:", "7x7:",
    ]  # fmt: skip
    points = [[row[:2] for row in points_of(axes)] for axes in figure.axes]
    assert points == [[("centre", 0)], [("cross", 0)]]
    ticks = [[t.get_text() for t in axes.get_xticklabels()] for axes in figure.axes]
    assert ticks == [["0"], ["1"]]  # as in the figure of layers, the layer's index
    assert legend_of(figure) == ["Centre", "Cross"]


@pytest.mark.parametrize("words", ["other other", "dead", "on_centre other"])
def test_a_model_without_sizes_to_show(words, tmp_path):
    figure = draw_sizes("net", {5: classes_of(a=words)})
    assert points_of(figure.axes[0]) == []
    save_figure(figure, tmp_path / "f.png", tmp_path / "f.svg", dpi=50)


def test_kernels_without_a_member_do_not_count():
    classes = classes_of(**repeat(a="on_centre other"))
    none = classes["class"] == "other"
    assert classes.loc[none, "sigma"].isna().all()
    ((_, _, median, *_),) = points_of(draw_sizes("net", {5: classes}).axes[0])
    assert median == pytest.approx(pd.Series(range(1, 2 * MIN_KERNELS, 2)).median())


def test_shapes_stand_beside_each_other_within_the_band_of_their_layer():
    names = (  # on and off and all directions in turn, so a shape drawn twice would show
        "on_centre off_centre on_cross off_cross first_derivative_up first_derivative_right "
        "on_second_derivative off_second_derivative on_square off_square"
    )
    (axes,) = draw_sizes("net", {5: classes_of(**repeat(a=names, b="other", c=names))}).axes
    assert [line.get_color() for line in axes.lines] == list(SHAPES.values())
    places = np.array([line.get_xdata() for line in axes.lines])
    assert places.mean(axis=0) == pytest.approx([0, 2])  # about the tick
    assert np.diff(places, axis=0).min() > 0.1
    assert np.ptp(places, axis=0).max() < 1
    assert [(band.get_x(), band.get_width()) for band in axes.patches] == [(0.5, 1)]


def test_alone_a_shape_stands_over_the_tick_of_its_layer():
    (axes,) = draw_sizes("net", {5: classes_of(**repeat(a="on_square", b="on_square"))}).axes
    assert axes.lines[0].get_xdata().tolist() == [0, 1]


def test_only_an_empty_panel_says_that_it_is_empty():
    tables = {3: classes_of(a="on_centre other"), 5: classes_of(**repeat(a="on_centre"))}
    said = [[text.get_text() for text in axes.texts] for axes in draw_sizes("net", tables).axes]
    assert said == [[f"no layer has {MIN_KERNELS} kernels of one shape"], []]


def test_of_many_layers_some_are_named():
    table = pd.concat([classes_of(**repeat(a="on_centre"))] * 90, ignore_index=True)
    table["layer_index"] = np.repeat(np.arange(90), MIN_KERNELS) + 100
    (axes,) = draw_sizes("net", {5: table}).axes
    assert [text.get_text() for text in axes.get_xticklabels()][:3] == ["100", "103", "106"]
    assert [row[:2] for row in points_of(axes)] == [("centre", layer) for layer in range(90)]
