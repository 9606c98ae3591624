"""Find the intervals whose kernels do not look like their class."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from kernel_atlas import sphere
from kernel_atlas.family.fit import fit_members
from kernel_atlas.family.sums import Sums, name_axes

# The least cosine between the mean kernel of a class and its nearest member.
MIN_CORRELATION = 0.9


def find_unlike(kernels: np.ndarray, intervals: np.ndarray, names: np.ndarray) -> set[int]:
    """Find intervals to drop, so that the mean kernel of each class looks like its name.

    While the mean of a class has a cosine below `MIN_CORRELATION` with its nearest member,
    the interval that is least like the class is dropped.

    Parameters
    ----------
    kernels : ndarray of shape (n, k, k)
        Clustered kernels.
    intervals : ndarray of shape (n,), int
        The interval of each kernel.
    names : ndarray of str
        The class of each interval, one of the DoG family.

    Returns
    -------
    set of int
        Intervals.
    """
    size = kernels.shape[-1]
    labels = names[intervals]
    angles = np.full(len(kernels), np.nan)
    is_bar = np.char.find(labels, "second_derivative") >= 0
    angles[is_bar] = fit_members(kernels[is_bar], labels[is_bar])["direction"]
    axes = name_axes(pd.Series(labels), pd.Series(angles))
    directions = sphere.to_sphere(kernels)
    dropped: set[int] = set()
    for label in np.unique(labels):
        own = np.unique(intervals[labels == label])
        sums = [directions[intervals == interval].sum(axis=0) for interval in own]
        likeness = dict(zip(own.tolist(), _correlate(sums, label, size), strict=True))
        while likeness:
            rows = np.isin(intervals, list(likeness))
            by_axis = Sums()
            by_axis.add(directions[rows], labels[rows], axes[rows])
            by_axis.merge_axes()
            found = _correlate(list(by_axis.totals.values()), label, size)
            if found.min() >= MIN_CORRELATION:
                break
            axis = list(by_axis.totals)[found.argmin()][1]
            at_fault = set(intervals[rows & (axes == axis)].tolist())
            worst = min(at_fault, key=likeness.__getitem__)
            dropped.add(worst)
            del likeness[worst]
    return dropped


def _correlate(sums: Sequence[np.ndarray], label: str, size: int) -> np.ndarray:
    """Cosines of kernels, given as directions of any length, with their nearest members."""
    kernels = sphere.from_sphere(np.array(sums), size)
    return 1 - fit_members(kernels, np.array([label] * len(kernels)))["residual"].to_numpy()
