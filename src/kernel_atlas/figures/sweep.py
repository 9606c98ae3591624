"""Clustered percentages over thresholds, with what chance and simpler methods give."""

from collections.abc import Mapping

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from kernel_atlas.classes.controls import OWN
from kernel_atlas.figures import style

# kinds of kernels, by the codebook
LINES = {
    OWN: ("the models' kernels", "black", "-", 1.8),
    "shuffled": ("their pixels shuffled", style.COLOURS["on_second_derivative"], "-", 1.2),
    "phase_randomised": ("their phases randomised", style.COLOURS["on_square"], "-", 1.2),
    "fresh": ("freshly initialised", style.COLOURS["on_cross"], "-", 1.2),
    "random": ("random directions", "0.6", "-", 1.2),
}
# methods, of the models' kernels
BASELINES = {
    "templates": ("template bank", style.COLOURS["on_centre"], "--", 1.0),
    "kmeans_200": ("k-means, 200 centres", style.COLOURS[style.FIRST_DERIVATIVE], "--", 1.0),
    "kmeans_50": ("k-means, 50 centres", style.COLOURS[style.FIRST_DERIVATIVE], "-.", 1.0),
    "kmeans_10": ("k-means, 10 centres", style.COLOURS[style.FIRST_DERIVATIVE], ":", 1.0),
}


@mpl.rc_context(style.RC)
def draw_sweep(sweep: pd.DataFrame, thresholds: Mapping[int, float]) -> Figure:
    """A panel a kernel size; solid lines are the codebook's, broken ones of other methods.

    Parameters
    ----------
    sweep : DataFrame
        The table sweep.tsv.
    thresholds : mapping
        From kernel size to the threshold in force, marked by a vertical line.
    """
    if sweep.empty:
        return style.notice("no model has kernels of a size that is clustered")
    groups = dict(list(sweep.groupby("kernel_size")))
    figure = style.new_figure(0.6 + 3.0 * len(groups), 3.6)
    panels = figure.subplots(1, len(groups), squeeze=False, sharey=True)[0]
    for axes, (size, rows) in zip(panels, groups.items(), strict=True):
        by_codebook = rows[rows["method"] == "codebook"]
        own = rows[rows["kernels"] == OWN]
        for name, (label, colour, dashes, width) in LINES.items():
            line = by_codebook[by_codebook["kernels"] == name]
            axes.plot(line["threshold"], line["percent"], dashes, color=colour, lw=width,
                      label=label, clip_on=False)  # fmt: skip
        for name, (label, colour, dashes, width) in BASELINES.items():
            line = own[own["method"] == name]
            axes.plot(line["threshold"], line["percent"], dashes, color=colour, lw=width,
                      label=label)  # fmt: skip
        axes.axvline(thresholds[size], color="0.75", lw=0.8, zorder=0)
        ends = rows["threshold"].min(), rows["threshold"].max()
        # the table has four decimals
        is_here = (by_codebook["threshold"] - thresholds[size]).abs() < 5e-5
        here = by_codebook[is_here].dropna()
        percent = here.set_index("kernels")["percent"]
        facts = [
            f"{name.replace('_', ' ')} {percent[name]:.1f} %" for name in LINES if name in percent
        ]
        label = "threshold (dissimilarity)"
        if facts:
            stated = ", ".join(facts[:2]), ", ".join(facts[2:])
            label += f"\nat {thresholds[size]:g}: {stated[0]}\n{stated[1]}"
        axes.set(ylim=(0, 100), xlim=ends, xlabel=label)
        axes.set_title(f"{size}x{size}")
    panels[0].set_ylabel("clustered (%)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure
