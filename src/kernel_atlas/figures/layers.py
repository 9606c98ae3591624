"""Class proportions by layer of one model (paper, Figures 7 and 8)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from kernel_atlas.classes.rulers import PAPER, SHARE, SOUGHT
from kernel_atlas.classes.table import ClassTable
from kernel_atlas.family.names import order_classes
from kernel_atlas.figures import style
from kernel_atlas.figures.bars import stack_classes
from kernel_atlas.figures.model import (
    IN_ORDER,
    LAYERS,
    TITLE,
    describe_axes,
    name_layers,
    name_percents,
    new_column,
    no_kernels,
    read_classes,
    width_of_layers,
)

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
def draw_layers(model: str, classes: Mapping[int, ClassTable], ruler: str = PAPER) -> Figure:
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
    labels = order_classes({name for table in classes.values() for name in table.by(PAPER).names})
    panels: dict[tuple[int, str], tuple[float, float]] = {}
    for size, table in classes.items():
        for number, name in enumerate(table.rulers(ruler)):
            above = LAYERS + TITLE if panels and not number else TITLE
            panels[size, name] = above, HEIGHTS[number]
    percents = [_find_percents(classes[size], name) for size, name in panels]
    seen = {name for wide in percents for name, own in wide.items() if own.any()}
    legend_width, legend_height = style.legend_size(seen)
    width = max(legend_width, width_of_layers(classes.values()))
    below = LAYERS + legend_height
    figure, all_axes = new_column(model, width, list(panels.values()), below=below)
    last = dict(panels.keys())  # the ruler of each size whose panel numbers the layers for both
    for axes, (size, name), wide in zip(all_axes, panels, percents, strict=True):
        stack_classes(axes, wide, labels)
        name_layers(axes, np.unique(classes[size].layer), is_numbered=name == last[size])
        name_percents(axes)
        describe_axes(axes, IN_ORDER if name == last[size] else "", "kernels (%)")
        axes.set_title(f"{size}x{size}, {_facts(classes[size], name)}")
    style.class_legend(figure, seen, labels)
    return figure


def _find_percents(table: ClassTable, ruler: str) -> dict[str, np.ndarray]:
    """By class, its percentage of each layer, first derivatives merged."""
    by = table.by(ruler)
    merged = [*map(style.merge_first_derivatives, by.names)]
    names = [*dict.fromkeys(merged)]
    labels = by.renamed(merged, names)
    layers, row = np.unique(table.layer, return_inverse=True)
    counts = np.zeros((len(layers), len(names) + 1))  # last: no class, by code -1
    np.add.at(counts, (row, labels.codes), 1)
    percents = 100 * counts / counts.sum(axis=1, keepdims=True)
    return dict(zip(names, percents.T, strict=False))


def _facts(table: ClassTable, ruler: str) -> str:
    """What the title of a panel says after the size."""
    counts = {name: own.sum() for name, own in table.count_layers()[1].items()}
    share = SHARE[ruler]
    n_dead = counts["n_dead"]
    n_live = counts["n_kernels"] - n_dead
    percent = f"{100 * counts[f'n_{share}'] / n_live:.1f} % of " if n_live else ""
    dead = f", {n_dead:,} dead" if n_dead else ""
    return f"{SOUGHT[ruler]}: {percent}{n_live:,} live kernels {share}{dead}"
