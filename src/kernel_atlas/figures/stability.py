"""Classes by seed: which classes every training names, and how far two trainings agree on each."""

from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from kernel_atlas.figures import style

NO_SEEDS = "no autoencoder was trained, so there are no seeds to compare"
# the lines below the classes, by column of stability.tsv: name and number format
SUMS = {
    "near_percent": ("near (%)", "{:.1f}"),
    "clustered_percent": ("clustered (%)", "{:.1f}"),
    "n_named": ("named intervals", "{:.0f}"),
}
CELL, LINE = 0.56, 0.19  # width and height of a cell in inches
NAMES, OVERLAP = 1.6, 2.0  # width of the names and of the right panel in inches
GREY = "0.45"


def plot_stability(stability: str | Path, stability_classes: str | Path) -> Figure:
    """Draw the files stability.tsv and stability_classes.tsv."""
    tables = (
        pd.read_csv(path, sep="\t", dtype={"seeds": str}) for path in (stability, stability_classes)
    )
    return draw_stability(*tables)


@mpl.rc_context(style.RC)
def draw_stability(stability: pd.DataFrame, classes: pd.DataFrame) -> Figure:
    """For each kernel size a grid of classes by seeds, and the overlap of pairs beside it.

    Parameters
    ----------
    stability, classes : DataFrame
        The tables stability.tsv and stability_classes.tsv. Drawn are the classes that some
        seed names, and those with members.
    """
    if stability.empty:
        return style.notice(NO_SEEDS)
    classes = classes[(classes["most"] > 0) | (classes["n_members"] > 0)]
    parts = [
        (size, of_size, classes[classes["kernel_size"] == size])
        for size, of_size in stability.groupby("kernel_size")
    ]
    n_lines = [part["class"].nunique() + len(SUMS) for *_, part in parts]
    n_columns = 1 + max(len(_of_seeds(of_size)) for _, of_size, _ in parts)
    widths = (CELL * n_columns, OVERLAP)
    height = sum(LINE * n + 0.7 for n in n_lines)
    figure = style.new_figure(NAMES + sum(widths), height)
    panels = figure.subplots(
        len(parts), 2, squeeze=False, sharey="row", width_ratios=widths, height_ratios=n_lines
    )
    for (grid, overlap), (size, of_size, part) in zip(panels, parts, strict=True):
        grid.set_title(f"{size}x{size}: kernels by class and seed", pad=18)
        _draw_grid(grid, _of_seeds(of_size), _of_seeds(part))
        _draw_overlap(overlap, part)
        _write_spread(overlap, part["class"].nunique(), _of_seeds(of_size))
    return figure


def _of_seeds(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of single seeds."""
    return table[~table["seeds"].str.contains(",")]


def _draw_grid(axes: Axes, seeds: pd.DataFrame, classes: pd.DataFrame) -> None:
    """Numbers of kernels, on bars as long as their share of the most that a seed gives."""
    places = {seed: x for x, seed in enumerate(seeds["seeds"])}
    last = len(places)
    names = []
    for y, (name, rows) in enumerate(classes.groupby("class", sort=False)):
        names.append(style.title_of(name))
        axes.text(last, y, f"{rows['n_members'].iloc[0]:,}", ha="center", va="center", color=GREY)
        for seed, n, most, purity in zip(
            *(rows[column] for column in ("seeds", "n_kernels", "most", "best_purity")), strict=True
        ):
            x = places[seed]
            if n:
                bar = Rectangle((x - 0.46, y - 0.42), 0.92 * n / most, 0.84, lw=0, alpha=0.45)
                bar.set_facecolor(style.COLOURS[name])
                axes.add_patch(bar)
            text, colour = (f"{n:,}", "black") if n else (f"- ({purity:.2f})", GREY)
            axes.text(x, y, text, ha="center", va="center", color=colour)
    for y, (column, (title, form)) in enumerate(SUMS.items(), start=len(names)):
        names.append(title)
        for x, value in enumerate(seeds[column]):
            axes.text(x, y, form.format(value), ha="center", va="center")
    axes.axhline(len(names) - len(SUMS) - 0.5, color="0.6", lw=0.6)
    axes.set(xlim=(-0.5, last + 0.5), ylim=(len(names) - 0.5, -0.5))
    axes.set_xticks(range(last + 1), [*places, "members"])
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
    for label, is_kept in zip(axes.get_xticklabels(), seeds["kept"], strict=False):
        label.set_fontweight("bold" if is_kept else "normal")
    axes.spines[:].set_visible(False)


def _draw_overlap(axes: Axes, classes: pd.DataFrame) -> None:
    """A dot per pair of seeds, on a line from the smallest overlap to the largest."""
    for y, (name, rows) in enumerate(classes.groupby("class", sort=False)):
        overlap = rows["overlap"].dropna()
        if len(overlap):
            axes.hlines(y, overlap.min(), overlap.max(), color="0.6", lw=0.8, zorder=1)
            dots = axes.scatter(overlap, [y] * len(overlap), 14, clip_on=False, zorder=2)
            dots.set(facecolor=style.COLOURS[name], edgecolor="0.3", linewidth=0.4)
    axes.set(xlim=(0, 1), xlabel="overlap of two seeds")
    axes.xaxis.set_label_position("top")
    axes.xaxis.tick_top()
    axes.vlines(
        axes.get_xticks(), -0.5, classes["class"].nunique() - 0.5, color="0.9", lw=0.6, zorder=0
    )
    axes.tick_params(axis="y", length=0, labelleft=False)
    axes.spines[:].set_visible(False)


def _write_spread(axes: Axes, n_classes: int, seeds: pd.DataFrame) -> None:
    """Beside the lines below the classes, the smallest and the largest value of a seed."""
    for y, (column, (_, form)) in enumerate(SUMS.items(), start=n_classes):
        ends = [form.format(end) for end in (seeds[column].min(), seeds[column].max())]
        axes.text(0, y, " to ".join(dict.fromkeys(ends)), va="center", color=GREY)
