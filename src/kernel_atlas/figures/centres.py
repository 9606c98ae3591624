"""The centres of k-means, with random kernels that belong to each (paper, Appendix N)."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from kernel_atlas import sphere
from kernel_atlas.classes.reading import read_classes
from kernel_atlas.classes.rulers import PAPER
from kernel_atlas.codebooks.codebook import SKIPPED, read_codebook
from kernel_atlas.family.names import order_classes
from kernel_atlas.figures import style
from kernel_atlas.figures.pool import read_pool
from kernel_atlas.figures.samples import (
    LABEL_INCHES,
    PITCH_INCHES,
    SEED,
    choose_places,
    draw_named_rows,
)
from kernel_atlas.labels.table import label_rows, read_labels


def plot_centres(
    groups: Sequence[str | Path],
    size_classes: Sequence[str | Path],
    codebook: str | Path,
    labels: str | Path,
    size: int,
    n_samples: int,
) -> Figure:
    """Choose `n_samples` kernels of each centre at random (seeded), and read and draw them.

    Parameters
    ----------
    groups, size_classes : sequence of path
        The zarr.json of each model's group in the store, and the tables of classes of this
        size, in the same order.
    codebook, labels : path
        Of this size.
    """
    centres = read_codebook(codebook)
    codes = [read_classes(path, ["code"])["code"] for path in size_classes]
    # dead kernels have no code
    rows = (pd.concat(codes) * (len(centres) - 1)).round().fillna(-1).to_numpy(int)
    pool = read_pool(groups, size_classes, size, PAPER)
    generator = np.random.default_rng(SEED)
    chosen = [
        choose_places(np.flatnonzero(rows == row), n_samples, generator)
        for row in range(len(centres))
    ]
    counts = np.bincount(rows[rows >= 0], minlength=len(centres))
    classes = label_rows(read_labels(labels), centres)
    samples = pool.read_each(chosen)
    return draw_centres(size, centres.kernels, list(classes), samples, counts, n_samples)


@mpl.rc_context(style.RC)
def draw_centres(
    size: int,
    centres: np.ndarray,
    classes: Sequence[str],
    samples: Sequence[np.ndarray],
    counts: np.ndarray,
    n_samples: int,
) -> Figure:
    """One row per centre: its class and share, the centre, and kernels that belong to it.

    Parameters
    ----------
    size : int
        Kernel size k.
    centres : ndarray of shape (n, k, k)
    classes : sequence of str
        Of each centre.
    samples : sequence of ndarray
        For each centre, at most `n_samples` kernels, shape (m, k, k).
    counts : ndarray of shape (n,), int
        How many live kernels belong to each centre.
    n_samples : int
    """
    if not len(centres):
        return style.notice(f"{size}x{size}: {SKIPPED}")
    title = f"{size}x{size}: centres of k-means (left) and samples of {counts.sum():,} live kernels"
    n_columns = n_samples + 2
    width = LABEL_INCHES + PITCH_INCHES * n_columns
    figure = style.new_figure(width, 0.4 + PITCH_INCHES * 1.12 * len(centres), title)
    gap = np.full((1, size, size), np.nan)
    rows = [
        np.concatenate([sphere.centre(centre[None]), gap, sphere.centre(own)])
        for centre, own in zip(centres, samples, strict=True)
    ]
    percents = 100 * counts / max(1, counts.sum())
    names = [
        f"{number}: {style.title_of(name)}  {percent:.1f} %"
        for number, (name, percent) in enumerate(zip(classes, percents, strict=True), 1)
    ]
    colours = [style.colour_of(name, order_classes({*classes})) for name in classes]
    draw_named_rows(figure.subplots(), rows, names, colours, n_columns)
    return figure
