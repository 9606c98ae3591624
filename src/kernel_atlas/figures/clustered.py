"""Near and matched percentages of all models, with what chance gives and the published figures."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kernel_atlas.classes.rulers import FAMILY, PAPER, RULERS
from kernel_atlas.figures import style
from kernel_atlas.figures.bars import draw_bars
from kernel_atlas.figures.scales import Name, name_places
from kernel_atlas.tables.reading import read_table

TICK: Any = {"marker": "|", "ls": "", "ms": 7, "mew": 1.6, "clip_on": False}
SHADOW = style.COLOURS["off_centre"]  # of what is near and not clustered
RED, ORANGE = style.COLOURS["on_square"], style.COLOURS["on_cross"]
HEIGHT = 0.38  # of a bar; two stand for one model


def plot_clustered(clustered: str | Path, ruler: str) -> Figure:
    """Draw the file clustered.tsv."""
    return draw_clustered(read_table(clustered), ruler)


@mpl.rc_context(style.RC)
def draw_clustered(clustered: pd.DataFrame, ruler: str = PAPER) -> Figure:
    """One panel per kernel size, one bar per model and ruler.

    Parameters
    ----------
    clustered : DataFrame
        The table clustered.tsv.
    ruler : str
        The one whose bar is on top.
    """
    if clustered.empty:
        return style.notice(style.NO_MODEL)
    groups = dict(list(clustered.groupby("kernel_size")))
    rulers = sorted(RULERS, key=lambda name: name != ruler)
    figure = style.new_figure(7.2, 0.6 + sum(0.7 + 0.3 * len(rows) for rows in groups.values()))
    ratios = [len(rows) + 1.5 for rows in groups.values()]
    panels = figure.subplots(len(groups), squeeze=False, sharex=True, height_ratios=ratios)[:, 0]
    for axes, (size, rows) in zip(panels, groups.items(), strict=True):
        y = np.arange(len(rows))
        by_paper = rows[["n_near", "paper_percent"]].notna().any(axis=None)
        shown = [name for name in rulers if name == FAMILY or by_paper]
        for place, name in enumerate(shown):
            draw = _draw_near if name == PAPER else _draw_matched
            draw(axes, y + HEIGHT * (place - (len(shown) - 1) / 2), rows)
        axes.set_yticks([])
        name_places(axes, y, rows["model"])
        axes.set(ylim=(len(rows) - 0.4, -0.6), xlim=(0, 100))
        axes.set_title(f"{size}x{size}")
    panels[-1].set_xlabel("kernels (%)")
    style.shared_legend(figure, ncols=3)
    return figure


def _draw_near(axes: Axes, y: np.ndarray, rows: pd.DataFrame) -> None:
    """The paper's ruler. All is of all kernels, as published figures are."""
    clustered = 100 * rows["n_clustered"] / rows["n_kernels"].where(rows["n_kernels"] > 0)
    near = "near, of all kernels"
    _draw_bars(axes, y, rows["near_percent"], SHADOW, near)
    label = "of these, clustered (the code has a class)"
    _draw_bars(axes, y, clustered, style.RULER_COLOURS[PAPER], label)
    _mark(axes, y, rows, "near")
    paper = rows["paper_percent"]
    if paper.notna().any():
        axes.plot(paper, y, "D", color=ORANGE, ms=3.5, label="published", zorder=3)


def _draw_matched(axes: Axes, y: np.ndarray, rows: pd.DataFrame) -> None:
    """The family's ruler."""
    matched = rows["matched_percent"]
    label = "matched, of the live kernels"
    _draw_bars(axes, y, matched, style.RULER_COLOURS[FAMILY], label)
    _mark(axes, y, rows, "matched")


def _draw_bars(axes: Axes, y: np.ndarray, percent: pd.Series, colour: str, label: str) -> None:
    """A bar where there is a percentage."""
    ends = percent.to_numpy(float)
    is_known = np.isfinite(ends)
    y, ends = y[is_known], ends[is_known]
    look: Any = {"facecolor": colour, "linewidth": 0, "label": label}
    draw_bars(axes, y, 0 * ends, ends, HEIGHT, horizontal=True, **look)


def _mark(axes: Axes, y: np.ndarray, rows: pd.DataFrame, share: str) -> None:
    """The interval, what chance gives, and the number to the right of them."""
    percent, low, high, random, phases = (
        rows[f"{name}_percent"]
        for name in (
            share,
            f"{share}_low",
            f"{share}_high",
            f"random_{share}",
            f"phase_randomised_{share}",
        )
    )
    axes.hlines(y, low, high, color="0.25", lw=1, label="95 % interval over layers")
    axes.plot(random, y, color="black", label="random directions", **TICK)
    axes.plot(phases, y, color=RED, label="random phases", **TICK)
    paper = rows["paper_percent"] if share == "near" else None
    ends = pd.concat([percent, high, random, phases, paper], axis=1).max(axis=1)
    for place, value, end in zip(y, percent, ends, strict=True):
        if np.isfinite(value):  # all kernels of a model may be dead
            look: Any = {"va": "center", "fontsize": 6, "clip_on": False}
            axes.add_artist(Name(end + 1.2, place, f"{value:.1f}", **look))
