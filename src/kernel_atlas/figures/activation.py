"""Total activation of the kernels of each class of one model (paper, Section 5, Figure 10)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from kernel_atlas.classes.rulers import PAPER
from kernel_atlas.classes.table import ClassTable, Labels
from kernel_atlas.family.names import DEAD
from kernel_atlas.figures import style
from kernel_atlas.figures.model import (
    TITLE,
    describe_axes,
    new_column,
    no_kernels,
    read_classes,
    read_kernels,
    room_for,
)
from kernel_atlas.figures.scales import mark_axis, name_places

BOX_INCHES = 0.22
BOX_WIDTH = 0.65  # of that
WIDTH_INCHES = 5.5  # of a panel, and what is free beside it
VALUES_INCHES = 0.25  # below a panel
SHOWN = 5, 25, 50, 75, 95  # percentiles
EDGE: Any = {"edgecolor": "black", "linewidth": 0.6}
ON_DARK = withStroke(linewidth=3, foreground="white")


def plot_activation(
    group: str | Path,
    classes: Sequence[str | Path],
    model: str,
    sizes: Sequence[int],
    merge: Mapping[str, str],
    ruler: str,
) -> Figure:
    """Read the tables of `read_classes` and the kernels, and draw the sums of their weights.

    Parameters
    ----------
    group : path
        The zarr.json of the model's group in the store.
    """
    tables = read_classes(classes, sizes, merge)
    return draw_activation(model, tables, read_kernels(group, tables), ruler)


@mpl.rc_context(style.RC)
def draw_activation(
    model: str,
    classes: Mapping[int, ClassTable],
    kernels: Mapping[int, np.ndarray],
    ruler: str = PAPER,
) -> Figure:
    """A box plot per class of the sums of weights, one panel per kernel size.

    Parameters
    ----------
    model : str
    classes : mapping
        From kernel size to that table of classes; none of them is empty.
    kernels : mapping
        From kernel size to kernels of shape (n, k, k), in the tables' order.
    ruler : str
        The one that says what class a kernel has; the family's where there is no codebook.
    """
    if not classes:
        return no_kernels(model)
    by = {size: table.rulers(ruler)[0] for size, table in classes.items()}
    labels = {size: table.by(by[size]) for size, table in classes.items()}
    names = {
        size: {
            name: f"{style.title_of(name)} ({count:,})"
            for name, count in label.count().items()
            if count and name != DEAD
        }
        for size, label in labels.items()
    }
    heights = [BOX_INCHES * max(2, len(shown)) for shown in names.values()]
    panels = [
        (VALUES_INCHES + TITLE if number else TITLE, height)
        for number, height in enumerate(heights)
    ]
    left = room_for(name for shown in names.values() for name in shown.values())
    figure, all_axes = new_column(model, left + WIDTH_INCHES, panels, left)
    for axes, size in zip(all_axes, classes, strict=True):
        axes.set_title(f"{size}x{size}, by the {by[size]}'s ruler")
        totals = kernels[size].sum(axis=(1, 2), dtype=float)
        _draw_boxes(axes, totals, labels[size], names[size])
    describe_axes(all_axes[-1], "total activation (sum of a kernel's weights)")
    return figure


def _draw_boxes(axes: Axes, totals: np.ndarray, labels: Labels, names: Mapping[str, str]) -> None:
    """Draw median, quartiles, and as whiskers the 5th and 95th percentiles."""
    if not names:
        axes.text(0.5, 0.5, "no live kernels", transform=axes.transAxes, ha="center", color="0.3")
        axes.set(xticks=[], yticks=[])
        return
    axes.axvline(0, color="0.6", lw=0.8, zorder=0)
    samples = [totals[labels.isin([name])] for name in names]
    low, first, middle, third, high = np.transpose([np.percentile(own, SHOWN) for own in samples])
    y, half = np.arange(len(names)), BOX_WIDTH / 2
    twice = np.tile(y, 2)
    axes.hlines(twice, [*low, *third], [*first, *high], "black", lw=1)
    axes.vlines([*low, *high], twice - half / 2, twice + half / 2, "black", lw=1)
    for place, name, left, right in zip(y, names, first, third, strict=True):
        colour = style.colour_of(name, labels.names)
        box = Rectangle((left, place - half), right - left, BOX_WIDTH, facecolor=colour, **EDGE)
        axes.add_artist(box)
    axes.vlines(middle, y - half, y + half, "black", lw=1, path_effects=[ON_DARK])
    axes.set_ylim(len(names) - 0.5, -0.5)
    name_places(axes, y, names.values())
    mark_axis(axes, horizontal=True)
