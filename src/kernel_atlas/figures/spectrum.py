"""The spectrum: what the codes stand for, with the labelled intervals (Figure 3)."""

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from kernel_atlas.codebooks.codebook import N_SPECTRUM, SKIPPED, Codebook
from kernel_atlas.family.names import OTHER, order_classes
from kernel_atlas.figures import style
from kernel_atlas.labels.table import Interval, label_rows

N_COLUMNS = 25
N_LEGEND_COLUMNS = 4
WIDTH_INCHES = 7.2


@mpl.rc_context(style.RC)
def draw_spectrum(size: int, codebook: Codebook, intervals: list[Interval]) -> Figure:
    """Kernels along the code, row by row, over a strip in the colours of their classes.

    The strip is half as high where the interval's margin is thin or its match weak.

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
    rows = np.linspace(0, len(codebook) - 1, min(len(codebook), N_SPECTRUM)).round().astype(int)
    labels = label_rows(intervals, codebook)
    names = order_classes(set(labels))
    labels = labels[rows]
    noted = [interval for interval in intervals if interval.note]
    is_doubtful = label_rows(noted, codebook)[rows] != OTHER
    n_columns = min(N_COLUMNS, len(rows))
    n_lines = -(-len(rows) // n_columns)
    pitch_inches = min(WIDTH_INCHES / (n_columns + 2), 0.55)
    n_legend_lines = -(-len(names) // N_LEGEND_COLUMNS)
    figure = style.new_figure(
        WIDTH_INCHES, 0.35 + 1.3 * pitch_inches * n_lines + 0.2 * n_legend_lines
    )
    panels = figure.subplots(n_lines, squeeze=False)[:, 0]
    codes = codebook.codes[rows]
    for line, axes in enumerate(panels):
        chosen = slice(line * n_columns, (line + 1) * n_columns)
        kernels = codebook.kernels[rows[chosen]]
        _draw_line(axes, kernels, labels[chosen], is_doubtful[chosen], names, n_columns)
        axes.text(-1, size / 2, f"{codes[chosen][0]:.2f}", ha="right", va="center", fontsize=7)
    what = "centres of k-means" if len(codebook) < N_SPECTRUM else "decoded codes, from 0 to 1"
    panels[0].set_title(f"{size}x{size}: {what}")
    if is_doubtful.any():
        panels[0].set_title(
            "half a strip: thin margin or weak match",
            loc="right", fontsize=8, fontweight="normal",
        )  # fmt: skip
    handles = [
        Patch(facecolor=style.colour_of(name, names), label=style.title_of(name)) for name in names
    ]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=N_LEGEND_COLUMNS, handlelength=1.2
    )
    return figure


def _draw_line(
    axes: Axes,
    kernels: np.ndarray,
    labels: np.ndarray,
    is_doubtful: np.ndarray,
    names: list[str],
    n_columns: int,
) -> None:
    size = kernels.shape[-1]
    style.draw_kernels(axes, kernels, n_columns)
    for column, label in enumerate(labels):
        # strips of one class join across the gaps between kernels
        joined = column + 1 < len(labels) and labels[column + 1] == label
        height = size * (0.1 if is_doubtful[column] else 0.2)
        axes.add_patch(
            Rectangle(
                (column * (size + 1), size + 0.25), size + joined, height,
                facecolor=style.colour_of(label, names), linewidth=0,
            )
        )  # fmt: skip
    axes.set(xlim=(-0.2, n_columns * (size + 1)), ylim=(size * 1.24 + 0.3, -0.2))
    axes.axis("off")
