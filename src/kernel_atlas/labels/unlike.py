"""Intervals whose kernels do not look like their class."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from kernel_atlas import sphere
from kernel_atlas.family.fit import fit_members
from kernel_atlas.family.sums import Sums, add, merge_axes, name_axes

# What a class's mean kernel and its nearest member must have in common, as a cosine.
MIN_CORRELATION = 0.9


def find_unlike(kernels: np.ndarray, intervals: np.ndarray, names: np.ndarray) -> set[int]:
    """Intervals to give up, so that the mean kernel of each class looks like its name.

    Of a class whose mean has a cosine below `MIN_CORRELATION` with its nearest member, those
    intervals go that are least like it, one by one.

    Parameters
    ----------
    kernels : ndarray of shape (n, k, k)
        Clustered kernels.
    intervals : ndarray of shape (n,), int
        The interval that each lies in.
    names : ndarray of str
        The class of each interval, one of the DoG family.
    """
    size = kernels.shape[-1]
    labels = names[intervals]
    angles = np.full(len(kernels), np.nan)
    is_bar = np.char.find(labels, "second_derivative") >= 0
    angles[is_bar] = fit_members(kernels[is_bar], labels[is_bar])["direction"]
    axes = name_axes(pd.Series(labels), pd.Series(angles))
    directions = sphere.to_sphere(kernels)
    given_up: set[int] = set()
    for label in np.unique(labels):
        own = np.unique(intervals[labels == label])
        sums = [directions[intervals == interval].sum(axis=0) for interval in own]
        likeness = dict(zip(own.tolist(), _correlate(sums, label, size), strict=True))
        while likeness:
            rows = np.isin(intervals, list(likeness))
            by_axis: Sums = {}
            add(by_axis, directions[rows], labels[rows], axes[rows])
            by_axis = merge_axes(by_axis)
            found = _correlate([total for total, _ in by_axis.values()], label, size)
            if found.min() >= MIN_CORRELATION:
                break
            axis = list(by_axis)[found.argmin()][1]
            at_fault = set(intervals[rows & (axes == axis)].tolist())
            worst = min(at_fault, key=likeness.__getitem__)
            given_up.add(worst)
            del likeness[worst]
    return given_up


def _correlate(sums: Sequence[np.ndarray], label: str, size: int) -> np.ndarray:
    """Cosines of kernels, given as directions of any length, with their nearest members."""
    kernels = sphere.from_sphere(np.array(sums), size)
    return 1 - fit_members(kernels, np.array([label] * len(kernels)))["residual"].to_numpy()
