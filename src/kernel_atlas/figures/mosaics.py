"""Kernels as images: many in one, each with a hairline around it."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from kernel_atlas.figures import style
from kernel_atlas.figures.bars import draw_bars


def draw_kernels(
    axes: Axes, kernels: np.ndarray, n_columns: int, peak: float | None = None
) -> None:
    """Draw kernels as images in rows, one pixel apart.

    Parameters
    ----------
    axes : Axes
        One data unit is one pixel; kernel i has its upper left corner at
        ((k + 1) * (i % n_columns), (k + 1) * (i // n_columns)).
    kernels : ndarray of shape (n, k, k)
        The place of a kernel of NaN stays blank.
    n_columns : int
    peak : float, optional
        As for `range_of`.
    """
    n, size = kernels.shape[:2]
    pitch = size + 1
    n_rows = -(-n // n_columns)
    canvas = np.full((n_rows, pitch, n_columns, pitch), np.nan)
    shown = np.flatnonzero(~np.isnan(kernels).all(axis=(1, 2)))
    y, x = np.divmod(shown, n_columns)
    for row, column, kernel in zip(y, x, kernels[shown], strict=True):
        low, high = range_of(kernel, peak)
        scaled = (kernel - low) / (high - low) if low < high else 0.5
        canvas[row, :size, column, :size] = scaled
    canvas = canvas.reshape(n_rows * pitch, n_columns * pitch)[:-1, :-1]
    height, width = canvas.shape
    extent = (0, width, height, 0)
    axes.imshow(canvas, vmin=0, vmax=1, interpolation="none", extent=extent)
    # without hairlines, white borders would vanish on white paper
    look: Any = {"facecolor": "none", "edgecolor": "0.6", "linewidth": 0.3, "clip_on": False}
    top, left = pitch * y, pitch * x
    draw_bars(axes, top + size / 2, left, left + size, size, horizontal=True, **look)


def range_of(kernel: np.ndarray, peak: float | None = None) -> tuple[float, float]:
    """The values of a kernel that are drawn in the colours of both ends.

    Parameters
    ----------
    kernel : ndarray of shape (k, k)
    peak : float, optional
        The upper end; the lower one is its negative, and zero is halfway between. By default
        it is the largest absolute value. In grey, the kernel's own range is the default
        instead, from black to white, as in the paper.
    """
    if peak is None and style.is_grey():
        return kernel.min(), kernel.max()
    high = np.abs(kernel).max() if peak is None else peak
    return -high, high
