"""Large kernels and their central windows (paper, Appendix I and Figure 27)."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from kernel_atlas import sphere
from kernel_atlas.extraction import store
from kernel_atlas.figures import style
from kernel_atlas.figures.samples import SEED, draw_grid

LARGEST_MEASURED = 7  # the paper's largest size but for Appendix I
MAX_ROWS = 24
MAX_COLUMNS = 6
KERNEL_INCHES = 0.62
FONT: Any = {"fontsize": 7, "fontweight": "normal", "pad": 3}


@dataclass(frozen=True)
class LargeKernels:
    """Samples of the large kernels of one size of a model.

    Attributes
    ----------
    model : str
    kernels : ndarray of shape (n, k, k) with n > 0
        None of them dead.
    count : int
        Live kernels of this size that the model has.
    inside : float
        Median over these of the share of a kernel's squared weights that its central window has.
    """

    model: str
    kernels: np.ndarray
    count: int
    inside: float


def plot_large(groups: Sequence[str | Path], n_samples: int) -> Figure:
    """Choose kernels of each model and large size at random (seeded), and draw them.

    Parameters
    ----------
    groups : sequence of path
        The zarr.json of each model's group in the store.
    n_samples : int
        Per row, at most; and no more than `MAX_COLUMNS`.
    """
    folders = [Path(group).parent for group in groups]
    pairs = [(size, folder) for folder in folders for size in store.kernel_sizes(folder)]
    large = [pair for pair in pairs if pair[0] > LARGEST_MEASURED]
    rows: list[LargeKernels] = []
    left_out: list[str] = []
    for size, folder in sorted(large, key=lambda pair: -pair[0]):
        name = f"{folder.name} {size}x{size}"
        if len(rows) == MAX_ROWS:
            left_out.append(name)
        elif row := _choose_from(folder, size, min(n_samples, MAX_COLUMNS)):
            rows.append(row)
        else:
            left_out.append(f"{name} (all dead)")
    return draw_large(rows, left_out)


def _choose_from(folder: Path, size: int, n_samples: int) -> LargeKernels | None:
    kernels = store.read_kernel_array(folder, size)
    live = kernels[~sphere.find_dead(kernels)]
    if not len(live):
        return None
    generator = np.random.default_rng(SEED)
    places = generator.choice(len(live), min(n_samples, len(live)), replace=False)
    inside = squares_of(central_window(live)) / squares_of(live)
    # by place, which is by layer, too
    return LargeKernels(folder.name, live[np.sort(places)], len(live), float(np.median(inside)))


def squares_of(kernels: np.ndarray) -> np.ndarray:
    """The sum of squared weights of each kernel, shape (n,), float64."""
    return np.einsum("iyx,iyx->i", kernels, kernels, dtype=float)


def central_window(kernels: np.ndarray) -> np.ndarray:
    """The middle 7x7 pixels of kernels of shape (n, k, k) with k > 7, 6x6 where k is even."""
    size = kernels.shape[-1]
    width = LARGEST_MEASURED - 1 + size % 2
    start = (size - width) // 2
    return kernels[:, start : start + width, start : start + width]


@mpl.rc_context(style.RC)
def draw_large(rows: Sequence[LargeKernels], left_out: Sequence[str] = ()) -> Figure:
    """One row per model and size: whole kernels on the left, their windows on the right.

    Parameters
    ----------
    rows : sequence of LargeKernels
    left_out : sequence of str
        Rows that are not drawn, to be named below.
    """
    if not rows:
        return style.notice(
            f"no model has live kernels larger than {LARGEST_MEASURED}x{LARGEST_MEASURED}"
        )
    note = textwrap.fill(f"Not drawn: {', '.join(left_out)}.", 110) if left_out else ""
    height = len(rows) * (KERNEL_INCHES + 0.3) + 0.13 * (note.count("\n") + 1)
    n_columns = max(len(row.kernels) for row in rows)
    figure = style.new_figure(max(6.5, 2 * n_columns * KERNEL_INCHES + 0.3), height)
    for row, (left, right) in zip(rows, figure.subplots(len(rows), 2, squeeze=False), strict=True):
        windows = central_window(row.kernels)
        size, width = row.kernels.shape[-1], windows.shape[-1]
        found = f"{row.model}, {size}x{size}: {len(windows)} of {row.count:,}"
        draw_grid(left, row.kernels, n_columns, found, **FONT)
        share = f"{100 * row.inside:.0f} % of the squared weights"
        area = f"{100 * width**2 / size**2:.0f} % of the area"
        title = f"middle {width}x{width}: {area}, {share}"
        draw_grid(right, windows, n_columns, title, **FONT)
        for i in range(len(windows)):
            corner = i * (size + 1) + (size - width) / 2, (size - width) / 2
            frame = Rectangle(corner, width, width, fill=False, linewidth=0.6)
            # to be seen on dark pixels, too
            frame.set_path_effects([withStroke(linewidth=1.4, foreground="white")])
            left.add_patch(frame)
    figure.supxlabel(note, x=0.01, ha="left", fontsize=7, color="0.3")
    return figure
