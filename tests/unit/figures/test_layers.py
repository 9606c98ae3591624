"""The figure of layers: each bar is made of the percentages of the layer's classes."""

import pytest
from support.classes import classes_of
from support.figures import colour_of, legend_of

from kernel_atlas.figures.layers import draw_layers

TABLES = {
    5: classes_of(
        stem="on_centre first_derivative_up first_derivative_left mine",
        body="other dead on_centre other",
        head="mine",
    ),
    7: classes_of(body="off_cross yours"),
}


def bars_of(axes):
    """From layer to the bars of its classes, from bottom to top: colour, bottom and height."""
    bars = {}
    for bar in axes.patches:
        if bar.get_height() > 0:
            place = round(bar.get_x() + bar.get_width() / 2)
            bars.setdefault(place, []).append((colour_of(bar), bar.get_y(), bar.get_height()))
    return bars


def test_bars_stand_on_each_other_and_their_heights_are_the_percentages():
    figure = draw_layers("net", TABLES)
    names = {colour: name for name, colour in legend_of(figure).items()}
    found = [
        {place: {names[colour]: height for colour, _, height in bars} for place, bars in row}
        for row in (bars_of(axes).items() for axes in figure.axes)
    ]
    assert found == [
        {
            0: {"On centre": 25, "First derivative": 50, "Mine": 25},
            1: {"On centre": 25, "Other": 50, "Dead": 25},
            2: {"Mine": 100},
        },
        {0: {"Off cross": 50, "Yours": 50}},
    ]
    for axes in figure.axes:
        for bars in bars_of(axes).values():
            ends = [0, *(bottom + height for _, bottom, height in bars)]
            assert [bottom for _, bottom, _ in bars] == pytest.approx(ends[:-1])


def test_titles_give_the_percentage_of_live_kernels_that_are_clustered():
    titles = [axes.get_title("left") for axes in draw_layers("net", TABLES).axes]
    assert titles == [
        "5x5: 75.0 % of 8 live kernels clustered, 1 dead",
        "7x7: 100.0 % of 2 live kernels clustered",
    ]
    (dead,) = draw_layers("net", {5: classes_of(a="dead dead")}).axes
    assert dead.get_title("left") == "5x5: 0 live kernels clustered, 2 dead"


def test_the_legend_names_the_classes_of_the_model_and_no_others():
    assert set(legend_of(draw_layers("net", {7: TABLES[7]}))) == {"Off cross", "Yours"}


def test_own_classes_have_the_same_colour_in_the_figures_of_all_models():
    both = classes_of(a="blob stripe")
    one = both[both["class"] == "stripe"]
    colours = [legend_of(draw_layers("net", {5: table}))["Stripe"] for table in (both, one)]
    assert colours[0] == colours[1]


def test_of_many_layers_some_are_numbered():
    many = classes_of(**{f"layer{i}": "on_centre" for i in range(90)})
    (axes,) = draw_layers("net", {5: many}).axes
    assert [text.get_text() for text in axes.get_xticklabels()][:3] == ["0", "3", "6"]
