"""Sums of kernels by class, and by axis for second derivatives."""

import numpy as np
import pandas as pd

# An axis with a smaller share of a class has no mean of its own.
MIN_AXIS_SHARE = 0.1


# By class and axis: the sum of directions, shape (k*k,), and their number.
Sums = dict[tuple[str, str], tuple[np.ndarray, int]]


def name_axes(members: pd.Series, degrees: pd.Series) -> np.ndarray:
    """The axis that a second derivative's direction is nearer to, empty for other members."""
    axes = np.where(degrees.between(45, 135), "y", "x")
    return np.where(members.str.contains("second_derivative"), axes, "")


def add(sums: Sums, directions: np.ndarray, labels: np.ndarray, axes: np.ndarray) -> None:
    for key in set(zip(labels.tolist(), axes.tolist(), strict=True)):
        chosen = directions[(labels == key[0]) & (axes == key[1])]
        total, count = sums.get(key, (0, 0))
        sums[key] = total + chosen.sum(axis=0, dtype=np.float64), count + len(chosen)


def merge_axes(sums: Sums) -> Sums:
    """Count the few second derivatives along one axis with the many along the other."""
    merged = dict(sums)
    for label in {label for label, axis in sums if axis}:
        few, many = sorted(("x", "y"), key=lambda axis: sums.get((label, axis), (0, 0))[1])
        if (label, few) not in sums:
            continue
        (total, count), (other, n_others) = sums[label, few], sums[label, many]
        if count < MIN_AXIS_SHARE * (count + n_others):
            merged[label, many] = total + other, count + n_others
            del merged[label, few]
    return merged
