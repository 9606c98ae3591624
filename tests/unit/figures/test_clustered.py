"""The figure of clustered percentages: every number of the table, and none that is missing."""

import pandas as pd
import pytest
from support.figures import legend_of, texts_of

from kernel_atlas.figures.clustered import draw_clustered

NAN = float("nan")
COLUMNS = ["clustered", "low", "high", "random", "phase_randomised", "paper"]
ROWS = [
    ["a", 5, 66.6, 60.1, 70.2, 0.1, 3.1, NAN],
    ["b", 5, 71.2, NAN, NAN, 0.2, 3.2, 68.4],
    ["a", 7, 90.1, 85, 93, 0, 5, NAN],
    ["b", 7, *[NAN] * 6],
]


@pytest.fixture
def clustered():
    columns = ["model", "kernel_size", *(f"{name}_percent" for name in COLUMNS)]
    return pd.DataFrame(ROWS, columns=columns)


def test_each_model_has_a_bar_its_interval_and_what_chance_and_the_paper_give(clustered):
    figure = draw_clustered(clustered)
    five, seven = figure.axes
    assert [bar.get_width() for bar in five.patches] == [66.6, 71.2]
    assert seven.patches[0].get_width() == 90.1
    (interval,) = (line for line in five.collections[0].get_segments() if len(line))
    assert interval.tolist() == [[60.1, 0], [70.2, 0]]
    points = {line.get_label(): list(line.get_xdata()) for line in five.lines}
    assert points["random directions"] == [0.1, 0.2]
    assert points["random phases"] == [3.1, 3.2]
    assert points["published"][1] == 68.4
    assert [axes.get_title("left") for axes in figure.axes] == ["5x5", "7x7"]
    for axes, numbers in ((five, {"66.6", "71.2"}), (seven, {"90.1"})):
        assert {"a", "b", *numbers} <= set(texts_of(axes))


def test_a_missing_number_is_not_written(clustered):
    assert not [text for text in texts_of(draw_clustered(clustered)) if "nan" in text]


def test_the_legend_names_published_figures_only_if_there_are_some(clustered):
    assert "published" in legend_of(draw_clustered(clustered))
    without = clustered.assign(paper_percent=NAN)
    assert "published" not in legend_of(draw_clustered(without))
