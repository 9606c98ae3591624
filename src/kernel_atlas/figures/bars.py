"""Bars, and bars of classes stacked on each other."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from kernel_atlas.family.names import DEAD
from kernel_atlas.figures import style

if TYPE_CHECKING:
    import pandas as pd

BAR_WIDTH = 0.86  # of a bar, in units of the distance to the next


def stack_classes(
    axes: Axes,
    percents: "Mapping[str, np.ndarray] | pd.DataFrame",
    labels: Sequence[str],
    horizontal: bool = False,
) -> None:
    """Draw stacked bars of classes at 0, 1, 2, ...

    Parameters
    ----------
    axes : Axes
        Its limits stay.
    percents : mapping of str to ndarray of shape (n,), or DataFrame
        By class, its percentage of each bar.
    labels : sequence of str
        All classes of the run.
    horizontal : bool, default=False
    """
    shown = {name: np.asarray(percents[name], float) for name in percents}
    shown = {name: own for name, own in shown.items() if (own > 0).any()}
    start: Any = 0.0
    for name, own in shown.items():
        end = start + own
        look: Any = {"edgecolor": "0.6" if name == DEAD else "white", "linewidth": 0.4}
        look |= style.fill_of(name, labels)
        place, starts = np.arange(len(own)), np.broadcast_to(start, own.shape)
        draw_bars(axes, place, starts, end, horizontal=horizontal, **look)
        start = end


def draw_bars(
    axes: Axes,
    place: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    width: float = BAR_WIDTH,
    horizontal: bool = False,
    **look: Any,
) -> None:
    """Draw bars from `start` to `end`, as one artist: one per bar would take several times as long.

    Parameters
    ----------
    axes : Axes
        Its limits stay.
    place, start, end : ndarray of shape (n,)
        In data units.
    width : float, default=BAR_WIDTH
    horizontal : bool, default=False
    **look
        Of a patch.
    """
    low, high = place - width / 2, place + width / 2
    corners = np.array([(start, low), (end, low), (end, high), (start, high)])
    corners = (corners if horizontal else corners[:, ::-1]).transpose(2, 0, 1)
    axes.add_artist(PathPatch(Path.make_compound_path_from_polys(corners), **look))
