"""Percentages over thresholds by either ruler, with what chance and simpler methods give."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kernel_atlas.classes.controls import OWN
from kernel_atlas.classes.rulers import FAMILY, PAPER, RULERS
from kernel_atlas.figures import style

GREEN = style.COLOURS[style.FIRST_DERIVATIVE]
BLUE = style.COLOURS["on_centre"]
# by ruler: the method whose line is black, and whose controls are drawn
METHODS = {PAPER: "near", FAMILY: "family"}
TITLES = {PAPER: "near (%)", FAMILY: "matched (%)"}
# kinds of kernels, by that method: label, colour, dashes, width
LINES = {
    OWN: ("the models' kernels, near or matched", "black", "-", 1.8),
    "shuffled": ("their pixels shuffled", style.COLOURS["on_second_derivative"], "-", 1.2),
    "phase_randomised": ("their phases randomised", style.COLOURS["on_square"], "-", 1.2),
    "fresh": ("freshly initialised", style.COLOURS["on_cross"], "-", 1.2),
    "random": ("random directions", "0.6", "-", 1.2),
}
# other methods, of the models' kernels
BASELINES = {
    PAPER: {
        "codebook": ("near and clustered", "black", "--", 1.0),
        "kmeans_200": ("k-means, 200 centres", GREEN, "--", 1.0),
        "kmeans_50": ("k-means, 50 centres", GREEN, "-.", 1.0),
        "kmeans_10": ("k-means, 10 centres", GREEN, ":", 1.0),
    },
    FAMILY: {"templates": ("templates without a fit", BLUE, "--", 1.0)},
}


def plot_sweep(sweep: str | Path, thresholds: Mapping[int, float], ruler: str) -> Figure:
    """Draw the file sweep.tsv."""
    return draw_sweep(pd.read_csv(sweep, sep="\t"), thresholds, ruler)


@mpl.rc_context(style.RC)
def draw_sweep(sweep: pd.DataFrame, thresholds: Mapping[int, float], ruler: str = PAPER) -> Figure:
    """One column per kernel size, one row per ruler. Broken lines are other methods'.

    Parameters
    ----------
    sweep : DataFrame
        The table sweep.tsv.
    thresholds : mapping
        From kernel size to the threshold in force, marked by a vertical line.
    ruler : str
        The one in the upper row.
    """
    if sweep.empty:
        return style.notice(style.NO_MODEL)
    groups = dict(list(sweep.groupby("kernel_size")))
    rulers = sorted(RULERS, key=lambda name: name != ruler)
    figure = style.new_figure(0.6 + 3.0 * len(groups), 6.4)
    grid = figure.subplots(2, len(groups), squeeze=False, sharey=True)
    for row, name in zip(grid, rulers, strict=True):
        row[0].set_ylabel(f"by the {name}'s ruler: {TITLES[name]}")
        for axes, (size, rows) in zip(row, groups.items(), strict=True):
            _draw(axes, rows, name, thresholds[size])
            axes.set_title(f"{size}x{size}")
    style.shared_legend(figure, ncols=4)
    return figure


def _draw(axes: Axes, rows: pd.DataFrame, ruler: str, threshold: float) -> None:
    by_method = rows[rows["method"] == METHODS[ruler]].set_index("kernels")
    own = rows[rows["kernels"] == OWN].set_index("method")
    for table, looks in ((by_method, LINES), (own, BASELINES[ruler])):
        for name, (label, colour, dashes, width) in looks.items():
            line = table[table.index == name]
            look: Any = {"color": colour, "lw": width, "clip_on": looks is not LINES}
            axes.plot(line["threshold"], line["percent"], dashes, label=label, **look)
    axes.axvline(threshold, color="0.75", lw=0.8, zorder=0)
    axes.set(ylim=(0, 100), xlim=(rows["threshold"].min(), rows["threshold"].max()))
    axes.set_xlabel(f"threshold (dissimilarity){_words(by_method, threshold)}", fontsize=7)
    if by_method.empty:
        axes.text(0.5, 0.5, "no codebook", transform=axes.transAxes, ha="center", color="0.3")


def _words(by_method: pd.DataFrame, threshold: float) -> str:
    """Two lines: the ruler's percentage of each kind of kernels at the threshold."""
    is_here = (by_method["threshold"] - threshold).abs() < 5e-5  # the table has four decimals
    percent = by_method.loc[is_here, "percent"].dropna()
    facts = [f"{name.replace('_', ' ')} {percent[name]:.1f} %" for name in LINES if name in percent]
    if not facts:
        return ""
    return f"\nat {threshold:g}: {', '.join(facts[:2])}\n{', '.join(facts[2:])}"
