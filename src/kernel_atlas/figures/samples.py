"""Random kernels of each class of one model (paper, Figures 5 and 6)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from kernel_atlas.classes.rulers import PAPER, class_by, rulers_of
from kernel_atlas.extraction import store
from kernel_atlas.family.names import DEAD
from kernel_atlas.figures import style
from kernel_atlas.figures.model import no_kernels, read_classes

SEED = 0


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
    kernels = {size: store.read_kernels(Path(group).parent, size).kernels for size in tables}
    return draw_samples(model, tables, kernels, n_samples, ruler)


@mpl.rc_context(style.RC)
def draw_samples(
    model: str,
    classes: Mapping[int, pd.DataFrame],
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
    by = {size: rulers_of(table, ruler)[0] for size, table in classes.items()}
    labels = {size: class_by(table, by[size]) for size, table in classes.items()}
    shares = {size: _shares(label) for size, label in labels.items()}
    n_rows = {size: max(1, len(share)) for size, share in shares.items()}
    inches = 0.27
    figure = style.new_figure(
        2.3 + inches * n_samples,
        0.3 + sum(inches * 1.12 * rows + 0.35 for rows in n_rows.values()),
        model,
    )
    ratios = [n + 1.2 for n in n_rows.values()]
    panels = figure.subplots(len(classes), squeeze=False, height_ratios=ratios)[:, 0]
    generator = np.random.default_rng(SEED)
    for axes, size in zip(panels, classes, strict=True):
        axes.set_title(f"{size}x{size}, by the {by[size]}'s ruler", pad=4)
        axes.axis("off")
        rows = []
        for label in shares[size]:
            places = np.flatnonzero(labels[size] == label)
            chosen = generator.choice(places, min(n_samples, len(places)), replace=False)
            row = np.full((n_samples, size, size), np.nan, np.float32)
            row[: len(chosen)] = kernels[size][chosen]
            rows.append(row)
        if rows:
            style.draw_kernels(axes, np.concatenate(rows), n_samples)
            _name_rows(axes, size, shares[size], list(labels[size].cat.categories))
    return figure


def _shares(labels: pd.Series) -> dict[str, float]:
    """The percentage of each class that the model has, without the dead."""
    percents = 100 * labels.value_counts(normalize=True)
    names = [name for name in labels.cat.categories if name != DEAD]
    return {name: percents[name] for name in names if percents[name] > 0}


def _name_rows(axes: Axes, size: int, shares: Mapping[str, float], labels: Sequence[str]) -> None:
    pitch = size + 1
    for number, (name, share) in enumerate(shares.items()):
        corner, colour = (-pitch * 0.6, number * pitch), style.colour_of(name, labels)
        axes.add_patch(Rectangle(corner, size * 0.35, size, clip_on=False, facecolor=colour))
        text = f"{style.title_of(name)}  {share:.1f} %"
        middle = number * pitch + size / 2
        axes.text(-pitch * 0.8, middle, text, ha="right", va="center", fontsize=7)
