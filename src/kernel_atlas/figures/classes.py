"""Random kernels of each class from all models (paper, Figures 5, 6, 9 and 17)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from kernel_atlas.classes.rulers import PAPER
from kernel_atlas.classes.table import Labels
from kernel_atlas.family.names import DEAD
from kernel_atlas.figures import style
from kernel_atlas.figures.pool import read_pool
from kernel_atlas.figures.samples import (
    LABEL_INCHES,
    PITCH_INCHES,
    SEED,
    choose_samples,
    draw_rows,
)


def plot_classes(
    groups: Sequence[str | Path],
    size_classes: Sequence[str | Path],
    size: int,
    ruler: str,
    n_samples: int,
) -> Figure:
    """Choose `n_samples` kernels of each class at random (seeded), and read and draw them.

    Parameters
    ----------
    groups, size_classes : sequence of path
        The zarr.json of each model's group in the store, and the tables of classes of this
        size, in the same order.
    """
    pool = read_pool(groups, size_classes, size, ruler)
    chosen = choose_samples(pool.labels, n_samples, np.random.default_rng(SEED))
    samples = dict(zip(chosen, pool.read_each(chosen.values()), strict=True))
    return draw_classes(size, samples, pool.labels, n_samples, pool.ruler)


@mpl.rc_context(style.RC)
def draw_classes(
    size: int,
    samples: Mapping[str, np.ndarray],
    labels: Labels,
    n_samples: int,
    ruler: str = PAPER,
) -> Figure:
    """One row of kernels for each class that any model has.

    Parameters
    ----------
    size : int
        Kernel size k.
    samples : mapping
        From class to at most `n_samples` kernels, shape (n, k, k).
    labels : Labels
        The class of each kernel of all models.
    n_samples : int
    ruler : str
        The one that says what class a kernel has.
    """
    if not samples:
        return style.notice(f"{size}x{size}: no model has live kernels of this size")
    n_live = (~labels.isin([DEAD])).sum()
    title = (
        f"{size}x{size}: samples of {n_live:,} live kernels of all models, by the {ruler}'s ruler"
    )
    width = LABEL_INCHES + PITCH_INCHES * n_samples
    figure = style.new_figure(width, 0.4 + PITCH_INCHES * 1.12 * len(samples), title)
    draw_rows(figure.subplots(), samples, labels, n_samples)
    return figure
