"""The figure of outliers: a layer far below both of its neighbours is found and shown."""

import numpy as np
import pytest
from support.classes import arrays_of, classes_of
from support.figures import image_of, overlaps_of, texts_of

from kernel_atlas.figures.outlier import MIN_KERNELS, draw_outlier, find_outlier


def layers_of(*percents, n=100):
    """A table of classes of layers with these percentages clustered."""
    layers = {}
    for number, percent in enumerate(percents):
        n_clustered = round(n * percent / 100)
        layers[f"layer{number}"] = "on_centre " * n_clustered + "other " * (n - n_clustered)
    return classes_of(**layers)


def numbered(classes):
    """Kernels that say of which layer they are: one pixel is its number, another is -9."""
    kernels = np.zeros((len(classes), 5, 5), np.float32)
    kernels[:, 0, 0], kernels[:, 4, 4] = classes["layer_index"], -9
    return kernels


def title_of(classes, ruler="paper"):
    figure = draw_outlier("net", arrays_of({5: classes}), {5: numbered(classes)}, 6, ruler)
    return figure.axes[0].get_title("left")


@pytest.mark.parametrize(
    ("percents", "place", "drop", "stands_out"),
    [
        ([90, 88, 12, 85, 91], 2, 73, True),  # as HorNet-tiny
        ([90, 88, 76, 85, 91], 2, 9, False),  # too little
        ([90, 40, 80, 30, 85, 35, 90], 3, 50, False),  # every layer jumps as much
        ([10, 90, 80, 70, 80, 5], 3, 10, False),  # ends do not count
        ([90, 30, 31, 85], 1, 1, False),  # neither does a valley
    ],
)
def test_an_outlier_is_far_below_both_neighbours_and_further_than_layers_usually_are(
    percents, place, drop, stands_out
):
    outlier = find_outlier(np.array(percents, float))
    assert (outlier.place, outlier.drop, outlier.stands_out) == (place, drop, stands_out)


@pytest.mark.parametrize("percents", [[], [50], [50, 10], [10, 20, 30], [40, 40, 40]])
def test_there_is_none_where_no_layer_lies_below_both_neighbours(percents):
    assert find_outlier(np.array(percents, float)) is None
    if percents:
        assert title_of(layers_of(*percents)) == "5x5: no layer lies below both of its neighbours"


def test_the_title_names_the_layer_or_says_that_none_stands_out():
    assert title_of(layers_of(90, 90, 10, 80)) == (
        "5x5: layer 2 stands out, 70.0 points below its neighbours"
    )
    assert title_of(layers_of(90, 80, 90, 90)) == (
        "5x5: no layer stands out (layer 1 comes closest, 10.0 points below its neighbours)"
    )


def test_samples_are_live_kernels_of_the_layer_and_of_its_neighbours():
    classes = layers_of(80, 90, 90, 10, 80, n=MIN_KERNELS)
    is_dead = classes.index % 2 == 0
    classes = classes.assign(**{"class": classes["class"].mask(is_dead, "dead")})
    classes = classes.iloc[np.r_[: len(classes), : len(classes)]].reset_index(drop=True)
    kernels = numbered(classes)
    kernels[classes["class"] == "dead"] = 0
    figure = draw_outlier("net", arrays_of({5: classes}), {5: kernels}, 6)
    values = image_of(figure.axes[1])
    assert values.shape[1] == 6 * 6 - 1
    corners = (values[::6, ::6] * 18 - 9).round()  # scaled to 0 ... 1, from -9 to 9
    assert corners.tolist() == [[2] * 6, [3] * 6, [4] * 6]
    live = classes[classes["class"] != "dead"]
    percents = 100 * (live["class"] != "other").groupby(live["layer_index"]).mean()
    rows = [f"layer {layer}  {percents[layer]:.0f} %" for layer in (2, 3, 4)]
    assert set(rows) <= set(texts_of(figure.axes[1]))


def test_layers_with_few_kernels_are_passed_over():
    few = classes_of(
        a="on_centre " * 40, b="other " * 10, c="on_centre " * 40, d="other " * 40,
        e="on_centre " * 40,
    )  # fmt: skip
    assert title_of(few).startswith("5x5: layer 3 stands out")


def test_the_ruler_decides_what_is_counted():
    classes = classes_of(
        a="on_centre " * 40, b="other/on_centre " * 40, c="on_centre/~on_centre " * 40,
        d="on_centre " * 40,
    )  # fmt: skip
    assert "layer 1 stands out" in title_of(classes, "paper")
    assert "layer 2 stands out" in title_of(classes, "family")
    without = classes_of(a="-/on_centre " * 40, b="-/~on_centre " * 40, c="-/on_centre " * 40)
    assert "layer 1 stands out" in title_of(without, "paper")


@pytest.mark.parametrize("percents", [[50], [90, 90, 10, 80]])
def test_no_text_is_written_over_another(percents):
    classes = layers_of(*percents)
    tables, kernels = arrays_of({5: classes, 7: classes}), {5: numbered(classes)}
    figure = draw_outlier("net", tables, kernels | {7: kernels[5]}, 12)
    assert overlaps_of(figure) == []
