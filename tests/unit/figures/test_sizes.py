"""The figure of sizes: medians and quartiles of sigma, where a layer has enough kernels."""

import numpy as np
import pytest
from support.classes import arrays_of, classes_of
from support.figures import colour_of, legend_of, texts_of

from kernel_atlas.figures.sizes import MIN_KERNELS, SHAPES, draw_sizes


def repeat(**words):
    """Each layer's words, once for each of `MIN_KERNELS` kernels."""
    return {name: " ".join(labels.split() * MIN_KERNELS) for name, labels in words.items()}


def points_of(axes):
    """Each point's shape (by its colour), nearest layer, median and quartiles."""
    shapes = {colour: shape for shape, colour in SHAPES.items()}
    found = []
    _, *quartiles = axes.collections
    for line, bars in zip(axes.lines, quartiles, strict=True):
        for x, y, bar in zip(*line.get_data(), bars.get_segments(), strict=True):
            assert bar[:, 0].tolist() == [x, x]
            found.append((shapes[colour_of(line)], round(x), y, *bar[:, 1]))
    return sorted(found)


def test_medians_and_quartiles_by_layer_and_shape_on_and_off_alike():
    n = MIN_KERNELS
    classes = classes_of(
        b=" ".join(["on_centre", "off_centre"] * n + ["other"] * 9),
        a=" ".join(["first_derivative_up"] * n + ["first_derivative_left"] * n),
        c=" ".join(["off_second_derivative"] * n + ["on_centre"] * n),
    )
    sigma, rows = classes["sigma"].to_numpy(np.float64), classes.groupby("layer_index").indices
    expected = [
        ("centre", 0, sigma[rows[0]][: 2 * n]),
        ("centre", 2, sigma[rows[2]][n:]),
        ("first_derivative", 1, sigma[rows[1]]),
        ("second_derivative", 2, sigma[rows[2]][:n]),
    ]
    figure = draw_sizes("net", arrays_of({5: classes}))
    found = points_of(figure.axes[0])
    assert [row[:2] for row in found] == [row[:2] for row in expected]
    for row, (*_, values) in zip(found, expected, strict=True):
        assert row[2:] == pytest.approx(np.quantile(values, (0.5, 0.25, 0.75)))
    assert list(legend_of(figure)) == ["Centre", "First derivative", "Second derivative"]
    markers = [line.get_marker() for line in figure.axes[0].lines]
    assert len(set(markers)) == 3  # colours alone are not told apart in grey


def test_too_few_kernels_of_a_shape_are_not_drawn():
    enough, few = ["off_cross"] * MIN_KERNELS, ["on_square"] * (MIN_KERNELS - 1)
    classes = classes_of(a=" ".join(enough + few), b=" ".join(enough[1:]))
    figure = draw_sizes("net", arrays_of({5: classes}))
    assert [row[:2] for row in points_of(figure.axes[0])] == [("cross", 0)]
    assert list(legend_of(figure)) == ["Cross"]


def test_kernels_count_by_the_shape_of_their_members_if_they_are_matched():
    classes = classes_of(**repeat(a="mine on_cross/~on_cross"))
    ((shape, _, median, *_),) = points_of(draw_sizes("net", arrays_of({5: classes})).axes[0])
    assert (shape, median) == ("centre", np.median(np.arange(1, 2 * MIN_KERNELS, 2)))


def test_one_panel_per_size_with_the_layers_of_that_size():
    tables = {5: classes_of(**repeat(a="on_centre")), 7: classes_of(a="", **repeat(b="on_cross"))}
    figure = draw_sizes("net", arrays_of(tables))
    assert [axes.get_title("left")[:4] for axes in figure.axes] == ["5x5:", "7x7:"]
    points = [[row[:2] for row in points_of(axes)] for axes in figure.axes]
    assert points == [[("centre", 0)], [("cross", 0)]]
    below = [
        [text.get_text() for text in axes.texts if text.get_va() == "top"] for axes in figure.axes
    ]
    assert below == [["0"], ["1"]]


def test_shapes_stand_side_by_side_within_the_band_of_their_layer():
    names = (  # two of each shape
        "on_centre off_centre on_cross off_cross first_derivative_up first_derivative_right "
        "on_second_derivative off_second_derivative on_square off_square"
    )
    (axes,) = draw_sizes(
        "net", arrays_of({5: classes_of(**repeat(a=names, b="other", c=names))})
    ).axes
    assert [colour_of(line) for line in axes.lines] == list(SHAPES.values())
    places = np.array([line.get_xdata() for line in axes.lines])
    assert places.mean(axis=0) == pytest.approx([0, 2])
    assert np.diff(places, axis=0).min() > 0.1
    assert np.ptp(places, axis=0).max() < 1
    (band,) = axes.collections[0].get_paths()
    assert (band.vertices[:, 0].min(), band.vertices[:, 0].max()) == (0.5, 1.5)


@pytest.mark.parametrize("words", ["other other", "dead", "on_centre other"])
def test_only_a_panel_without_points_says_so(words):
    tables = {3: classes_of(a=words), 5: classes_of(**repeat(a="on_centre"))}
    empty, full = draw_sizes("net", arrays_of(tables)).axes
    said = f"no layer has {MIN_KERNELS} matched kernels of one shape"
    assert points_of(empty) == []
    assert said in texts_of(empty)
    assert said not in texts_of(full)
