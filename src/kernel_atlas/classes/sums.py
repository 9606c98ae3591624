"""Sums of kernels by class and, for second derivatives, by axis."""

import numpy as np

from kernel_atlas import sphere

# An axis with a smaller share of its class has no mean of its own.
MIN_AXIS_SHARE = 0.1


def find_axes(kernels: np.ndarray) -> np.ndarray:
    """The axis, x or y, along which each kernel of shape (k, k) varies more: shape (n,)."""
    along_x, along_y = (
        (np.diff(kernels.astype(np.float64), axis=axis) ** 2).sum(axis=(1, 2)) for axis in (2, 1)
    )
    return np.where(along_y > along_x, "y", "x")


class Sums:
    """Sums of directions by class and axis, over models.

    Attributes
    ----------
    totals : dict
        From class and axis to the sum of directions, shape (k*k - 1,).
    counts : dict
        From class and axis to the number of kernels.
    """

    def __init__(self) -> None:
        self.totals: dict[tuple[str, str], np.ndarray] = {}
        self.counts: dict[tuple[str, str], int] = {}

    def add(self, kernels: np.ndarray, label: str) -> None:
        """Add kernels of one class, shape (n, k, k), none of them dead."""
        directions = sphere.to_sphere(kernels)
        is_bar = "second_derivative" in label
        axes = find_axes(kernels) if is_bar else np.full(len(kernels), "")
        for axis in np.unique(axes).tolist():
            chosen = directions[axes == axis]
            self._add((label, axis), chosen.sum(axis=0, dtype=np.float64), len(chosen))

    def merge_axes(self) -> None:
        """Count the few second derivatives along one axis with the many along the other."""
        for label in {label for label, axis in self.totals if axis}:
            few, many = sorted(
                [(label, "x"), (label, "y")], key=lambda key: self.counts.get(key, 0)
            )
            n_few = self.counts.get(few, 0)
            if 0 < n_few < MIN_AXIS_SHARE * (n_few + self.counts[many]):
                self._add(many, self.totals.pop(few), self.counts.pop(few))

    def _add(self, key: tuple[str, str], total: np.ndarray, count: int) -> None:
        self.totals[key] = self.totals.get(key, 0) + total
        self.counts[key] = self.counts.get(key, 0) + count
