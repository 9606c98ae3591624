"""Random kernels of each class of one model (paper, Figures 5 and 6)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from kernel_atlas.classes.rulers import PAPER
from kernel_atlas.classes.table import ClassTable, Labels
from kernel_atlas.family.names import DEAD
from kernel_atlas.figures import style
from kernel_atlas.figures.model import (
    MARGIN,
    TITLE,
    new_column,
    no_kernels,
    read_classes,
    read_kernels,
    room_for,
)
from kernel_atlas.figures.mosaics import draw_kernels
from kernel_atlas.figures.scales import Name

SEED = 0
LABEL_INCHES = 2.3  # the width of a row's name
TITLE_INCHES = 3.0  # the width of a panel, at least
PITCH_INCHES = 0.27  # from one kernel to the next


def plot_samples(
    group: str | Path,
    classes: Sequence[str | Path],
    model: str,
    sizes: Sequence[int],
    merge: Mapping[str, str],
    ruler: str,
    n_samples: int,
) -> Figure:
    """Read the tables of `read_classes` and the kernels, and draw `n_samples` of each class.

    Parameters
    ----------
    group : path
        The zarr.json of the model's group in the store.
    """
    tables = read_classes(classes, sizes, merge)
    return draw_samples(model, tables, read_kernels(group, tables), n_samples, ruler)


@mpl.rc_context(style.RC)
def draw_samples(
    model: str,
    classes: Mapping[int, ClassTable],
    kernels: Mapping[int, np.ndarray],
    n_samples: int,
    ruler: str = PAPER,
) -> Figure:
    """One row of kernels for each class that the model has, drawn at random (seeded).

    Parameters
    ----------
    model : str
    classes : mapping
        From kernel size to that table of classes; none of them is empty.
    kernels : mapping
        From kernel size to kernels of shape (n, k, k), in the tables' order.
    n_samples : int
        Kernels per class, at most.
    ruler : str
        The one that says what class a kernel has; the family's where there is no codebook.
    """
    if not classes:
        return no_kernels(model)
    by = {size: table.rulers(ruler)[0] for size, table in classes.items()}
    labels = {size: table.by(by[size]) for size, table in classes.items()}
    generator = np.random.default_rng(SEED)
    chosen = {size: choose_samples(labels[size], n_samples, generator) for size in classes}
    panels = [(TITLE, PITCH_INCHES * max(1, len(places))) for places in chosen.values()]
    names = [f"{style.title_of(name)}  00.0 %" for shown in chosen.values() for name in shown]
    left = room_for(names) + PITCH_INCHES
    width = left + max(TITLE_INCHES, PITCH_INCHES * n_samples) + MARGIN
    figure, all_axes = new_column(model, width, panels, left, below=MARGIN)
    for axes, size in zip(all_axes, classes, strict=True):
        axes.set_title(f"{size}x{size}, by the {by[size]}'s ruler", pad=4)
        samples = {name: kernels[size][places] for name, places in chosen[size].items()}
        draw_rows(axes, samples, labels[size], n_samples)
    return figure


def choose_samples(
    labels: Labels, n_samples: int, generator: np.random.Generator
) -> dict[str, np.ndarray]:
    """Choose the places of at most `n_samples` kernels of each class that there is but the dead."""
    places = {name: np.flatnonzero(labels.isin([name])) for name in labels.names}
    return {
        name: choose_places(own, n_samples, generator)
        for name, own in places.items()
        if len(own) and name != DEAD
    }


def choose_places(places: np.ndarray, n: int, generator: np.random.Generator) -> np.ndarray:
    """Choose `n` of these places, or all if there are fewer, in random order."""
    return generator.choice(places, min(n, len(places)), replace=False)


def draw_rows(
    axes: Axes, samples: Mapping[str, np.ndarray], labels: Labels, n_columns: int
) -> None:
    """Draw one row of kernels per class, with its name, colour and share of all kernels.

    Parameters
    ----------
    samples : mapping
        From class to at most `n_columns` kernels, shape (n, k, k).
    labels : Labels
        The class of each kernel that there is.
    """
    counts = labels.count()
    n = sum(counts.values())
    names = [f"{style.title_of(name)}  {100 * counts[name] / n:.1f} %" for name in samples]
    colours = [style.colour_of(name, labels.names) for name in samples]
    draw_named_rows(axes, list(samples.values()), names, colours, n_columns)


def draw_grid(axes: Axes, kernels: np.ndarray, n_columns: int, title: str, **font: Any) -> None:
    """Draw kernels in rows of `n_columns`, under a title, and nothing else."""
    draw_kernels(axes, kernels, n_columns)
    axes.set_title(title, **font)
    axes.set(xlim=(0, n_columns * (kernels.shape[-1] + 1) - 1), anchor="NW")
    axes.axis("off")


def draw_named_rows(
    axes: Axes,
    rows: Sequence[np.ndarray],
    names: Sequence[str],
    colours: Sequence[str],
    n_columns: int,
) -> None:
    """Draw one row of at most `n_columns` kernels, shape (n, k, k), per name and colour."""
    axes.axis("off")
    if not rows:
        return
    size = rows[0].shape[-1]
    canvas = np.full((len(rows), n_columns, size, size), np.nan, np.float32)
    for row, kernels in zip(canvas, rows, strict=True):
        row[: len(kernels)] = kernels
    draw_kernels(axes, canvas.reshape(-1, size, size), n_columns)
    axes.set_anchor("NW")
    pitch = size + 1
    look: Any = {"ha": "right", "va": "center", "fontsize": 7, "clip_on": False}
    for number, (name, colour) in enumerate(zip(names, colours, strict=True)):
        corner = (-pitch * 0.6, number * pitch)
        axes.add_artist(Rectangle(corner, size * 0.35, size, clip_on=False, facecolor=colour))
        middle = number * pitch + size / 2
        axes.add_artist(Name(-pitch * 0.8, middle, name, **look))
