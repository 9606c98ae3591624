"""The spectrum: what the codes stand for, with the labelled intervals (paper, Figure 3)."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from kernel_atlas import sphere
from kernel_atlas.codebooks.codebook import N_SPECTRUM, SKIPPED, Codebook, read_codebook
from kernel_atlas.family.names import OTHER, order_classes
from kernel_atlas.figures import style
from kernel_atlas.figures.mosaics import draw_kernels
from kernel_atlas.labels.table import Interval, label_rows, read_labels

N_COLUMNS = 25
N_LEGEND_COLUMNS = 4
WIDTH_INCHES = 7.2
NOTE = "half a strip: mixed or unmatched"


def plot_spectrum(codebook: str | Path, labels: str | Path, size: int) -> Figure:
    """Read a codebook and its label table, and draw them."""
    return draw_spectrum(size, read_codebook(codebook), read_labels(labels))


@mpl.rc_context(style.RC)
def draw_spectrum(size: int, codebook: Codebook, intervals: list[Interval]) -> Figure:
    """Kernels along the code, row by row, over a strip in the colours of their classes.

    The strip is half as high where a class was kept although it has a note.

    Parameters
    ----------
    size : int
        Kernel size k.
    codebook : Codebook
        Of a long codebook, 500 even codes are drawn.
    intervals : list of Interval
    """
    if not len(codebook):
        return style.notice(f"{size}x{size}: {SKIPPED}")
    rows = codebook.spectrum_rows
    labels = label_rows(intervals, codebook)
    names = order_classes(set(labels))
    noted = [interval for interval in intervals if interval.note]
    is_doubtful = label_rows(noted, codebook)[rows] != OTHER
    n_columns = min(N_COLUMNS, len(rows))
    n_lines = -(-len(rows) // n_columns)
    pitch_inches = min(WIDTH_INCHES / (n_columns + 2), 0.55)
    n_legend_lines = -(-len(names) // N_LEGEND_COLUMNS)
    height = 0.35 + 1.3 * pitch_inches * n_lines + 0.2 * n_legend_lines
    figure = style.new_figure(WIDTH_INCHES, height)
    panels = figure.subplots(n_lines, squeeze=False)[:, 0]
    for line, axes in enumerate(panels):
        part = slice(line * n_columns, (line + 1) * n_columns)
        chosen = rows[part]
        axes.set(xlim=(-0.2, n_columns * (size + 1)), ylim=(size * 1.24 + 0.3, -0.2))
        axes.axis("off")
        draw_kernels(axes, sphere.centre(codebook.kernels[chosen]), n_columns)
        fills = [style.fill_of(label, names) for label in labels[chosen]]
        _draw_strips(axes, size, fills, is_doubtful[part])
        code = f"{codebook.codes[chosen[0]]:.2f}"
        axes.text(-1, size / 2, code, ha="right", va="center", fontsize=7)
    what = "centres of k-means" if len(codebook) < N_SPECTRUM else "decoded codes, from 0 to 1"
    panels[0].set_title(f"{size}x{size}: {what}")
    if is_doubtful.any():
        panels[0].set_title(NOTE, loc="right", fontsize=8, fontweight="normal")
    figure.legend(
        handles=style.patches_of(names, names),
        loc="outside lower center",
        ncols=N_LEGEND_COLUMNS,
        handlelength=1.2,
    )
    return figure


def _draw_strips(
    axes: Axes, size: int, fills: list[dict[str, Any]], is_doubtful: np.ndarray
) -> None:
    for column, (fill, following) in enumerate(zip(fills, [*fills[1:], {}], strict=True)):
        # strips of one class join across the gaps between kernels
        width = size + (fill == following)
        height = size * (0.1 if is_doubtful[column] else 0.2)
        corner = (column * (size + 1), size + 0.25)
        axes.add_patch(Rectangle(corner, width, height, linewidth=0, **fill))
