"""Class proportions by layer of one model (paper, Figures 7 and 8)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kernel_atlas.classes.rulers import FAMILY, PAPER, SHARE, SOUGHT, class_by, rulers_of
from kernel_atlas.family.names import order_classes
from kernel_atlas.figures import style
from kernel_atlas.figures.model import name_layers, new_layer_panels, no_kernels, read_classes
from kernel_atlas.tables.layers import count_by_layer, count_layers, sum_up

HEIGHTS = 2.4, 1.8  # inches of the first and of the other ruler's panel
PERCENTS = {PAPER: "percent", FAMILY: "members_percent"}  # in the counts by layer


def plot_layers(
    classes: Sequence[str | Path],
    model: str,
    sizes: Sequence[int],
    merge: Mapping[str, str],
    ruler: str,
) -> Figure:
    """Read the tables of `read_classes` and draw them."""
    return draw_layers(model, read_classes(classes, sizes, merge), ruler)


@mpl.rc_context(style.RC)
def draw_layers(model: str, classes: Mapping[int, pd.DataFrame], ruler: str = PAPER) -> Figure:
    """Stacked bars of class percentages, first derivatives merged.

    Parameters
    ----------
    model : str
    classes : mapping
        From kernel size to that table of classes; none of them is empty. A size has one panel by
        either ruler, or without a codebook one by the family's.
    ruler : str
        The one that comes first.
    """
    if not classes:
        return no_kernels(model)
    panels = [
        (size, name, height)
        for size, table in classes.items()
        for name, height in zip(rulers_of(table, ruler), HEIGHTS, strict=False)
    ]
    heights = [height for *_, height in panels]
    figure, all_axes = new_layer_panels(model, classes.values(), heights)
    # of either ruler, as a merged member may have a name that no class has
    by = [class_by(table, PAPER) for table in classes.values()]
    labels = order_classes({name for label in by for name in label.cat.categories})
    counts = {size: count_by_layer(table) for size, table in classes.items()}
    seen: set[str] = set()
    for axes, (size, name, _) in zip(all_axes, panels, strict=True):
        seen |= _stack(axes, counts[size], PERCENTS[name], labels)
        axes.set_title(f"{size}x{size}, {_facts(classes[size], name)}")
    style.class_legend(figure, seen, labels)
    return figure


def _stack(axes: Axes, counts: pd.DataFrame, column: str, labels: Sequence[str]) -> set[str]:
    """Draw one bar per layer, and say which classes are there."""
    label = counts["class"].astype(str).map(style.merge_first_derivatives)
    wide = counts.assign(label=label).pivot_table(
        index="layer_index", columns="label", values=column, aggfunc="sum", sort=False
    )
    style.stack_classes(axes, wide, labels)
    name_layers(axes, wide.index)
    axes.set(ylim=(0, 100), ylabel="kernels (%)")
    return set(wide.columns[wide.sum() > 0])


def _facts(table: pd.DataFrame, ruler: str) -> str:
    """What the title of a panel says after the size."""
    facts = sum_up(count_layers(table))
    n_live = facts["n_kernels"] - facts["n_dead"]
    share = SHARE[ruler]
    percent = f"{facts[f'{share}_percent']:.1f} % of " if n_live else ""
    dead = f", {facts['n_dead']:,} dead" if facts["n_dead"] else ""
    return f"{SOUGHT[ruler]}: {percent}{n_live:,} live kernels {share}{dead}"
