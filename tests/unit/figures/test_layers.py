"""The figure of layers: each bar is made of the percentages of the layer's classes."""

import pytest
from matplotlib.colors import to_hex
from support.classes import arrays_of, classes_of
from support.figures import bars_of, legend_of

from kernel_atlas.figures import style
from kernel_atlas.figures.layers import draw_layers

TABLES = {
    5: classes_of(
        stem="on_centre first_derivative_up first_derivative_left mine",
        body="other/off_cross dead on_centre/~on_centre other",
        head="mine",
    ),
    7: classes_of(body="off_cross yours"),
}


BY_PAPER = {
    0: {"On centre": 25, "First derivative": 50, "Mine": 25},
    1: {"On centre": 25, "Other": 50, "Dead": 25},
    2: {"Mine": 100},
}
BY_FAMILY = {
    0: {"On centre": 50, "First derivative": 50},
    1: {"Off cross": 25, "Other": 50, "Dead": 25},
    2: {"On centre": 100},
}


@pytest.mark.parametrize(
    ("ruler", "expected"), [("paper", [BY_PAPER, BY_FAMILY]), ("family", [BY_FAMILY, BY_PAPER])]
)
def test_bars_stand_on_each_other_and_their_heights_are_the_percentages(ruler, expected):
    figure = draw_layers("net", arrays_of(TABLES), ruler)
    found = [bars_of(axes) for axes in figure.axes]
    assert found[:2] == expected
    seven = [{0: {"Off cross": 50, "Yours": 50}}, {0: {"On centre": 50, "Off cross": 50}}]
    assert found[2:] == (seven if ruler == "paper" else seven[::-1])


def titles_of(tables):
    return [axes.get_title("left") for axes in draw_layers("net", arrays_of(tables)).axes]


def test_titles_give_the_percentage_of_live_kernels_by_the_ruler_of_the_panel():
    assert titles_of(TABLES) == [
        "5x5, nearest code: 75.0 % of 8 live kernels clustered, 1 dead",
        "5x5, nearest member: 75.0 % of 8 live kernels matched, 1 dead",
        "7x7, nearest code: 100.0 % of 2 live kernels clustered",
        "7x7, nearest member: 100.0 % of 2 live kernels matched",
    ]
    assert titles_of({5: classes_of(a="dead dead")}) == [
        "5x5, nearest code: 0 live kernels clustered, 2 dead",
        "5x5, nearest member: 0 live kernels matched, 2 dead",
    ]


def test_a_size_without_a_codebook_has_a_panel_by_the_family_s_ruler_alone():
    tables = {5: TABLES[7], 9: classes_of(a="-/on_cross -/~on_cross dead")}
    titles = titles_of(tables)
    assert len(titles) == 3
    assert titles[-1] == "9x9, nearest member: 50.0 % of 2 live kernels matched, 1 dead"


def test_the_legend_names_the_classes_of_the_model_and_no_others():
    assert set(legend_of(draw_layers("net", arrays_of({7: TABLES[7]})))) == {
        "On centre",
        "Off cross",
        "Yours",
    }


def test_own_classes_have_the_same_colour_in_the_figures_of_all_models():
    both = classes_of(a="blob stripe")
    one = both[both["class"] == "stripe"]
    colours = [
        legend_of(draw_layers("net", arrays_of({5: table})))["Stripe"] for table in (both, one)
    ]
    assert colours[0] == colours[1]


def test_members_may_be_merged_into_a_name_that_no_class_has():
    (table,) = arrays_of({5: classes_of(a="on_cross/on_centre")}).values()
    merged = table.merged({"on_centre": "spot"})
    assert "spot" not in merged.own.names
    assert set(legend_of(draw_layers("net", {5: merged}))) == {"On cross", "Spot"}


@pytest.mark.parametrize("colours", ["grey", "diverging"])
def test_for_print_in_grey_bars_and_legend_have_the_hatches_of_the_classes(colours, monkeypatch):
    monkeypatch.setitem(style.RC, "image.cmap", style.COLOUR_MAPS[colours])
    figure = draw_layers("net", arrays_of(TABLES))
    (legend,) = figure.legends
    entries = {to_hex(patch.get_facecolor()): patch.get_hatch() for patch in legend.get_patches()}
    bars = [bar for axes in figure.axes for bar in axes.patches]
    assert {to_hex(bar.get_facecolor()): bar.get_hatch() for bar in bars} == entries
    expected = style.HATCHES["cross"] if colours == "grey" else None
    assert entries[style.COLOURS["off_cross"]] == expected


def test_of_many_layers_some_are_numbered():
    many = classes_of(**{f"layer{i}": "on_centre" for i in range(90)})
    upper, lower = draw_layers("net", arrays_of({5: many})).axes
    assert [text.get_text() for text in lower.texts][:3] == ["0", "3", "6"]
    assert upper.get_xlim() == lower.get_xlim()
