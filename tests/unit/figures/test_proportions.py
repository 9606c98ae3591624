"""The figure of proportions: a bar per model, whose parts are the percentages of its classes."""

import pandas as pd
import pytest
from matplotlib.collections import LineCollection
from support.classes import classes_of, layers_of
from support.figures import bars_of, legend_of, texts_of

from kernel_atlas.figures.proportions import COLUMNS, draw_proportions
from kernel_atlas.figures.style import NO_MODEL

CLASSES = {
    ("alpha", 5): classes_of(
        stem="on_centre first_derivative_up first_derivative_left mine",
        body="other/off_cross dead on_centre/~on_centre on_centre",
    ),
    ("beta", 5): classes_of(a="dead dead"),
    ("beta", 9): classes_of(a="-/on_cross dead -/~on_cross -/on_cross"),
}


def panels_of(figure):
    """By title of the panel: from model to its classes with their percentages, left to right."""
    return {axes.get_title("left"): bars_of(axes, horizontal=True) for axes in figure.axes}


def approx(panel):
    return {place: pytest.approx(bar) for place, bar in panel.items()}


BY_PAPER = {
    0: {"On centre": 37.5, "First derivative": 25, "Mine": 12.5, "Other": 12.5, "Dead": 12.5},
    1: {"Dead": 100},
}
BY_FAMILY = {
    0: {"On centre": 37.5, "Off cross": 12.5, "First derivative": 25, "Other": 12.5, "Dead": 12.5},
    1: {"Dead": 100},
}


@pytest.mark.parametrize("ruler", ["paper", "family"])
def test_parts_are_the_percentages_of_all_kernels_by_the_ruler_of_the_panel(ruler):
    panels = panels_of(draw_proportions(layers_of(CLASSES), ruler))
    five = {"5x5, nearest code": approx(BY_PAPER), "5x5, nearest member": approx(BY_FAMILY)}
    names = [*five] if ruler == "paper" else [*five][::-1]
    assert [*panels][:2] == names
    assert {name: panels[name] for name in five} == five
    nine = {0: {"On cross": 50, "Other": 25, "Dead": 25}}
    assert panels["9x9, nearest member"] == approx(nine)
    assert panels["9x9, nearest code"] == {}


def test_each_model_is_named_once_per_size_in_the_order_of_the_table():
    figure = draw_proportions(layers_of(CLASSES))
    names = [[name for name in texts_of(axes) if name in ("alpha", "beta")] for axes in figure.axes]
    assert names == [["alpha", "beta"], [], ["beta"], []]


def test_a_size_without_a_codebook_says_so():
    figure = draw_proportions(layers_of(CLASSES))
    said = ["no codebook of this size" in texts_of(axes) for axes in figure.axes]
    assert said == [False, False, True, False]


def test_the_legend_names_the_classes_that_any_model_has_and_no_others():
    legend = [*legend_of(draw_proportions(layers_of(CLASSES)))]
    assert legend == [
        "On centre",
        "On cross",
        "Off cross",
        "First derivative",
        "Mine",
        "Other",
        "Dead",
    ]


def test_without_models_there_is_a_notice():
    assert texts_of(draw_proportions(pd.DataFrame(columns=COLUMNS))) == [NO_MODEL]


def test_merged_crosses_are_centres_and_a_tick_is_in_the_middle_of_on_and_off():
    classes = {
        ("alpha", 5): classes_of(a="on_centre on_cross on_cross off_centre other/off_cross dead"),
        ("beta", 5): classes_of(a="other dead"),
    }
    figure = draw_proportions(layers_of(classes), is_merged=True)
    assert [*legend_of(figure)] == [
        "On centre or cross", "Off centre or cross", "Other", "Dead", "middle of both",
    ]  # fmt: skip
    panels = panels_of(figure)
    expected = {"On centre or cross": 50, "Off centre or cross": 100 / 6}
    rest = {"Other": 100 / 6, "Dead": 100 / 6}
    assert panels["5x5, nearest code"][0] == pytest.approx(expected | rest)
    ticks = [
        [line.tolist() for line in lines.get_segments()]
        for axes in figure.axes
        for lines in axes.collections
        if isinstance(lines, LineCollection)
    ]
    assert [[line[0][0] for line in lines] for lines in ticks] == [
        [pytest.approx(100 / 3)], [pytest.approx(250 / 6)],
    ]  # fmt: skip
