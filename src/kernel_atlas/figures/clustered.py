"""Clustered percentages of all models, with what chance gives and the published figures."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from kernel_atlas.figures import style

TICK: Any = {"marker": "|", "ls": "", "ms": 9, "mew": 1.6, "clip_on": False}


def plot_clustered(clustered: str | Path) -> Figure:
    """Draw the file clustered.tsv."""
    return draw_clustered(pd.read_csv(clustered, sep="\t"))


@mpl.rc_context(style.RC)
def draw_clustered(clustered: pd.DataFrame) -> Figure:
    """One panel per kernel size, one bar per model.

    Parameters
    ----------
    clustered : DataFrame
        The table clustered.tsv.
    """
    if clustered.empty:
        return style.notice(style.NO_MODEL)
    groups = dict(list(clustered.groupby("kernel_size")))
    figure = style.new_figure(7.2, 0.4 + sum(0.7 + 0.2 * len(rows) for rows in groups.values()))
    ratios = [len(rows) + 2 for rows in groups.values()]
    panels = figure.subplots(len(groups), squeeze=False, sharex=True, height_ratios=ratios)[:, 0]
    blue, red, orange = (style.COLOURS[f"on_{name}"] for name in ("centre", "square", "cross"))
    for axes, (size, rows) in zip(panels, groups.items(), strict=True):
        y = np.arange(len(rows))
        percent, low, high, random, phases, paper = (
            rows[f"{name}_percent"]
            for name in ("clustered", "low", "high", "random", "phase_randomised", "paper")
        )
        axes.barh(y, percent, 0.7, color=blue, label="clustered, of the live kernels")
        axes.hlines(y, low, high, color="0.25", lw=1, label="95 % of draws of layers")
        axes.plot(random, y, color="black", label="random directions", **TICK)
        axes.plot(phases, y, color=red, label="random phases", **TICK)
        if paper.notna().any():
            axes.plot(paper, y, "D", color=orange, ms=4, label="published")
        ends = pd.concat([percent, high, paper], axis=1).max(axis=1)
        for place, value, end in zip(y, percent, ends, strict=True):
            if np.isfinite(value):  # all kernels of a model may be dead
                axes.text(end + 0.8, place, f"{value:.1f}", va="center", fontsize=7)
        axes.set_yticks(y, rows["model"])
        axes.set(ylim=(len(rows) - 0.4, -0.6), xlim=(0, 100))
        axes.set_title(f"{size}x{size}")
    panels[-1].set_xlabel("kernels (%)")
    handles = max((axes.get_legend_handles_labels() for axes in panels), key=lambda h: len(h[0]))
    figure.legend(*handles, loc="outside lower center", ncols=4)
    return figure
