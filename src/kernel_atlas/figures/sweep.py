"""Clustered percentages over thresholds, with what chance and simpler methods give."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from kernel_atlas.classes.controls import OWN
from kernel_atlas.figures import style

GREEN = style.COLOURS[style.FIRST_DERIVATIVE]
# kinds of kernels, by the codebook: label, colour, dashes, width
LINES = {
    OWN: ("the models' kernels", "black", "-", 1.8),
    "shuffled": ("their pixels shuffled", style.COLOURS["on_second_derivative"], "-", 1.2),
    "phase_randomised": ("their phases randomised", style.COLOURS["on_square"], "-", 1.2),
    "fresh": ("freshly initialised", style.COLOURS["on_cross"], "-", 1.2),
    "random": ("random directions", "0.6", "-", 1.2),
}
# other methods, of the models' kernels
BASELINES = {
    "templates": ("template bank", style.COLOURS["on_centre"], "--", 1.0),
    "kmeans_200": ("k-means, 200 centres", GREEN, "--", 1.0),
    "kmeans_50": ("k-means, 50 centres", GREEN, "-.", 1.0),
    "kmeans_10": ("k-means, 10 centres", GREEN, ":", 1.0),
}


def plot_sweep(sweep: str | Path, thresholds: Mapping[int, float]) -> Figure:
    """Draw the file sweep.tsv."""
    return draw_sweep(pd.read_csv(sweep, sep="\t"), thresholds)


@mpl.rc_context(style.RC)
def draw_sweep(sweep: pd.DataFrame, thresholds: Mapping[int, float]) -> Figure:
    """One panel per kernel size. Solid lines are the codebook's, broken ones other methods'.

    Parameters
    ----------
    sweep : DataFrame
        The table sweep.tsv.
    thresholds : mapping
        From kernel size to the threshold in force, marked by a vertical line.
    """
    if sweep.empty:
        return style.notice(style.NO_MODEL)
    groups = dict(list(sweep.groupby("kernel_size")))
    figure = style.new_figure(0.6 + 3.0 * len(groups), 3.6)
    panels = figure.subplots(1, len(groups), squeeze=False, sharey=True)[0]
    for axes, (size, rows) in zip(panels, groups.items(), strict=True):
        by_codebook = rows[rows["method"] == "codebook"].set_index("kernels")
        own = rows[rows["kernels"] == OWN].set_index("method")
        for table, looks in ((by_codebook, LINES), (own, BASELINES)):
            for name, (label, colour, dashes, width) in looks.items():
                line = table[table.index == name]
                look = {"color": colour, "lw": width, "clip_on": looks is BASELINES}
                axes.plot(line["threshold"], line["percent"], dashes, label=label, **look)
        threshold = thresholds[size]
        axes.axvline(threshold, color="0.75", lw=0.8, zorder=0)
        axes.set(ylim=(0, 100), xlim=(rows["threshold"].min(), rows["threshold"].max()))
        axes.set(xlabel=f"threshold (dissimilarity){_words(by_codebook, threshold)}")
        axes.set_title(f"{size}x{size}")
    panels[0].set_ylabel("clustered (%)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _words(by_codebook: pd.DataFrame, threshold: float) -> str:
    """Two lines: the codebook's percentage of each kind of kernels at the threshold."""
    is_here = (by_codebook["threshold"] - threshold).abs() < 5e-5  # the table has four decimals
    percent = by_codebook.loc[is_here, "percent"].dropna()
    facts = [f"{name.replace('_', ' ')} {percent[name]:.1f} %" for name in LINES if name in percent]
    if not facts:
        return ""
    return f"\nat {threshold:g}: {', '.join(facts[:2])}\n{', '.join(facts[2:])}"
