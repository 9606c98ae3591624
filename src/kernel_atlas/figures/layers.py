"""Class proportions by layer of one model (paper, Figures 7 and 8)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from kernel_atlas.family.names import DEAD, order_classes
from kernel_atlas.figures import style
from kernel_atlas.figures.model import name_layers, new_layer_panels, no_kernels, read_classes
from kernel_atlas.tables.layers import count_by_layer, count_layers, sum_up


def plot_layers(
    classes: Sequence[str | Path], model: str, sizes: Sequence[int], merge: Mapping[str, str]
) -> Figure:
    """Read the tables of `read_classes` and draw them."""
    return draw_layers(model, read_classes(classes, sizes, merge))


@mpl.rc_context(style.RC)
def draw_layers(model: str, classes: Mapping[int, pd.DataFrame]) -> Figure:
    """Stacked bars of class percentages, first derivatives merged; one panel per kernel size.

    Parameters
    ----------
    model : str
    classes : mapping
        From kernel size to that table of classes; none of them is empty.
    """
    if not classes:
        return no_kernels(model)
    figure, panels = new_layer_panels(model, classes, 2.4)
    seen: set[str] = set()
    labels = order_classes({c for table in classes.values() for c in table["class"].cat.categories})
    for axes, (size, table) in zip(panels, classes.items(), strict=True):
        counts = count_by_layer(table)
        counts["class"] = counts["class"].astype(str).map(style.merge_first_derivatives)
        wide = counts.pivot_table(
            index="layer_index", columns="class", values="percent", aggfunc="sum", sort=False
        )
        wide = wide.loc[:, wide.sum() > 0]
        bottom = np.zeros(len(wide))
        for label in wide.columns:
            colour, edge = style.colour_of(label, labels), "0.6" if label == DEAD else "white"
            x, height = np.arange(len(wide)), wide[label]
            axes.bar(x, height, 0.86, bottom, color=colour, edgecolor=edge, linewidth=0.4)
            bottom += wide[label].to_numpy()
        seen.update(wide.columns)
        facts = sum_up(count_layers(table))
        dead = f", {facts['n_dead']:,} dead" if facts["n_dead"] else ""
        n_live = facts["n_kernels"] - facts["n_dead"]
        percent = f"{facts['clustered_percent']:.1f} % of " if n_live else ""
        axes.set_title(f"{size}x{size}: {percent}{n_live:,} live kernels clustered{dead}")
        name_layers(axes, wide.index)
        axes.set(ylim=(0, 100), ylabel="kernels (%)")
    merged = dict.fromkeys(map(style.merge_first_derivatives, labels))
    handles = style.patches_of([label for label in reversed(merged) if label in seen], labels)
    figure.legend(handles=handles, loc="outside right center", handlelength=1.2)
    return figure
