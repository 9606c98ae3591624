"""Class proportions by layer of one model (paper, Figures 7 and 8)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from kernel_atlas.classes.rulers import PAPER, SHARE, SOUGHT, class_by, rulers_of
from kernel_atlas.family.names import order_classes
from kernel_atlas.figures import style
from kernel_atlas.figures.bars import stack_classes
from kernel_atlas.figures.model import (
    LAYERS,
    TITLE,
    name_layers,
    name_percents,
    new_column,
    no_kernels,
    read_classes,
    width_of_layers,
)
from kernel_atlas.tables.layers import count_layers

HEIGHTS = 1.6, 1.2  # inches of the first and of the other ruler's panel


def plot_layers(
    classes: Sequence[str | Path],
    model: str,
    sizes: Sequence[int],
    merge: Mapping[str, str],
    ruler: str,
) -> Figure:
    """Read the tables of `read_classes` and draw them."""
    return draw_layers(model, read_classes(classes, sizes, merge), ruler)


@mpl.rc_context(style.RC)
def draw_layers(model: str, classes: Mapping[int, pd.DataFrame], ruler: str = PAPER) -> Figure:
    """Stacked bars of class percentages, first derivatives merged.

    Parameters
    ----------
    model : str
    classes : mapping
        From kernel size to that table of classes; none of them is empty. A size has one panel by
        either ruler, or without a codebook one by the family's.
    ruler : str
        The one that comes first.
    """
    if not classes:
        return no_kernels(model)
    # of either ruler, as a merged member may have a name that no class has
    by = [class_by(table, PAPER) for table in classes.values()]
    labels = order_classes({name for label in by for name in label.cat.categories})
    panels: dict[tuple[int, str], tuple[float, float]] = {}
    for size, table in classes.items():
        for number, name in enumerate(rulers_of(table, ruler)):
            above = LAYERS + TITLE if panels and not number else TITLE
            panels[size, name] = above, HEIGHTS[number]
    percents = [_find_percents(classes[size], name) for size, name in panels]
    seen = {name for wide in percents for name in wide.columns[wide.any()]}
    legend_width, legend_height = style.legend_size(seen)
    width = max(legend_width, width_of_layers(classes.values()))
    below = LAYERS + legend_height
    figure, all_axes = new_column(model, width, list(panels.values()), below=below)
    last = dict(panels.keys())  # the ruler of each size whose panel numbers the layers for both
    for axes, (size, name), wide in zip(all_axes, panels, percents, strict=True):
        stack_classes(axes, wide, labels)
        name_layers(axes, wide.index, is_numbered=name == last[size])
        name_percents(axes)
        axes.set_ylabel("kernels (%)")
        axes.set_title(f"{size}x{size}, {_facts(classes[size], name)}")
    style.class_legend(figure, seen, labels)
    return figure


def _find_percents(table: pd.DataFrame, ruler: str) -> pd.DataFrame:
    """One row per layer, one column per class, first derivatives merged."""
    labels = class_by(table, ruler).cat
    merged = [*map(style.merge_first_derivatives, labels.categories)]
    names = [*dict.fromkeys(merged)]
    column = np.array([*map(names.index, merged), len(names)])[labels.codes]  # last: no class
    layers, row = np.unique(table["layer_index"], return_inverse=True)
    counts = np.zeros((len(layers), len(names) + 1))
    np.add.at(counts, (row, column), 1)
    percents = 100 * counts / counts.sum(axis=1, keepdims=True)
    return pd.DataFrame(percents[:, :-1], layers, names)


def _facts(table: pd.DataFrame, ruler: str) -> str:
    """What the title of a panel says after the size."""
    counts = count_layers(table).sum()
    share = SHARE[ruler]
    n_dead = counts["n_dead"]
    n_live = counts["n_kernels"] - n_dead
    percent = f"{100 * counts[f'n_{share}'] / n_live:.1f} % of " if n_live else ""
    dead = f", {n_dead:,} dead" if n_dead else ""
    return f"{SOUGHT[ruler]}: {percent}{n_live:,} live kernels {share}{dead}"
