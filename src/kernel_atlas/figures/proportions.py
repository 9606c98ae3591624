"""Class proportions of every model (paper, Figures 11, 28 and 30)."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kernel_atlas.classes.rulers import FAMILY, PAPER, RULERS, SOUGHT
from kernel_atlas.family.names import order_classes
from kernel_atlas.figures import style
from kernel_atlas.figures.bars import BAR_WIDTH, stack_classes
from kernel_atlas.figures.scales import name_places
from kernel_atlas.tables.layers import COUNTED_BY as COUNTS
from kernel_atlas.tables.reading import read_table

COLUMNS = ["model", "kernel_size", "layer_index", "class", *COUNTS.values()]
BAR_INCHES = 0.17  # from one bar to the next
WIDTH_INCHES = 6.0  # without the names of models
LETTER_INCHES = 0.06

# Appendix J.2: crosses are counted as centres
MERGE = {"on_cross": "on_centre", "off_cross": "off_centre"}
MERGED = {"On centre": "On centre or cross", "Off centre": "Off centre or cross"}


def plot_proportions(layers: str | Path, ruler: str) -> Figure:
    """Draw the file layers.tsv."""
    return draw_proportions(read_table(layers, COLUMNS), ruler)


def plot_proportions_merged(layers: str | Path, ruler: str) -> Figure:
    """Draw the file layers.tsv with crosses counted as centres (Appendix J.2)."""
    return draw_proportions(read_table(layers, COLUMNS), ruler, is_merged=True)


def read_layers(
    path_to_layers: str | Path, path_to_models: str | Path
) -> tuple[pd.DataFrame, pd.Series]:
    """Read the files layers.tsv, without duplicates, and models.tsv.

    Returns
    -------
    layers : DataFrame
        `COLUMNS`, with the layers of each checkpoint once.
    families : Series
        The family by model, an empty text where there is none.
    """
    models = pd.read_csv(path_to_models, sep="\t", dtype=str, keep_default_na=False)
    models = models[models["duplicate_of"] == ""].set_index("model")
    layers = read_table(path_to_layers, COLUMNS)
    return layers[layers["model"].isin(models.index)], models["family"]


def find_ruler(layers: pd.DataFrame, ruler: str) -> str:
    """The ruler that layers of one size are shown by: the family's where `ruler` has no counts."""
    return ruler if layers[COUNTS[ruler]].notna().all() else FAMILY


def find_percents(counts: pd.DataFrame) -> pd.DataFrame:
    """Each row in percent of its sum; 0 where that is 0."""
    return counts.mul(100 / counts.sum(axis=1).replace(0, np.nan), axis=0).fillna(0)


@mpl.rc_context(style.RC)
def draw_proportions(layers: pd.DataFrame, ruler: str = PAPER, is_merged: bool = False) -> Figure:
    """One stacked bar of class percentages per model, first derivatives merged.

    A kernel size has a row of panels, one by either ruler.

    Parameters
    ----------
    layers : DataFrame
        The table layers.tsv.
    ruler : str
        The one on the left.
    is_merged : bool, default=False
        Count crosses as centres, and mark the middle of the *on* and *off* centres of each bar.
    """
    if layers.empty:
        return style.notice(style.NO_MODEL)
    rulers = sorted(RULERS, key=lambda name: name != ruler)
    labels = order_classes(set(layers["class"]))
    merged = style.order_merged(labels)
    counts = layers.assign(label=layers["class"].map(style.merge_first_derivatives))
    if is_merged:
        counts["label"] = counts["label"].replace(MERGE)
    groups = dict(list(counts.groupby("kernel_size")))
    n_models = [group["model"].nunique() for group in groups.values()]
    width = WIDTH_INCHES + LETTER_INCHES * max(map(len, layers["model"].unique()))
    figure = style.new_figure(width, 0.7 + sum(0.5 + BAR_INCHES * n for n in n_models))
    ratios = [n + 2.5 for n in n_models]
    rows = figure.subplots(len(groups), 2, squeeze=False, height_ratios=ratios)
    for row, (size, group) in zip(rows, groups.items(), strict=True):
        for axes, name in zip(row, rulers, strict=True):
            wide = group.pivot_table(
                index="model", columns="label", values=COUNTS[name], aggfunc="sum", sort=False
            )
            wide = wide.reindex(columns=merged).fillna(0).astype(float)
            percents = find_percents(wide)
            _stack(axes, percents, labels)
            if is_merged:
                _mark_middle(axes, percents[[*MERGE.values()]].sum(axis=1))
            axes.set_title(f"{size}x{size}, {SOUGHT[name]}")
        for axes in row:
            axes.set_yticks([])
        name_places(row[0], range(len(percents)), percents.index, fontsize=7)
    for axes in rows[-1]:
        axes.set_xlabel("kernels (%)")
    seen = set(counts.loc[(counts[[*COUNTS.values()]] > 0).any(axis=1), "label"])
    patches = style.patches_of([name for name in merged if name in seen], labels)
    handles: list[Artist] = [*patches]
    if is_merged:
        for patch in patches:
            title = str(patch.get_label())
            patch.set_label(MERGED.get(title, title))
        handles.append(Line2D([], [], color="black", lw=1, label="middle of both"))
    figure.legend(handles=handles, loc="outside lower center", handlelength=1.2, ncols=4)
    return figure


def _stack(axes: Axes, percents: pd.DataFrame, labels: Sequence[str]) -> None:
    """Draw one bar per row."""
    axes.set(xlim=(0, 100), ylim=(len(percents) - 0.4, -0.6))
    if percents.any(axis=None):
        stack_classes(axes, percents, labels, horizontal=True)
        return
    text = "no codebook of this size"
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color="0.3")


def _mark_middle(axes: Axes, ends: pd.Series) -> None:
    """Mark the middle of what goes from 0 to these ends, where there is any."""
    ends = ends.reset_index(drop=True)
    ends = ends[ends > 0]
    half = BAR_WIDTH / 2
    axes.vlines(ends / 2, ends.index - half, ends.index + half, color="black", lw=1)
