"""Sums of kernels by class and, for second derivatives, by axis."""

import numpy as np

# An axis with a smaller share of its class has no mean of its own.
MIN_AXIS_SHARE = 0.1


def find_axes(kernels: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The axis, x or y, along which a kernel of shape (k, k) varies more.

    Empty for kernels whose class is not a second derivative.
    """
    along_x, along_y = (
        (np.diff(kernels.astype(np.float64), axis=axis) ** 2).sum(axis=(1, 2)) for axis in (2, 1)
    )
    is_bar = np.char.find(labels.astype(str), "second_derivative") >= 0
    return np.where(is_bar, np.where(along_y > along_x, "y", "x"), "")


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

    def add(self, directions: np.ndarray, labels: np.ndarray, axes: np.ndarray) -> None:
        """Add kernels, given as directions of shape (n, k*k - 1), with their classes and axes."""
        for key in sorted(set(zip(labels.tolist(), axes.tolist(), strict=True))):
            chosen = directions[(labels == key[0]) & (axes == key[1])]
            self._add(key, chosen.sum(axis=0, dtype=np.float64), len(chosen))

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
