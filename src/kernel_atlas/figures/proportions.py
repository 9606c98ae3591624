"""Class proportions of every model (paper, Figures 11 and 28)."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kernel_atlas.classes.rulers import FAMILY, PAPER, RULERS, SOUGHT
from kernel_atlas.family.names import order_classes
from kernel_atlas.figures import style

COUNTS = {PAPER: "n", FAMILY: "n_members"}  # in the table of layers
COLUMNS = ["model", "kernel_size", "class", *COUNTS.values()]
BAR_INCHES = 0.17  # from one bar to the next
WIDTH_INCHES = 6.0  # without the names of models
LETTER_INCHES = 0.06


def plot_proportions(layers: str | Path, ruler: str) -> Figure:
    """Draw the file layers.tsv."""
    table = pd.read_csv(layers, sep="\t", usecols=COLUMNS, dtype={"model": str})
    return draw_proportions(table, ruler)


@mpl.rc_context(style.RC)
def draw_proportions(layers: pd.DataFrame, ruler: str = PAPER) -> Figure:
    """One stacked bar of class percentages per model, first derivatives merged.

    A kernel size has a row of panels, one by either ruler.

    Parameters
    ----------
    layers : DataFrame
        The table layers.tsv.
    ruler : str
        The one on the left.
    """
    if layers.empty:
        return style.notice(style.NO_MODEL)
    rulers = sorted(RULERS, key=lambda name: name != ruler)
    labels = order_classes(set(layers["class"]))
    merged = style.order_merged(labels)
    counts = layers.assign(label=layers["class"].map(style.merge_first_derivatives))
    groups = dict(list(counts.groupby("kernel_size")))
    n_models = [group["model"].nunique() for group in groups.values()]
    width = WIDTH_INCHES + LETTER_INCHES * max(map(len, layers["model"].unique()))
    figure = style.new_figure(width, 0.7 + sum(0.5 + BAR_INCHES * n for n in n_models))
    ratios = [n + 2.5 for n in n_models]
    rows = figure.subplots(len(groups), 2, squeeze=False, height_ratios=ratios)
    for row, (size, group) in zip(rows, groups.items(), strict=True):
        for axes, name in zip(row, rulers, strict=True):
            wide = group.pivot_table(
                index="model", columns="label", values=COUNTS[name], aggfunc="sum", sort=False
            )
            _stack(axes, wide.reindex(columns=merged).fillna(0), labels)
            axes.set_title(f"{size}x{size}, {SOUGHT[name]}")
        row[1].set_yticks([])
    for axes in rows[-1]:
        axes.set_xlabel("kernels (%)")
    seen = set(counts.loc[(counts[[*COUNTS.values()]] > 0).any(axis=1), "label"])
    handles = style.patches_of([name for name in merged if name in seen], labels)
    figure.legend(handles=handles, loc="outside lower center", handlelength=1.2, ncols=4)
    return figure


def _stack(axes: Axes, counts: pd.DataFrame, labels: Sequence[str]) -> None:
    """Draw one bar per row of counts, in percent of the row."""
    y = np.arange(len(counts))
    axes.set_yticks(y, counts.index)
    axes.tick_params(axis="y", length=0, labelsize=7)
    axes.set(xlim=(0, 100), ylim=(len(counts) - 0.4, -0.6))
    total = counts.sum(axis=1)
    if total.any():
        percents = counts.mul(100 / total.where(total > 0), axis=0).fillna(0)
        style.stack_classes(axes, percents, labels, horizontal=True)
        return
    text = "no codebook of this size"
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color="0.3")
