"""Cross kernels with their values in the pixels (paper, Appendix B and Figure 14)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kernel_atlas.classes.rulers import PAPER, RULERS
from kernel_atlas.figures import style
from kernel_atlas.figures.mosaics import range_of
from kernel_atlas.figures.pool import read_pool
from kernel_atlas.figures.samples import SEED, choose_places, draw_grid

CROSSES = ("on_cross", "off_cross")
N_PIXELS = 28  # in the row of either kind, at most, unless one kernel is wider
MAX_COLUMNS = 6
PIXEL_INCHES = 0.24  # room for two digits and a sign
DARK = 0.45  # luminance below which digits are white


@dataclass(frozen=True)
class Crosses:
    """Crosses of either kind: all of one class.

    Attributes
    ----------
    kernels : ndarray of shape (n, k, k)
        Those that are drawn, none of them zero; n may be 0.
    count : int
        How many all models have.
    ruler : str
        The one by which they are crosses.
    """

    kernels: np.ndarray
    count: int
    ruler: str


def plot_crosses(
    groups: Sequence[str | Path], size_classes: Sequence[str | Path], size: int, ruler: str
) -> Figure:
    """Choose crosses at random (seeded) by `ruler`, or where it has none, by the other one.

    Parameters
    ----------
    groups, size_classes : sequence of path
        The zarr.json of each model's group in the store, and the tables of classes of this
        size, in the same order.
    """
    generator = np.random.default_rng(SEED)
    crosses: dict[str, Crosses] = {}
    for by in sorted(RULERS, key=lambda name: name != ruler):
        missing = [name for name in CROSSES if name not in crosses or not crosses[name].count]
        if missing:
            pool = read_pool(groups, size_classes, size, by)
            for name in missing:
                places = np.flatnonzero(pool.labels.isin([name]))
                drawn = pool.read(choose_places(places, columns_of(size), generator))
                crosses[name] = Crosses(drawn, len(places), pool.ruler)
    return draw_crosses(size, {name: crosses[name] for name in CROSSES}, ruler)


def columns_of(size: int) -> int:
    """How many crosses of this size are drawn: as many as digits leave room for."""
    return int(np.clip(N_PIXELS // size, 1, MAX_COLUMNS))


@mpl.rc_context(style.RC)
def draw_crosses(size: int, crosses: Mapping[str, Crosses], ruler: str = PAPER) -> Figure:
    """Kernels of unit norm, a hundred times each value written in its pixel.

    Parameters
    ----------
    size : int
        Kernel size k.
    crosses : mapping
        From class to its kernels.
    ruler : str
        The one of the setting.
    """
    shown = {name: own for name, own in crosses.items() if own.count}
    if not shown:
        return style.notice(f"{size}x{size}: no kernel is a cross by either ruler")
    n_columns = columns_of(size)
    pitch_inches = (size + 1) * PIXEL_INCHES
    height = 0.3 + len(shown) * (pitch_inches + 0.2)
    title = f"{size}x{size}: crosses of unit norm, values times 100"
    figure = style.new_figure(n_columns * pitch_inches, height, title)
    panels = figure.subplots(len(shown), squeeze=False)[:, 0]
    for axes, (name, own) in zip(panels, shown.items(), strict=True):
        unit = own.kernels / np.linalg.norm(own.kernels, axis=(1, 2), keepdims=True)
        found = f"{style.title_of(name)}, by the {own.ruler}'s ruler"
        none = "" if own.ruler == ruler else f" (none by the {ruler}'s)"
        title = f"{found}{none}: {len(unit)} of {own.count:,}"
        draw_grid(axes, unit, n_columns, title, fontsize=8)
        write_values(axes, unit, n_columns)
    return figure


def write_values(axes: Axes, kernels: np.ndarray, n_columns: int) -> None:
    """Write into each pixel that `draw_kernels` drew a hundred times its value.

    Parameters
    ----------
    kernels : ndarray of shape (n, k, k)
    """
    pitch = kernels.shape[-1] + 1
    colours = mpl.colormaps[mpl.rcParams["image.cmap"]]
    for i, kernel in enumerate(kernels):
        low, high = range_of(kernel)
        luminance = colours((kernel - low) / (high - low))[..., :3] @ (0.30, 0.59, 0.11)
        top, left = (pitch * place for place in divmod(i, n_columns))
        for (y, x), value in np.ndenumerate(kernel):
            axes.text(
                left + x + 0.5,
                top + y + 0.52,
                f"{round(100 * float(value))}",
                ha="center",
                va="center",
                fontsize=6.5,
                color="white" if luminance[y, x] < DARK else "black",
                in_layout=False,  # it lies within the image
            )
