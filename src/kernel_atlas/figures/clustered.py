"""Clustered percentages of all models, with what chance gives and the published figures."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from kernel_atlas.figures import style


@mpl.rc_context(style.RC)
def draw_clustered(clustered: pd.DataFrame) -> Figure:
    """A panel a kernel size, a bar a model.

    Parameters
    ----------
    clustered : DataFrame
        The table clustered.tsv.
    """
    if clustered.empty:
        return style.notice("no model has kernels of a size that is clustered")
    groups = dict(list(clustered.groupby("kernel_size")))
    figure = style.new_figure(7.2, 0.4 + sum(0.7 + 0.2 * len(rows) for rows in groups.values()))
    ratios = [len(rows) + 2 for rows in groups.values()]
    panels = figure.subplots(len(groups), squeeze=False, sharex=True, height_ratios=ratios)[:, 0]
    for axes, (size, rows) in zip(panels, groups.items(), strict=True):
        y = np.arange(len(rows))
        axes.barh(y, rows["clustered_percent"], 0.7, color=style.COLOURS["on_centre"],
                  label="clustered, of the live kernels")  # fmt: skip
        axes.hlines(y, rows["low_percent"], rows["high_percent"], color="0.25", linewidth=1,
                    label="95 % of draws of layers")  # fmt: skip
        axes.plot(rows["random_percent"], y, "|", color="black", markersize=9,
                  markeredgewidth=1.6, label="random directions", clip_on=False)  # fmt: skip
        axes.plot(rows["phase_randomised_percent"], y, "|", color=style.COLOURS["on_square"],
                  markersize=9, markeredgewidth=1.6, clip_on=False,
                  label="random phases")  # fmt: skip
        if rows["paper_percent"].notna().any():
            axes.plot(rows["paper_percent"], y, "D", color=style.COLOURS["on_cross"],
                      markersize=4, label="published")  # fmt: skip
        ends = rows[["clustered_percent", "high_percent", "paper_percent"]].max(axis=1)
        for row, percent, end in zip(y, rows["clustered_percent"], ends, strict=True):
            if np.isfinite(percent):  # a model may have dead kernels alone
                axes.text(end + 0.8, row, f"{percent:.1f}", va="center", fontsize=7)
        axes.set_yticks(y, rows["model"])
        axes.set(ylim=(len(rows) - 0.4, -0.6), xlim=(0, 100))
        axes.set_title(f"{size}x{size}")
    panels[-1].set_xlabel("kernels (%)")
    handles = max((axes.get_legend_handles_labels() for axes in panels), key=lambda h: len(h[0]))
    figure.legend(*handles, loc="outside lower center", ncols=4)
    return figure
