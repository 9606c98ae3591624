"""Layers of models side by side (paper, Appendix J.2, Figure 29)."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from kernel_atlas.classes.rulers import PAPER, SOUGHT
from kernel_atlas.family.names import order_classes
from kernel_atlas.figures import style
from kernel_atlas.figures.bars import stack_classes
from kernel_atlas.figures.model import DOWN, IN_ORDER, name_layers
from kernel_atlas.figures.proportions import (
    COUNTS,
    MERGE,
    find_percents,
    find_ruler,
    read_layers,
)

MIN_CROSSES = 1.0  # percent of a model's kernels
PANEL_INCHES = 3.6, 1.75  # width and height


def plot_contrast(
    layers: str | Path, models: str | Path, ruler: str, contrast: Sequence[str]
) -> Figure:
    """Draw the file layers.tsv, with the families of models.tsv."""
    return draw_contrast(*read_layers(layers, models), ruler, contrast)


@mpl.rc_context(style.RC)
def draw_contrast(
    layers: pd.DataFrame, families: pd.Series, ruler: str = PAPER, models: Sequence[str] = ()
) -> Figure:
    """Stacked bars of class percentages by layer, one column of panels per model.

    First derivatives are merged. Where a model has more than a few crosses, there is a second row,
    in which they are counted as centres.

    Parameters
    ----------
    layers : DataFrame
        The table layers.tsv, without duplicates.
    families : Series
        The family by model.
    ruler : str
        The one that says what class a kernel has; the family's where there is no codebook.
    models : sequence of str
        Those to show. By default, for each size the pair that `find_pair` chooses.
    """
    unknown = sorted(set(models) - set(layers["model"]))
    if unknown:
        return style.notice(f"figures.contrast: no layers of {', '.join(unknown)}")
    labels = order_classes(set(layers["class"]))
    merged = style.order_merged(labels)
    rows: list[tuple[str, dict[str, pd.DataFrame]]] = []
    for size, group in layers.groupby("kernel_size"):
        by = find_ruler(group, ruler)
        counts = count_classes(group, COUNTS[by], merged)
        chosen = [name for name in models if name in counts]
        shown = {name: counts[name] for name in chosen or find_pair(counts, families)}
        if shown and (chosen or not models):
            rows.append((f"{size}x{size}, {SOUGHT[by]}", shown))
            if any(percent_of_crosses(table) >= MIN_CROSSES for table in shown.values()):
                as_centres = {name: merge_crosses(table) for name, table in shown.items()}
                rows.append(("crosses counted as centres", as_centres))
    if not rows:
        return style.notice("no family has two models with kernels of one size")
    n_columns = max(len(shown) for _, shown in rows)
    width, height = PANEL_INCHES
    figure = style.new_figure(max(7.2, width * n_columns), 0.9 + height * len(rows))
    grid = figure.add_gridspec(len(rows), n_columns)
    seen: set[str] = set()
    for row, (title, shown) in enumerate(rows):
        for column, (model, counts) in enumerate(shown.items()):
            axes = figure.add_subplot(grid[row, column])
            stack_classes(axes, find_percents(counts), labels)
            axes.set_xticks([])
            name_layers(axes, counts.index)
            axes.set(ylim=(0, 100), ylabel="" if column else "kernels (%)")
            if row + 1 == len(rows):
                axes.set_xlabel(IN_ORDER, labelpad=72 * DOWN)
            if column:
                axes.set_yticklabels([])
            axes.set_title(f"{'' if column else title + _difference(shown)}\n{model}")
            seen |= {*counts.columns[counts.any()]}
    style.class_legend(figure, seen, labels)
    return figure


def count_classes(
    layers: pd.DataFrame, column: str, classes: Sequence[str]
) -> dict[str, pd.DataFrame]:
    """By model, the counts in this column: one row per layer, one column per class."""
    labels = layers["class"].map(style.merge_first_derivatives)
    wide = layers.assign(label=labels).pivot_table(
        index=["model", "layer_index"], columns="label", values=column, aggfunc="sum", sort=False
    )
    wide = wide.reindex(columns=classes).fillna(0).astype(float)
    return {
        str(name): table.droplevel("model").sort_index()
        for name, table in wide.groupby("model", sort=False)
    }


def find_pair(counts: Mapping[str, pd.DataFrame], families: pd.Series) -> tuple[str, ...]:
    """Find the two models of one family whose proportions differ most (`find_difference`).

    Parameters
    ----------
    counts : mapping
        From model to `count_classes`.
    families : Series
        The family by model, an empty text where there is none.

    Returns
    -------
    tuple of str
        The two, in the order of `counts`, or empty if no family has two.
    """
    pairs = [
        pair
        for pair in combinations(counts, 2)
        if families[pair[0]] == families[pair[1]] and families[pair[0]]
    ]
    shares = {name: find_shares(table) for name, table in counts.items()}
    return max(pairs, key=lambda pair: find_difference(*(shares[x] for x in pair)), default=())


def find_shares(counts: pd.DataFrame) -> np.ndarray:
    """The percentage of each class among all kernels of `count_classes`."""
    totals = counts.to_numpy().sum(axis=0)
    return 100 * totals / totals.sum()


def find_difference(first: np.ndarray, second: np.ndarray) -> float:
    """The percentage of kernels that would need another class to turn these shares into those.

    It is half of the sum of absolute differences.
    """
    return float(np.abs(first - second).sum() / 2)


def percent_of_crosses(counts: pd.DataFrame) -> float:
    """The percentage of all kernels that are crosses."""
    return float(100 * counts[[*MERGE]].to_numpy().sum() / counts.to_numpy().sum())


def merge_crosses(counts: pd.DataFrame) -> pd.DataFrame:
    """Add the columns of crosses to those of centres."""
    merged = counts.copy()
    for cross, centre in MERGE.items():
        merged[centre] += merged[cross]
        merged[cross] = 0.0
    return merged


def _difference(shown: Mapping[str, pd.DataFrame]) -> str:
    if len(shown) != 2:
        return ""
    return f": {find_difference(*map(find_shares, shown.values())):.1f} % differ"
