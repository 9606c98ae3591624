"""What the figures of one model share: its tables of classes, and panels over its layers."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from kernel_atlas.classes.reading import read_class_table
from kernel_atlas.classes.table import ClassTable
from kernel_atlas.extraction import store
from kernel_atlas.figures import style
from kernel_atlas.figures.scales import mark_places, name_places

# What is free around panels, in inches
MARGIN = 0.1
MODEL = 0.28  # the name of the model, above all panels
TITLE = 0.28  # above a panel
LAYERS = 0.46  # below a panel: the numbers of its layers, and what they are
VALUES = 0.6  # to the left of a panel: its scale, and what it is
# From a panel to what its layers and its scale are: else each drawing measures all numbers
DOWN, LEFT = 0.26, 0.4
IN_ORDER = "depthwise layer, in the network's order"


def read_classes(
    paths_to_classes: Sequence[str | Path], sizes: Sequence[int], merge: Mapping[str, str]
) -> dict[int, ClassTable]:
    """Read a model's tables of classes, merged.

    Parameters
    ----------
    paths_to_classes : sequence of path
        One table per kernel size, in the order of `sizes`.
    sizes : sequence of int
    merge : mapping
        From a class to the one that it is counted as.

    Returns
    -------
    dict
        From kernel size to table, without the sizes of which the model has no kernels.
    """
    tables = {
        size: _read_table(Path(path), written(path))
        for size, path in zip(sizes, paths_to_classes, strict=True)
    }
    return {size: table.merged(merge) for size, table in tables.items() if len(table)}


def read_kernels(group: str | Path, sizes: Iterable[int]) -> dict[int, np.ndarray]:
    """Read a model's kernels, by size, from its group in the store, named by its zarr.json."""
    return {size: _read_kernels(Path(group), written(group), size) for size in sizes}


def written(path: str | Path) -> int:
    """When a file was written: what was read from it is read again if it has changed."""
    return Path(path).stat().st_mtime_ns if Path(path).exists() else 0


# The figures of a model are drawn one after the other, and each reads the same files.
@lru_cache(maxsize=8)
def _read_table(path: Path, written: int) -> ClassTable:
    return read_class_table(path)


@lru_cache(maxsize=8)
def _read_kernels(group: Path, written: int, size: int) -> np.ndarray:
    return store.read_kernel_array(group.parent, size)


def no_kernels(model: str) -> Figure:
    """The notice for a model without kernels to classify."""
    return style.notice(f"{model}: no kernels of a size that is measured")


def new_column(
    model: str,
    width: float,
    panels: Sequence[tuple[float, float]],
    left: float = VALUES,
    right: float = MARGIN,
    below: float = LAYERS,
) -> tuple[Figure, list[Axes]]:
    """A figure of one model, its panels one below the other.

    All lengths are in inches. A layout engine would measure all texts, several times: that
    takes as long as drawing them. The axes of the panels are hidden: see `describe_axes`.

    Parameters
    ----------
    model : str
    width : float
        Of the figure.
    panels : sequence of (float, float)
        What is free above each panel, and its height.
    left, right, below : float
        What is free around all of them.
    """
    height = MODEL + sum(map(sum, panels)) + below
    figure = Figure(figsize=(width, height))
    figure.suptitle(model, x=MARGIN / width, y=1 - MARGIN / height, **style.HEAD)
    inner, top = width - left - right, height - MODEL
    for above, inches in panels:
        top -= above + inches
        axes = figure.add_axes((left / width, top / height, inner / width, inches / height))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_visible(False)  # an axis without ticks takes as long as three texts
    return figure, figure.axes


def room_for(names: Iterable[str]) -> float:
    """The inches that the longest of these names of classes needs to the left of a panel."""
    return 0.2 + style.LETTER_INCHES * max(map(len, names), default=0)


def width_of_layers(tables: Iterable[ClassTable]) -> float:
    """The inches that the layers of a model need, in a figure of one panel per size."""
    n_layers = max(len(np.unique(table.layer)) for table in tables)
    return float(np.clip(3.2 + 0.24 * n_layers, 6.7, 14))


def name_layers(axes: Axes, layers: Iterable[int], is_numbered: bool = True) -> None:
    """Number the layers, which stand at 0, 1, 2 ..., along the x axis, or just make room."""
    names = [str(layer) for layer in layers]
    axes.set_xlim(-0.7, len(names) - 0.3)
    if not is_numbered:
        return
    step = -(-len(names) // 40)
    name_places(axes, range(0, len(names), step), names[::step], horizontal=True)


def describe_axes(axes: Axes, below: str = "", left: str = "") -> None:
    """Say what stands below a panel, its layers or values, and what its scale to the left is."""
    figure = axes.figure
    inches = figure.dpi_scale_trans
    if below:
        place = axes.transAxes + ScaledTranslation(0, -DOWN, inches)
        figure.text(0.5, 0, below, transform=place, ha="center", va="top")
    if left:
        place = axes.transAxes + ScaledTranslation(-LEFT, 0, inches)
        look: Any = {"ha": "center", "va": "bottom", "rotation": 90, "rotation_mode": "anchor"}
        figure.text(0, 0.5, left, transform=place, **look)


def name_percents(axes: Axes) -> None:
    """Mark and name percentages from 0 to 100 along the y axis."""
    axes.set_ylim(0, 100)
    places = range(0, 101, 25)
    mark_places(axes, places, map(str, places))
