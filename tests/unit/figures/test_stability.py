"""The figure of classes by seed: every number of the tables is in its place."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from support.figures import texts_of

from kernel_atlas.figures.stability import draw_stability

COUNTS = {"on_centre": (6810, 6968), "off_cross": (0, 148), "on_square": (0, 0)}
PURITY = {"on_centre": (0.91, 0.9), "off_cross": (0.59, 0.72), "on_square": (0.1, 0.2)}
MEMBERS = {"on_centre": 7001, "off_cross": 152, "on_square": 3}
OVERLAP = {"on_centre": 0.89, "off_cross": 0.0, "on_square": np.nan}


def tables_of(size=5, seeds=("1", "2"), kept="2"):
    """Tables like stability.tsv and stability_classes.tsv of two seeds, or of one."""
    pairs = [", ".join(seeds)] if len(seeds) > 1 else []
    stability = pd.DataFrame({"kernel_size": size, "seeds": [*seeds, *pairs]})
    stability["kept"] = stability["seeds"] == kept
    for column, values in {
        "near_percent": (69.81, 72.57, 66.93),
        "clustered_percent": (66.43, 69.97, 63.19),
        "n_named": (20, 23, None),
    }.items():
        stability[column] = values[: len(seeds)] + values[2 : 2 + len(pairs)]
    rows = [
        (size, name, seed, n, max(COUNTS[name]), MEMBERS[name], purity, np.nan)
        for name in COUNTS
        for seed, n, purity in zip(seeds, COUNTS[name], PURITY[name], strict=False)
    ]
    rows += [
        (size, name, pair, 0, max(COUNTS[name]), MEMBERS[name], np.nan, OVERLAP[name])
        for name in COUNTS
        for pair in pairs
    ]
    columns = ["kernel_size", "class", "seeds", "n_kernels", "most", "n_members"]
    return stability, pd.DataFrame(rows, columns=[*columns, "best_purity", "overlap"])


def grid_of(axes):
    """What is written in a panel, by the names of its line and its column."""
    columns = [label.get_text() for label in axes.get_xticklabels()]
    lines = [label.get_text() for label in axes.get_yticklabels()]
    return {
        (lines[text.get_position()[1]], columns[text.get_position()[0]]): text.get_text()
        for text in axes.texts
    }


def test_every_class_and_seed_has_its_number_in_its_place():
    grid, _ = draw_stability(*tables_of()).axes
    assert grid_of(grid) == {
        ("On centre", "1"): "6,810",
        ("On centre", "2"): "6,968",
        ("On centre", "members"): "7,001",
        ("Off cross", "1"): "- (0.59)",
        ("Off cross", "2"): "148",
        ("Off cross", "members"): "152",
        ("On square", "1"): "- (0.10)",
        ("On square", "2"): "- (0.20)",
        ("On square", "members"): "3",
        ("near (%)", "1"): "69.8",
        ("near (%)", "2"): "72.6",
        ("clustered (%)", "1"): "66.4",
        ("clustered (%)", "2"): "70.0",
        ("named intervals", "1"): "20",
        ("named intervals", "2"): "23",
    }
    bold = [label.get_text() for label in grid.get_xticklabels() if label.get_weight() == "bold"]
    assert bold == ["2"]


def test_the_spread_of_the_seeds_is_written():
    _, overlap = draw_stability(*tables_of()).axes
    assert [text.get_text() for text in overlap.texts] == [
        "69.8 to 72.6",
        "66.4 to 70.0",
        "20 to 23",
    ]


def test_each_pair_is_a_dot_at_the_overlap_of_the_class():
    _, overlap = draw_stability(*tables_of()).axes
    dots = [artist for artist in overlap.collections if isinstance(artist, PathCollection)]
    assert sorted(tuple(place) for dot in dots for place in dot.get_offsets()) == [
        (0.0, 1.0),
        (0.89, 0.0),
    ]


def test_a_class_without_kernels_and_members_is_left_out():
    stability, classes = tables_of()
    classes.loc[classes["class"] == "on_square", "n_members"] = 0
    grid, _ = draw_stability(stability, classes).axes
    assert "On square" not in texts_of(grid)


@pytest.mark.parametrize("seeds", [("1",), ("1", "2")])
def test_each_size_has_its_panels_and_nothing_missing_is_written(seeds):
    parts = [tables_of(size, seeds) for size in (5, 7)]
    figure = draw_stability(*(pd.concat(tables) for tables in zip(*parts, strict=True)))
    titles = [axes.get_title("left") for axes in figure.axes[::2]]
    assert [title.split(":")[0] for title in titles] == ["5x5", "7x7"]
    assert not [text for text in texts_of(figure) if "nan" in text]
