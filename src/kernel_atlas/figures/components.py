"""Training kernels on their first three principal components (paper, Figure 4)."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from kernel_atlas import sphere
from kernel_atlas.classes.rulers import PAPER
from kernel_atlas.family.names import DEAD, OTHER
from kernel_atlas.figures import style
from kernel_atlas.figures.mosaics import range_of
from kernel_atlas.figures.pool import read_pool

SEED = 0
MAX_KERNELS = 4000
N_COMPONENTS = 3
N_SECTORS = 14  # each has one sample kernel
FURTHER_IN = 0.5  # of the way from the middle to the edge
RING = 1.32  # distance of the sample kernels from the middle, in radii of the cloud
WIDTH = 0.36  # of a sample kernel, in the same unit


def plot_components(
    train_groups: Sequence[str | Path],
    train_classes: Sequence[str | Path],
    size: int,
    ruler: str,
) -> Figure:
    """Draw at most `MAX_KERNELS` live kernels of the train models, chosen at random (seeded)."""
    pool = read_pool(train_groups, train_classes, size, ruler)
    live = np.flatnonzero(~pool.labels.isin([DEAD]))
    if len(live) > MAX_KERNELS:
        live = np.random.default_rng(SEED).choice(live, MAX_KERNELS, replace=False)
    labels = pool.labels[live].to_series(pd.RangeIndex(len(live)))
    return draw_components(size, pool.read(live), labels, pool.ruler)


@mpl.rc_context(style.RC)
def draw_components(
    size: int, kernels: np.ndarray, labels: pd.Series, ruler: str = PAPER
) -> Figure:
    """Component 2 and component 3 over component 1, one dot per kernel in its class's colour.

    The components are those of the kernels as directions (`sphere.to_sphere`). Sample
    kernels around each panel, framed in the colours of their classes, are joined to their dots;
    they have a class if any kernel of their sector has one.

    Parameters
    ----------
    size : int
        Kernel size k.
    kernels : ndarray of shape (n, k, k)
        None of them dead.
    labels : Series
        The class of each, categorical.
    ruler : str
        The one that says what class a kernel has.
    """
    if len(kernels) <= N_COMPONENTS:
        return style.notice(f"{size}x{size}: too few live kernels to train on")
    points, percents = find_components(kernels)
    title = f"{size}x{size}: {len(kernels):,} kernels of the train models, by the {ruler}'s ruler"
    figure = style.new_figure(7.2, 4.3, title)
    names = [name for name in labels.cat.categories if (labels == name).any()]
    colours = np.array([style.colour_of(name, names) for name in labels])
    is_other = (labels == OTHER).to_numpy()
    order = np.argsort(~is_other, kind="stable")  # dots of a class lie above
    for axes, second in zip(figure.subplots(1, 2), (1, 2), strict=True):
        pair = points[:, [0, second]]
        axes.scatter(*pair[order].T, s=4, color=colours[order], linewidth=0, rasterized=True)
        for text, number in ((axes.set_xlabel, 0), (axes.set_ylabel, second)):
            text(f"component {number + 1} ({percents[number]:.1f} % of the variance)")
        _draw_samples(axes, pair, kernels, colours, is_other)
    handles = style.patches_of(names, names)
    for handle in handles:
        handle.set_hatch("")  # as dots have none
    figure.legend(handles=handles, loc="outside lower center", ncols=4, handlelength=1.2)
    return figure


def find_components(kernels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Project kernels of shape (n, k, k) on the principal components of their directions.

    Returns
    -------
    points : ndarray of shape (n, 3), float64
    percents : ndarray of shape (3,), float64
        Share of each component in the variance.
    """
    from sklearn.decomposition import PCA

    analysis = PCA(N_COMPONENTS, svd_solver="full")
    points = analysis.fit_transform(sphere.to_sphere(kernels).astype(float))
    return points, 100 * analysis.explained_variance_ratio_


def _draw_samples(
    axes: Axes,
    points: np.ndarray,
    kernels: np.ndarray,
    colours: np.ndarray,
    is_other: np.ndarray,
) -> None:
    """Draw one kernel per sector, taken alternately from the cloud's edge and from halfway in."""
    radii = np.hypot(*points.T)
    unit = radii.max()
    half = WIDTH / 2 * unit
    angles = np.arctan2(points[:, 1], points[:, 0]) % (2 * np.pi)
    sectors = (angles * N_SECTORS / (2 * np.pi)).astype(int) % N_SECTORS
    for sector in np.unique(sectors):
        angle = (sector + 0.5) * 2 * np.pi / N_SECTORS
        outward = np.array([np.cos(angle), np.sin(angle)])
        own = np.flatnonzero(sectors == sector)
        with_class = own[~is_other[own]]
        own = with_class if len(with_class) else own
        wanted = outward * radii[own].max() * (1 if sector % 2 else FURTHER_IN)
        place = own[np.hypot(*(points[own] - wanted).T).argmin()]
        x, y = RING * unit * outward
        ends = zip(points[place], (x, y), strict=True)
        axes.plot(*ends, color="0.2", lw=0.6, marker="o", ms=2.5, markevery=[0], zorder=3)
        extent = (x - half, x + half, y - half, y + half)
        low, high = range_of(kernels[place])
        image = axes.imshow(kernels[place], vmin=low, vmax=high, interpolation="nearest")
        image.set(extent=extent, zorder=4)
        frame = Rectangle((x - half, y - half), 2 * half, 2 * half, fill=False, zorder=5)
        frame.set(edgecolor=colours[place], linewidth=1.5)
        axes.add_patch(frame)
    end = (RING + WIDTH / 2 + 0.05) * unit
    axes.set(xlim=(-end, end), ylim=(-end, end), aspect="equal")
    axes.set(xticks=(-1, 0, 1), yticks=(-1, 0, 1))
