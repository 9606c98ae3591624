"""The figure of contrast: the layers of the two models that differ most, or of those named."""

import pandas as pd
import pytest
from support.classes import classes_of, layers_of
from support.figures import bars_of, texts_of

from kernel_atlas.figures.contrast import (
    count_classes,
    draw_contrast,
    find_difference,
    find_pair,
    find_shares,
)
from kernel_atlas.figures.proportions import COLUMNS

FAMILIES = pd.Series({"one": "A", "two": "A", "three": "A", "alone": "B", "x": "", "y": ""})
CLASSES = {
    "one": classes_of(a="on_centre on_centre", b="off_centre off_centre"),
    "two": classes_of(a="on_centre on_centre", b="off_centre other"),
    "three": classes_of(a="on_cross on_centre", b="off_cross dead"),
    "alone": classes_of(a="other other"),
    "x": classes_of(a="dead"),
    "y": classes_of(a="on_cross"),
}


def layers_of_models(*names):
    return layers_of({(name, 5): CLASSES[name] for name in names})


def titles_of(figure):
    return [axes.get_title("left") for axes in figure.axes]


def test_the_two_of_a_family_that_differ_most_stand_side_by_side_and_merged_below():
    figure = draw_contrast(layers_of_models(*CLASSES), FAMILIES)
    assert titles_of(figure) == [
        "5x5, nearest code: 75.0 % differ\none",
        "\nthree",
        "crosses counted as centres: 25.0 % differ\none",
        "\nthree",
    ]
    one, three, _, merged = map(bars_of, figure.axes)
    assert one == {0: {"On centre": 100}, 1: {"Off centre": 100}}
    assert three == {0: {"On centre": 50, "On cross": 50}, 1: {"Off cross": 50, "Dead": 50}}
    assert merged == {0: {"On centre": 100}, 1: {"Off centre": 50, "Dead": 50}}


def test_models_that_are_named_are_shown_in_that_order():
    figure = draw_contrast(layers_of_models(*CLASSES), FAMILIES, models=["alone", "two", "one"])
    assert titles_of(figure) == ["5x5, nearest code\nalone", "\ntwo", "\none"]


def test_a_named_model_without_layers_is_reported():
    figure = draw_contrast(layers_of_models("one"), FAMILIES, models=["one", "mistyped"])
    assert texts_of(figure) == ["figures.contrast: no layers of mistyped"]


@pytest.mark.parametrize("names", [["one", "alone"], ["x", "y"]])
def test_models_of_no_family_or_alone_in_theirs_are_not_paired(names):
    figure = draw_contrast(layers_of_models(*names), FAMILIES)
    assert texts_of(figure) == ["no family has two models with kernels of one size"]
    assert texts_of(draw_contrast(pd.DataFrame(columns=COLUMNS), FAMILIES)) == texts_of(figure)


def test_the_pair_differs_in_all_kernels_whatever_layer_they_are_in():
    labels = ["on_centre", "off_centre", "on_cross", "off_cross", "other", "dead"]
    counts = count_classes(layers_of_models("one", "two", "three"), "n", labels)
    shares = {name: find_shares(table) for name, table in counts.items()}
    assert shares["two"].tolist() == [50, 25, 0, 0, 25, 0]
    assert find_difference(shares["one"], shares["two"]) == 25
    assert find_pair(counts, FAMILIES) == ("one", "three")
    assert find_pair({"one": counts["one"]}, FAMILIES) == ()
