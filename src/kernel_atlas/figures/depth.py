"""Class proportions by relative depth, the models of a family together."""

from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from kernel_atlas.classes.rulers import PAPER, SOUGHT
from kernel_atlas.family.names import order_classes
from kernel_atlas.figures import style
from kernel_atlas.figures.bars import stack_classes
from kernel_atlas.figures.proportions import COUNTS, find_percents, find_ruler, read_layers
from kernel_atlas.tables.depth import find_depths

N_BINS = 10
N_COLUMNS = 3
PANEL_INCHES = 2.6, 1.5  # width and height


def plot_depth(layers: str | Path, models: str | Path, ruler: str) -> Figure:
    """Draw the file layers.tsv, with the families of models.tsv."""
    return draw_depth(*read_layers(layers, models), ruler)


@mpl.rc_context(style.RC)
def draw_depth(layers: pd.DataFrame, families: pd.Series, ruler: str = PAPER) -> Figure:
    """Stacked bars of class percentages by relative depth, first derivatives merged.

    Each kernel size and family has a panel.

    Parameters
    ----------
    layers : DataFrame
        The table layers.tsv, without duplicates.
    families : Series
        The family by model.
    ruler : str
        The one that says what class a kernel has; the family's where there is no codebook.
    """
    if layers.empty:
        return style.notice(style.NO_MODEL)
    labels = order_classes(set(layers["class"]))
    merged = style.order_merged(labels)
    counts = layers.assign(
        label=layers["class"].map(style.merge_first_derivatives),
        family=layers["model"].map(families),
        depth=find_depths(layers, N_BINS),
    )
    groups = dict(list(counts.groupby(["kernel_size", "family"], sort=False)))
    groups = dict(sorted(groups.items(), key=lambda item: item[0][0]))
    n_columns = min(N_COLUMNS, len(groups))
    n_rows = -(-len(groups) // n_columns)
    width, height = PANEL_INCHES
    figure = style.new_figure(max(7.2, width * n_columns), 1.0 + height * n_rows)
    grid = figure.add_gridspec(n_rows, n_columns)
    seen: set[str] = set()
    for number, ((size, family), group) in enumerate(groups.items()):
        by = find_ruler(group, ruler)
        wide = group.pivot_table(index="depth", columns="label", values=COUNTS[by], aggfunc="sum")
        wide = wide.reindex(index=range(N_BINS), columns=merged).fillna(0).astype(float)
        seen |= {*wide.columns[wide.any()]}
        axes = figure.add_subplot(grid[divmod(number, n_columns)])
        stack_classes(axes, find_percents(wide), labels)
        n_models = group["model"].nunique()
        note = f" ({SOUGHT[by]})" if by != ruler else ""
        plural = "s" if n_models > 1 else ""
        axes.set_title(f"{size}x{size}, {family or 'no family'}: {n_models} model{plural}{note}")
        axes.set(xlim=(-0.6, N_BINS - 0.4), ylim=(0, 100))
        axes.set_xticks([-0.5, N_BINS / 2 - 0.5, N_BINS - 0.5], ["0", "0.5", "1"])
        axes.set_yticks([0, 50, 100])
        if not number % n_columns:
            axes.set_ylabel("kernels (%)")
        if number + n_columns >= len(groups):
            axes.set_xlabel("relative depth")
    figure.suptitle(SOUGHT[ruler].capitalize(), x=0.01, ha="left", fontsize=10, fontweight="bold")
    style.class_legend(figure, seen, labels)
    return figure
