"""The figure of proportions: a bar per model, whose parts are the percentages of its classes."""

import pandas as pd
import pytest
from matplotlib.colors import to_hex
from support.classes import classes_of
from support.figures import legend_of, texts_of

from kernel_atlas.figures.proportions import COLUMNS, draw_proportions
from kernel_atlas.figures.style import NO_MODEL
from kernel_atlas.tables.layers import count_by_layer

CLASSES = {
    ("alpha", 5): classes_of(
        stem="on_centre first_derivative_up first_derivative_left mine",
        body="other/off_cross dead on_centre/~on_centre on_centre",
    ),
    ("beta", 5): classes_of(a="dead dead"),
    ("beta", 9): classes_of(a="-/on_cross dead -/~on_cross -/on_cross"),
}


def layers_of(classes):
    """The table layers.tsv."""
    tables = [
        count_by_layer(table).assign(model=model, kernel_size=size)
        for (model, size), table in classes.items()
    ]
    return pd.concat(tables, ignore_index=True)


def bars_of(figure):
    """By title of the panel: from model to its classes with their percentages, left to right."""
    names = {colour: name for name, colour in legend_of(figure).items()}
    panels = {}
    for axes in figure.axes:
        parts = {}
        for bars in axes.collections:
            colour = to_hex(bars.get_facecolor()[0])
            for path in bars.get_paths():
                (left, low), (right, high) = path.vertices.min(axis=0), path.vertices.max(axis=0)
                if right > left:
                    parts.setdefault(round((low + high) / 2), []).append((left, right, colour))
        for row in parts.values():
            ends = [0, *(right for _, right, _ in row)]
            assert [left for left, *_ in row] == pytest.approx(ends[:-1])
            assert ends[-1] == pytest.approx(100)
        panels[axes.get_title("left")] = {
            place: {names[colour]: pytest.approx(right - left) for left, right, colour in row}
            for place, row in parts.items()
        }
    return panels


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
    panels = bars_of(draw_proportions(layers_of(CLASSES), ruler))
    five = {"5x5, nearest code": BY_PAPER, "5x5, nearest member": BY_FAMILY}
    names = [*five] if ruler == "paper" else [*five][::-1]
    assert [*panels][:2] == names
    assert {name: panels[name] for name in five} == five
    assert panels["9x9, nearest member"] == {0: {"On cross": 50, "Other": 25, "Dead": 25}}
    assert panels["9x9, nearest code"] == {}


def test_each_model_is_named_once_per_size_in_the_order_of_the_table():
    figure = draw_proportions(layers_of(CLASSES))
    names = [[text.get_text() for text in axes.get_yticklabels()] for axes in figure.axes]
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
