"""How the trainings of the experiments went: accuracy, kernels with a class, and movement."""

from collections.abc import Hashable
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kernel_atlas.figures import style
from kernel_atlas.tables.layers import SHARES

ACCURACIES = {
    "train_accuracy": "Accuracy, training images",
    "validation_accuracy": "Accuracy, validation images",
}
SHOWN = "near", "matched"  # of SHARES
COLOURS = [
    style.COLOURS[name]
    for name in (
        *("on_centre", "on_cross", style.FIRST_DERIVATIVE),
        *("on_square", "on_second_derivative", "off_centre", "off_cross", "off_square"),
    )
]
MARKERS = "osD^vP*"  # with the colours, these tell 56 arms apart
_GUESS = "chance: most frequent class, random directions"
CHANCE: Any = {"color": "0.4", "ls": ":", "lw": 1, "zorder": 0, "label": _GUESS}
ROW_INCHES = 2.0
NO_TRAINING = "no network of the experiments has been trained"
NO_MOVEMENT = "no checkpoint of the experiments after epoch 0 has kernels that are measured"
N_COLUMNS = 3


@mpl.rc_context(style.RC)
def draw_accuracy(
    checkpoints: pd.DataFrame, history: pd.DataFrame, clustered: pd.DataFrame
) -> Figure:
    """Accuracy by epoch, and below, for each kernel size, near and matched kernels.

    Parameters
    ----------
    checkpoints : DataFrame
        The table checkpoints.tsv.
    history : DataFrame
        The tables history.tsv with their `arm` and `seed`.
    clustered : DataFrame
        Rows of clustered.tsv with their `arm`, `seed` and `epoch`.
    """
    if history.empty:
        return style.notice(NO_TRAINING)
    sizes = sorted(clustered["kernel_size"].unique())
    figure = style.new_figure(7.2, 0.5 + ROW_INCHES * (1 + len(sizes)))
    rows = figure.subplots(1 + len(sizes), 2, squeeze=False)
    looks = _find_looks(checkpoints)
    for axes, (column, title) in zip(rows[0], ACCURACIES.items(), strict=True):
        _draw_arms(axes, history, column, looks)
        for chance, arms in checkpoints.groupby("chance")["arm"].unique().items():
            # in the colour of the arm whose images alone have this chance
            own = {"color": looks[arms[0]]["color"]} if len(arms) == 1 < len(looks) else {}
            axes.axhline(chance, **CHANCE | own)
        axes.set_title(title)
    for row, size in zip(rows[1:], sizes, strict=True):
        of_size = clustered[clustered["kernel_size"] == size]
        for axes, name in zip(row, SHOWN, strict=True):
            _draw_arms(axes, of_size, f"{name}_percent", looks, has_markers=True)
            chance = of_size[f"random_{name}_percent"].mean()
            if pd.notna(chance):
                axes.axhline(chance, **CHANCE)
            axes.set_title(f"{size}x{size}: {SHARES[name].title}")
            if of_size[f"{name}_percent"].isna().all():
                text = "no codebook of this size"
                axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center")
    last = max(1, history["epoch"].max(), checkpoints["epoch"].max())
    for axes in rows.ravel():
        axes.set(ylim=(0, 100), xlim=(0, last), xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    for axes in rows[:, 0]:
        axes.set_ylabel("%")
    style.shared_legend(figure, ncols=4)
    return figure


@mpl.rc_context(style.RC)
def draw_movement(movement: pd.DataFrame) -> Figure:
    """The cosine of kernels with themselves at epoch 0, by layer, one panel per arm and size.

    Parameters
    ----------
    movement : DataFrame
        The table movement.tsv. Medians (lines) and quartiles (areas) are means over seeds.
    """
    if movement.empty:
        return style.notice(NO_MOVEMENT)
    quartiles = ["lower_quartile", "median", "upper_quartile"]
    groups = dict(list(movement.groupby(["arm", "kernel_size"], sort=False)))
    epochs = sorted(movement["epoch"].unique())
    colours = mpl.colormaps["viridis_r"]
    n_columns = min(N_COLUMNS, len(groups))
    n_rows = -(-len(groups) // n_columns)
    figure = style.new_figure(7.2, 0.5 + ROW_INCHES * n_rows)
    panels = figure.subplots(n_rows, n_columns, squeeze=False, sharey=True)
    for axes, ((arm, size), group) in zip(panels.flat, groups.items(), strict=False):
        for epoch, of_epoch in group.groupby("epoch"):
            by_layer = of_epoch.groupby("layer_index")[quartiles].mean()
            place = range(len(by_layer))
            share = epochs.index(epoch) / max(1, len(epochs) - 1)
            colour = colours(0.15 + 0.85 * share)
            axes.fill_between(
                place,
                by_layer["lower_quartile"],
                by_layer["upper_quartile"],
                color=colour,
                alpha=0.15,
                lw=0,
            )
            axes.plot(
                place, by_layer["median"], color=colour, marker="o", ms=2.5, label=f"epoch {epoch}"
            )
            axes.set_xticks([0, len(by_layer) - 1], by_layer.index[[0, -1]])
        axes.axhline(0, color="0.6", lw=0.6, zorder=0)
        axes.set_title(f"{arm}, {size}x{size}", fontsize=8)
        axes.set_xlabel("layer")
    for axes in panels.flat[len(groups) :]:
        axes.set_axis_off()
    for axes in panels[:, 0]:
        axes.set_ylabel("cosine with the start")
        axes.set_ylim(min(-0.05, movement["lower_quartile"].min()), 1.02)
    style.shared_legend(figure, ncols=6)
    return figure


def _find_looks(checkpoints: pd.DataFrame) -> dict[Hashable, dict[str, Any]]:
    """A colour and a marker for each arm; controls of memorisation are dashed."""
    looks: dict[Hashable, dict[str, Any]] = {}
    for number, (arm, of_arm) in enumerate(checkpoints.groupby("arm", sort=False)):
        first = of_arm.iloc[0]
        is_plain = first["shuffle"] == "none" and first["regularise"]
        looks[arm] = {
            "color": COLOURS[number % len(COLOURS)],
            "marker": MARKERS[number % len(MARKERS)],
            "ls": "-" if is_plain else "--",
        }
    return looks


def _draw_arms(
    axes: Axes,
    table: pd.DataFrame,
    column: str,
    looks: dict[Hashable, dict[str, Any]],
    has_markers: bool = False,
) -> None:
    """One line per arm, the mean over seeds, on an area from the smallest to the largest."""
    for arm, look in looks.items():
        by_epoch = table[table["arm"] == arm].groupby("epoch")[column].agg(["mean", "min", "max"])
        by_epoch = by_epoch.dropna()
        if by_epoch.empty:
            continue
        axes.fill_between(
            by_epoch.index, by_epoch["min"], by_epoch["max"], color=look["color"], alpha=0.2, lw=0
        )
        axes.plot(
            by_epoch.index,
            by_epoch["mean"],
            label=arm,
            lw=1.3,
            ms=3 if has_markers else 0,
            clip_on=False,
            **look,
        )
