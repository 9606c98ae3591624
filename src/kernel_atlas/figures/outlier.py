"""The layer of a model that stands out from its neighbours (paper, Appendix E, Figures 19, 20)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kernel_atlas.classes.rulers import PAPER, SHARE
from kernel_atlas.classes.table import ClassTable
from kernel_atlas.family.names import DEAD
from kernel_atlas.figures import style
from kernel_atlas.figures.bars import draw_bars
from kernel_atlas.figures.model import (
    IN_ORDER,
    LAYERS,
    MARGIN,
    TITLE,
    describe_axes,
    name_layers,
    name_percents,
    new_column,
    no_kernels,
    read_classes,
    read_kernels,
)
from kernel_atlas.figures.samples import (
    PITCH_INCHES,
    SEED,
    choose_places,
    draw_named_rows,
)

# behind a layer that stands out, and behind the one that comes closest to it where none does
MARKS = {True: style.COLOURS["off_square"], False: "0.92"}
PALE = style.COLOURS["other"]  # of a layer with too few kernels
BARS_INCHES = 1.2
LABEL_INCHES = 1.2  # of a row
TITLE_INCHES = 6.4  # the width of a panel, at least
MIN_KERNELS = 32  # the percentage of fewer live kernels is left to chance
MIN_DROP = 15.0  # percentage points
MIN_STEPS = 3.0  # times the usual difference between neighbours


@dataclass(frozen=True)
class Outlier:
    """The layer that lies furthest below both of its neighbours.

    Attributes
    ----------
    place : int
        Its place among the layers.
    drop : float
        Percentage points from it up to the lower one of its neighbours; more than 0.
    step : float
        Percentage points from one of the other layers to the next, in the median.
    """

    place: int
    drop: float
    step: float

    @property
    def stands_out(self) -> bool:
        """Whether the drop is large, and larger than what is usual between these layers."""
        return self.drop >= max(MIN_DROP, MIN_STEPS * self.step)


@dataclass(frozen=True)
class Layers:
    """Each layer's index, live kernels, and percentage of them that have a class."""

    layer: np.ndarray
    n_live: np.ndarray
    percent: np.ndarray


def find_outlier(percents: np.ndarray) -> Outlier | None:
    """Find the layer that lies furthest below both of its neighbours.

    The first and the last layer are never chosen: with one neighbour, a layer that stands
    out cannot be told from a rise or fall towards the end of the network.

    Parameters
    ----------
    percents : ndarray of shape (n_layers,)
        Percentage of each layer, in the order of the layers.

    Returns
    -------
    Outlier or None
        None if no layer lies below both of its neighbours.
    """
    if len(percents) < 3:
        return None
    drops = np.minimum(percents[:-2], percents[2:]) - percents[1:-1]
    place = int(drops.argmax())
    if drops[place] <= 0:
        return None
    others = np.delete(percents, place + 1)
    return Outlier(place + 1, float(drops[place]), float(np.median(abs(np.diff(others)))))


def plot_outlier(
    group: str | Path,
    classes: Sequence[str | Path],
    model: str,
    sizes: Sequence[int],
    ruler: str,
    n_samples: int,
) -> Figure:
    """Read the tables of `read_classes`, without merging, and the kernels, and draw them.

    Parameters
    ----------
    group : path
        The zarr.json of the model's group in the store.
    """
    tables = read_classes(classes, sizes, {})
    return draw_outlier(model, tables, read_kernels(group, tables), n_samples, ruler)


@mpl.rc_context(style.RC)
def draw_outlier(
    model: str,
    classes: Mapping[int, ClassTable],
    kernels: Mapping[int, np.ndarray],
    n_samples: int,
    ruler: str = PAPER,
) -> Figure:
    """Percentages by layer, and samples of the outlier and its neighbours, by kernel size.

    Parameters
    ----------
    model : str
    classes : mapping
        From kernel size to that table of classes; none of them is empty.
    kernels : mapping
        From kernel size to kernels of shape (n, k, k), in the tables' order.
    n_samples : int
        Kernels of a layer, at most, drawn at random (seeded).
    ruler : str
        The one whose percentage is taken; the family's where there is no codebook.
    """
    if not classes:
        return no_kernels(model)
    by = {size: table.rulers(ruler)[0] for size, table in classes.items()}
    layers = {size: _percents(table, SHARE[by[size]]) for size, table in classes.items()}
    shown = {size: np.flatnonzero(rows.n_live >= MIN_KERNELS) for size, rows in layers.items()}
    outliers = {size: find_outlier(layers[size].percent[own]) for size, own in shown.items()}
    heights, room = [], 0.0  # for the layers' numbers below the panel above
    for outlier in outliers.values():
        heights.append((room + TITLE, BARS_INCHES))
        room = LAYERS
        if outlier:
            heights.append((room, 3 * PITCH_INCHES))
            room = 0.0
    width = LABEL_INCHES + max(TITLE_INCHES, PITCH_INCHES * n_samples) + MARGIN
    below = room or MARGIN
    figure, all_axes = new_column(model, width, heights, LABEL_INCHES, below=below)
    panels = iter(all_axes)
    generator = np.random.default_rng(SEED)
    for size, outlier in outliers.items():
        axes = next(panels)
        colour = style.RULER_COLOURS[by[size]]
        verdict = "no layer lies below both of its neighbours"
        if outlier:
            mark = MARKS[outlier.stands_out]
            trio = shown[size][outlier.place - 1 : outlier.place + 2]
            numbers, percents = layers[size].layer[trio], layers[size].percent[trio]
            axes.axvspan(trio[1] - 0.5, trio[1] + 0.5, color=mark, lw=0)
            verdict = _verdict(outlier, numbers[1])
        _draw_bars(axes, layers[size], colour)
        describe_axes(axes, IN_ORDER, f"{SHARE[by[size]]} (%)")
        axes.set_title(f"{size}x{size}: {verdict}")
        if outlier:
            places = _choose(classes[size], numbers, n_samples, generator)
            samples = [kernels[size][own] for own in places]
            names = [
                f"layer {layer}  {percent:.0f} %"
                for layer, percent in zip(numbers, percents, strict=True)
            ]
            draw_named_rows(next(panels), samples, names, [colour, mark, colour], n_samples)
    return figure


def _percents(table: ClassTable, share: str) -> Layers:
    layers, counts = table.count_layers()
    n_live = counts["n_kernels"] - counts["n_dead"]
    return Layers(layers, n_live, 100 * counts[f"n_{share}"] / np.maximum(n_live, 1))


def _choose(
    table: ClassTable, layers: Iterable[int], n_samples: int, generator: np.random.Generator
) -> list[np.ndarray]:
    """Choose the places of at most `n_samples` live kernels of each of these layers."""
    is_live = ~table.own.isin([DEAD])
    places = [np.flatnonzero(is_live & (table.layer == layer)) for layer in layers]
    return [choose_places(own, n_samples, generator) for own in places]


def _verdict(outlier: Outlier, layer: int) -> str:
    below = f"{outlier.drop:.1f} points below its neighbours"
    if outlier.stands_out:
        return f"layer {layer} stands out, {below}"
    return f"no layer stands out (layer {layer} comes closest, {below})"


def _draw_bars(axes: Axes, layers: Layers, colour: str) -> None:
    """One bar per layer, pale where there are too few kernels."""
    is_few = layers.n_live < MIN_KERNELS
    for which, fill in ((is_few, PALE), (~is_few, colour)):
        x = np.flatnonzero(which)
        draw_bars(axes, x, 0 * x, layers.percent[which], facecolor=fill, linewidth=0)
    name_layers(axes, layers.layer)
    name_percents(axes)
