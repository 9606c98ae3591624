"""The mean kernel of each class, beside the nearest member of the DoG family."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from kernel_atlas.classes.means import MIN_CORRELATION, ClassMean, read_means
from kernel_atlas.figures import style
from kernel_atlas.figures.mosaics import draw_kernels

WARNING_COLOUR = "#c00000"
N_COLUMNS = 4


def plot_means(means: str | Path, size: int) -> Figure:
    """Draw the file means_k<size>.npz."""
    return draw_means(size, read_means(means))


@mpl.rc_context(style.RC)
def draw_means(size: int, means: Sequence[ClassMean]) -> Figure:
    """One cell per class: its mean, the family's member beside it, and below how near they are.

    Parameters
    ----------
    size : int
        Kernel size k.
    means : sequence of ClassMean
        Drawn in this order, row by row.
    """
    if not means:
        return style.notice(f"{size}x{size}: no kernel is clustered")
    n_rows = -(-len(means) // N_COLUMNS)
    title = f"{size}x{size}: mean kernel of each class (left), nearest of the DoG family (right)"
    figure = style.new_figure(7.2, 0.4 + 1.35 * n_rows, title)
    panels = figure.subplots(n_rows, N_COLUMNS, squeeze=False).ravel()
    labels = list(dict.fromkeys(mean.label for mean in means))
    for axes in panels:
        axes.axis("off")
    for axes, mean in zip(panels, means, strict=False):  # the last row may have places left
        _draw_one(axes, mean, style.colour_of(mean.label, labels))
    return figure


def _draw_one(axes: Axes, mean: ClassMean, colour: str) -> None:
    size = len(mean.mean)
    # both of unit norm, as members are, so that their shapes compare
    pair = np.stack([mean.mean / np.linalg.norm(mean.mean), mean.member])
    draw_kernels(axes, pair, 2, peak=np.nanmax(np.abs(pair)))
    axes.add_patch(Rectangle((-0.2 * size, 0), 0.12 * size, size, facecolor=colour))
    axes.set(xlim=(-0.2 * size, 2 * size + 1), ylim=(size, 0))
    title = f"{style.title_of(mean.label)}{mean.axis and f', {mean.axis}'}"
    axes.set_title(title, fontsize=8)

    facts = [(f"n = {mean.n_kernels:,} ({mean.percent:.1f} %)", "black")]
    if np.isfinite(mean.correlation):
        low = mean.correlation < MIN_CORRELATION
        facts.append((f"r = {mean.correlation:.3f}", WARNING_COLOUR if low else "black"))
    for line, (text, colour) in enumerate(facts):
        below = (0, -3 - 10 * line)
        axes.annotate(text, (0, size), below, textcoords="offset points", va="top", color=colour)
