"""Measures of layers by relative depth, beside what random and shuffled kernels give."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kernel_atlas.figures import style
from kernel_atlas.measures.layer import weighted_mean
from kernel_atlas.tables.depth import N_DEPTHS, to_depths
from kernel_atlas.tables.reading import read_table

MEASURES = {  # from column to label
    "variance_entropy": "variance entropy",
    "orthogonality": "orthogonality",
    "rank_share": "effective rank / (k² - 1)",
    "spread": "spread of |h| (pixels²)",
    "ideal_percent": "key models (%)",
}
CONTROLS = {  # name, colour and dashes
    "random": ("random directions", "0.5", "-"),
    "shuffled": ("their pixels shuffled", style.COLOURS["on_second_derivative"], "--"),
}
DOTS = style.COLOURS["on_centre"]
DOT_AREA = 12.0  # points²


def plot_measures(measures: str | Path, measured_layers: str | Path) -> Figure:
    """Draw the files measures.tsv and measures_layers.tsv."""
    return draw_measures(read_table(measures), read_table(measured_layers))


@mpl.rc_context(style.RC)
def draw_measures(measures: pd.DataFrame, layers: pd.DataFrame) -> Figure:
    """One column per kernel size, one row per measure, one dot per layer.

    Parameters
    ----------
    measures : DataFrame
        The table measures.tsv, for the controls.
    layers : DataFrame
        The table measures_layers.tsv.
    """
    n_layers = 1 + layers.groupby("model")["layer_index"].transform("max")
    layers = _derive(layers.assign(depth=(layers["layer_index"] + 0.5) / n_layers))
    layers["bin"] = to_depths(layers["layer_index"], n_layers)
    layers = layers[layers["n"] > 0]
    if layers.empty:
        return style.notice(style.NO_MODEL)
    controls = _derive(measures)
    groups = dict(list(layers.groupby("kernel_size")))
    figure = style.new_figure(1.0 + 2.4 * len(groups), 1.0 + 1.5 * len(MEASURES))
    grid = figure.subplots(len(MEASURES), len(groups), squeeze=False, sharex=True, sharey="row")
    for row, (name, label) in zip(grid, MEASURES.items(), strict=True):
        row[0].set_ylabel(label)
        for axes, (size, of_size) in zip(row, groups.items(), strict=True):
            _draw(axes, of_size, controls[controls["kernel_size"] == size], name)
    for axes, size in zip(grid[0], groups, strict=True):
        axes.set_title(f"{size}x{size}")
    for axes in grid[-1]:
        axes.set_xlabel("relative depth")
    style.shared_legend(figure, ncols=4)
    return figure


def _derive(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(
        n=table["n_kernels"] - table["n_dead"],
        rank_share=table["effective_rank"] / (table["kernel_size"] ** 2 - 1),
        spread=(table["spread_x"] + table["spread_y"]) / 2,
    )


def _draw(axes: Axes, layers: pd.DataFrame, controls: pd.DataFrame, name: str) -> None:
    axes.scatter(
        layers["depth"], layers[name], DOT_AREA, DOTS, alpha=0.6, lw=0, label="a layer", zorder=2
    )
    means = [
        weighted_mean(rows[name].to_numpy(float), rows["n"].to_numpy())
        for rows in (layers[layers["bin"] == number] for number in range(N_DEPTHS))
    ]
    places = (np.arange(N_DEPTHS) + 0.5) / N_DEPTHS
    axes.plot(places, means, "k.-", lw=1.2, label="mean of a fifth", zorder=3)
    for kind, (label, colour, dashes) in CONTROLS.items():
        rows = controls[controls["kernels"] == kind]
        mean = weighted_mean(rows[name].to_numpy(float), rows["n"].to_numpy())
        axes.plot([0, 1], [mean, mean], dashes, color=colour, lw=1.2, label=label, zorder=1)
    axes.set(xlim=(0, 1), xticks=[0, 0.5, 1])
    if np.isnan(means).all():
        axes.text(0.5, 0.5, "not known", transform=axes.transAxes, ha="center", color="0.3")
