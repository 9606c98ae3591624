"""Classes of the kernels of the experiments, by epoch, layer and seed (Figures 18, 23 to 25)."""

import textwrap
from collections.abc import Mapping

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from kernel_atlas.classes.rulers import PAPER, RULERS, SOUGHT
from kernel_atlas.family.names import order_classes
from kernel_atlas.figures import style
from kernel_atlas.figures.bars import stack_classes
from kernel_atlas.figures.proportions import BAR_INCHES, COUNTS, find_percents, find_ruler

NOTHING = "no checkpoint of the experiments has kernels of a size that is measured"
NO_SEEDS = "no arm of the experiments has two seeds"
PANEL_INCHES = 1.1  # the height of a panel over layers, and its width at least
WIDTH_INCHES = 7.2
N_LETTERS = 16  # of an arm's name in a line


@mpl.rc_context(style.RC)
def draw_emergence(layers: pd.DataFrame, ruler: str = PAPER) -> Figure:
    """One stacked bar of class percentages per kept epoch, first derivatives merged.

    Each arm and kernel size has a row of panels, one by either ruler.

    Parameters
    ----------
    layers : DataFrame
        Rows of layers.tsv with their `arm`, `seed` and `epoch`. Seeds count together.
    ruler : str
        The one on the left.
    """
    if layers.empty:
        return style.notice(NOTHING)
    rulers = sorted(RULERS, key=lambda name: name != ruler)
    labels = order_classes(set(layers["class"]))
    groups = dict(list(layers.groupby(["arm", "kernel_size"], sort=False)))
    n_epochs = [group["epoch"].nunique() for group in groups.values()]
    figure = style.new_figure(WIDTH_INCHES, 0.9 + sum(0.42 + BAR_INCHES * n for n in n_epochs))
    ratios = [n + 1.5 for n in n_epochs]
    rows = figure.subplots(len(groups), 2, squeeze=False, sharex=True, height_ratios=ratios)
    seen: set[str] = set()
    for row, ((arm, size), group) in zip(rows, groups.items(), strict=True):
        for axes, name in zip(row, rulers, strict=True):
            axes.set(xlim=(0, 100), ylim=(group["epoch"].nunique() - 0.4, -0.6))
            axes.set_yticks([])
            if find_ruler(group, name) != name:
                text = "no codebook of this size"
                axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center")
                continue
            percents = _find_percents(group, "epoch", name)
            seen |= {*percents.columns[percents.any()]}
            stack_classes(axes, percents, labels, horizontal=True)
            if axes is row[0]:
                axes.set_yticks(range(len(percents)), percents.index)
                axes.tick_params("y", length=0)
                axes.set_ylabel("epoch")
        row[0].set_title(f"{arm}, {size}x{size}")
    for axes, name in zip(rows[-1], rulers, strict=True):
        axes.set_xlabel(f"kernels (%), {SOUGHT[name]}")
    style.class_legend(figure, seen, labels)
    return figure


@mpl.rc_context(style.RC)
def draw_epochs(layers: pd.DataFrame, ruler: str = PAPER) -> Figure:
    """Stacked bars of class percentages by layer, one panel per kept epoch.

    Parameters
    ----------
    layers, ruler
        As for `draw_emergence`; the family's ruler stands in where a size has no codebook.
    """
    if layers.empty:
        return style.notice(NOTHING)
    rows = {
        (arm, size): {f"epoch {epoch}": part for epoch, part in of_arm.groupby("epoch")}
        for (arm, size), of_arm in layers.groupby(["arm", "kernel_size"], sort=False)
    }
    return _draw_rows(rows, layers, ruler)


@mpl.rc_context(style.RC)
def draw_seeds(layers: pd.DataFrame, ruler: str = PAPER) -> Figure:
    """Stacked bars of class percentages by layer, one panel per seed, at the last kept epoch.

    Parameters
    ----------
    layers, ruler
        As for `draw_epochs`.
    """
    if layers.empty:
        return style.notice(NOTHING)
    last = layers[layers["epoch"] == layers.groupby("arm")["epoch"].transform("max")]
    rows = {
        (arm, size): {f"seed {seed}": part for seed, part in of_arm.groupby("seed")}
        for (arm, size), of_arm in last.groupby(["arm", "kernel_size"], sort=False)
    }
    rows = {key: seeds for key, seeds in rows.items() if len(seeds) > 1}
    return _draw_rows(rows, last, ruler) if rows else style.notice(NO_SEEDS)


def _draw_rows(
    rows: Mapping[tuple[str, int], Mapping[str, pd.DataFrame]],
    layers: pd.DataFrame,
    ruler: str,
) -> Figure:
    """One row of panels per arm and kernel size, one bar per layer in each panel."""
    labels = order_classes(set(layers["class"]))
    n_columns = max(map(len, rows.values()))
    width = max(WIDTH_INCHES, 0.6 + PANEL_INCHES * n_columns)
    figure = style.new_figure(width, 0.9 + PANEL_INCHES * len(rows))
    panels = figure.subplots(len(rows), n_columns, squeeze=False, sharey=True)
    seen: set[str] = set()
    for panel_row, ((arm, size), parts) in zip(panels, rows.items(), strict=True):
        by = find_ruler(pd.concat([*parts.values()]), ruler)
        for axes in panel_row[len(parts) :]:
            axes.set_axis_off()
        for axes, (name, part) in zip(panel_row, parts.items(), strict=False):
            percents = _find_percents(part, "layer_index", by)
            seen |= {*percents.columns[percents.any()]}
            stack_classes(axes, percents, labels)
            axes.set(xlim=(-0.7, len(percents) - 0.3), ylim=(0, 100), yticks=(0, 50, 100))
            axes.set_xticks([0, len(percents) - 1], percents.index[[0, -1]])
            axes.tick_params("x", length=0)
            axes.set_title(name, fontweight="normal", fontsize=8)
        words = arm.replace("_", "_ ")
        lines = [line.replace("_ ", "_") for line in textwrap.wrap(words, N_LETTERS)]
        lines += [f"{size}x{size} (%)"]
        lines += [SOUGHT[by]] if by != ruler else []
        panel_row[0].set_ylabel("\n".join(lines), fontsize=7)
    for axes in panels[-1]:
        axes.set_xlabel("layer")
    figure.suptitle(SOUGHT[ruler].capitalize(), x=0.01, **style.HEAD)
    style.class_legend(figure, seen, labels)
    return figure


def _find_percents(layers: pd.DataFrame, column: str, ruler: str) -> pd.DataFrame:
    """One row per value of a column, one column per class, first derivatives merged."""
    counts = layers.assign(label=layers["class"].map(style.merge_first_derivatives))
    wide = counts.pivot_table(
        index=column, columns="label", values=COUNTS[ruler], aggfunc="sum", observed=True
    )
    merged = [name for name in style.order_merged(layers["class"]) if name in wide]
    return find_percents(wide[merged].fillna(0).astype(float))
