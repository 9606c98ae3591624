"""The figure of percentages: every number of the table, and none that is missing."""

import pandas as pd
import pytest
from matplotlib.text import Text
from support.figures import legend_of, texts_of

from kernel_atlas.figures.clustered import draw_clustered

NAN = float("nan")
PERCENTS = ["near", "near_low", "near_high", "random_near", "phase_randomised_near"]
COLUMNS = [*PERCENTS, *(name.replace("near", "matched") for name in PERCENTS), "paper"]
COUNTS = ["n_kernels", "n_near", "n_clustered"]
ROWS = [
    ["a", 5, 100, 66, 50, 66.6, 60.1, 70.2, 0.1, 3.1, 81.1, 75.1, 86.1, 0.3, 4.1, NAN],
    ["b", 5, 10, 7, 7, 71.2, NAN, NAN, 0.2, 3.2, 82.2, NAN, NAN, 0.4, 4.2, 68.4],
    ["a", 7, 20, 18, 15, 90.1, 85, 93, 0, 5, 95.1, 93, 97, 0, 6, NAN],
    ["b", 7, 0, NAN, NAN, *[NAN] * 11],
    ["a", 9, 30, NAN, NAN, *[NAN] * 5, 55.5, 50, 60, 0, 1, NAN],
]


@pytest.fixture
def clustered():
    columns = ["model", "kernel_size", *COUNTS, *(f"{name}_percent" for name in COLUMNS)]
    return pd.DataFrame(ROWS, columns=columns)


def corners_of(axes):
    """The x and y of each bar by its name in the legend; all bars start at 0."""
    bars = {
        bars.get_label(): [corners.T for corners in bars.get_path().to_polygons()]
        for bars in axes.patches
    }
    assert all(x.min() == 0 for own in bars.values() for x, _ in own)
    return bars


def bars_of(axes):
    """The widths of the bars by their name in the legend."""
    return {name: [x.max().round(6) for x, _ in bars] for name, bars in corners_of(axes).items()}


def places_of(axes):
    """The middle of each bar on the y axis, by its name."""
    return {
        name: [round((y.min() + y.max()) / 2, 6) for _, y in bars]
        for name, bars in corners_of(axes).items()
    }


def test_each_model_has_a_bar_by_either_ruler(clustered):
    five, seven, nine = draw_clustered(clustered).axes
    assert bars_of(five) == {
        "near, of all kernels": [66.6, 71.2],
        "of these, clustered (the code has a class)": [50, 70],
        "matched, of the live kernels": [81.1, 82.2],
    }
    assert [widths[0] for widths in bars_of(seven).values()] == [90.1, 75, 95.1]
    assert bars_of(nine) == {"matched, of the live kernels": [55.5]}
    for axes, numbers in (
        (five, {"66.6", "71.2", "81.1", "82.2"}),
        (seven, {"90.1", "95.1"}),
        (nine, {"55.5"}),
    ):
        assert {"a", *numbers} <= set(texts_of(axes))


def test_intervals_chance_and_published_figures_are_on_the_bar_that_they_belong_to(clustered):
    figure = draw_clustered(clustered)
    assert [axes.get_title("left") for axes in figure.axes] == ["5x5", "7x7", "9x9"]
    five = figure.axes[0]
    near, _, matched = places_of(five).values()
    lines = [
        line.tolist() for rows in five.collections for line in rows.get_segments() if len(line)
    ]
    assert lines == [
        [[60.1, pytest.approx(near[0])], [70.2, pytest.approx(near[0])]],
        [[75.1, pytest.approx(matched[0])], [86.1, pytest.approx(matched[0])]],
    ]
    points = [(line.get_label(), *line.get_data()) for line in five.lines]
    found = {(name, x, round(y, 6)) for name, *data in points for x, y in zip(*data, strict=True)}
    assert {
        ("random directions", 0.1, near[0]),
        ("random directions", 0.4, matched[1]),
        ("random phases", 3.2, near[1]),
        ("random phases", 4.1, matched[0]),
        ("published", 68.4, near[1]),
    } <= found


@pytest.mark.parametrize("ruler", ["paper", "family"])
def test_the_ruler_of_the_setting_is_on_top(clustered, ruler):
    upper = {"near, of all kernels": "paper", "matched, of the live kernels": "family"}
    places = places_of(draw_clustered(clustered, ruler).axes[0])
    first = min(upper, key=lambda name: places[name][0])
    assert upper[first] == ruler


def test_a_missing_number_is_not_written(clustered):
    assert not [text for text in texts_of(draw_clustered(clustered)) if "nan" in text]


def test_a_number_stands_to_the_right_of_what_chance_gives(clustered):
    rows = clustered.iloc[[1]].assign(near_percent=6.6, random_near_percent=9.0, paper_percent=NAN)
    rows["phase_randomised_near_percent"] = 17.0
    (axes,) = draw_clustered(rows).axes
    (number,) = [text for text in axes.findobj(Text) if text.get_text() == "6.6"]
    assert number.get_position()[0] > 17


def test_a_published_figure_is_drawn_without_results_too(clustered):
    rows = clustered.iloc[[3]].assign(n_near=NAN, n_clustered=NAN, paper_percent=56.7)
    (axes,) = draw_clustered(rows).axes
    (published,) = [line for line in axes.lines if line.get_label() == "published"]
    assert published.get_xdata().tolist() == [56.7]


def test_the_legend_names_each_thing_once_and_published_figures_only_if_there_are_some(clustered):
    assert "published" in legend_of(draw_clustered(clustered))
    without = clustered.assign(paper_percent=NAN)
    assert "published" not in legend_of(draw_clustered(without))
