"""Total activation of the kernels of each class of one model (paper, Section 5, Figure 10)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from kernel_atlas.classes.rulers import PAPER, class_by, rulers_of
from kernel_atlas.family.names import DEAD
from kernel_atlas.figures import style
from kernel_atlas.figures.model import no_kernels, read_classes, read_kernels

BOX_INCHES = 0.22
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
    classes: Mapping[int, pd.DataFrame],
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
    by = {size: rulers_of(table, ruler)[0] for size, table in classes.items()}
    labels = {size: class_by(table, by[size]) for size, table in classes.items()}
    names = {
        size: [name for name in label.cat.categories if name != DEAD and (label == name).any()]
        for size, label in labels.items()
    }
    ratios = [len(shown) + 2.5 for shown in names.values()]
    figure = style.new_figure(7.2, 0.3 + BOX_INCHES * sum(ratios), model)
    panels = figure.subplots(len(classes), squeeze=False, height_ratios=ratios)[:, 0]
    for axes, size in zip(panels, classes, strict=True):
        axes.set_title(f"{size}x{size}, by the {by[size]}'s ruler")
        totals = kernels[size].sum(axis=(1, 2), dtype=float)
        _draw_boxes(axes, totals, labels[size], names[size])
    panels[-1].set_xlabel("total activation (sum of a kernel's weights)")
    return figure


def _draw_boxes(axes: Axes, totals: np.ndarray, labels: pd.Series, names: Sequence[str]) -> None:
    """Draw median, quartiles, and as whiskers the 5th and 95th percentiles."""
    if not names:
        axes.text(0.5, 0.5, "no live kernels", transform=axes.transAxes, ha="center", color="0.3")
        return
    axes.axvline(0, color="0.6", lw=0.8, zorder=0)
    samples = [totals[labels == name] for name in names]
    boxes = axes.boxplot(
        samples,
        orientation="horizontal",
        tick_labels=[
            f"{style.title_of(name)} ({len(sample):,})"
            for name, sample in zip(names, samples, strict=True)
        ],
        widths=0.65,
        whis=(5, 95),
        showfliers=False,
        patch_artist=True,
        medianprops={"color": "black", "path_effects": [ON_DARK]},
    )
    for box, name in zip(boxes["boxes"], names, strict=True):
        box.set(facecolor=style.colour_of(name, list(labels.cat.categories)), linewidth=0.6)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
