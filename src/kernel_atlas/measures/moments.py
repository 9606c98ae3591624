"""Where kernels have their weight, and how their pixels vary together: first and second moments."""

from typing import NamedTuple

import numpy as np

from kernel_atlas import sphere
from kernel_atlas.family.functions import grid


class Moments(NamedTuple):
    """Offset from the middle and spread of n kernels, each of shape (n,), float64.

    Offsets are in pixels, x to the right and y down, spreads in squared pixels.
    """

    offset_x: np.ndarray
    offset_y: np.ndarray
    spread_x: np.ndarray
    spread_y: np.ndarray


def find_moments(kernels: np.ndarray, power: int = 1) -> Moments:
    """Offset and spread of abs(h)^power: the mean and the variance of a pixel's place.

    Each pixel is weighted by abs(h)^power. The variance is multiplied by `power`, so that a
    Gaussian's spread is sigma^2 in each direction. Along a Gaussian's first derivative it is
    (1 + power) sigma^2, across it sigma^2.

    Parameters
    ----------
    kernels : ndarray of shape (n, k, k)
        As the network applies them, not centred. None of them zero.
    power : int
        1, or 2 for the kernel's energy, on which a background of noise has less influence.
    """
    x, y = grid(kernels.shape[-1])
    places = np.column_stack([axis.ravel() for axis in (x, y, x**2, y**2)])
    pixels = sphere.flatten(kernels)
    weights = np.abs(pixels) if power == 1 else np.abs(pixels) ** power
    sums = weights @ places
    mean_x, mean_y, square_x, square_y = (sums / weights.sum(axis=1, keepdims=True)).T
    spreads = (power * (square_x - mean_x**2), power * (square_y - mean_y**2))
    return Moments(mean_x, mean_y, *spreads)


def second_moment(directions: np.ndarray) -> np.ndarray:
    """The mean E[d d'] of directions d of live kernels: how their pixels vary together.

    After A. Trockman, D. Willmott and J. Z. Kolter (arXiv:2210.03651), who compare covariances
    of filters.

    Parameters
    ----------
    directions : ndarray of shape (n, k k - 1)
        From `sphere.to_sphere`; at least one.

    Returns
    -------
    ndarray of shape (k k - 1, k k - 1), float64
        In the basis of `sphere.hyperplane_basis`. Its trace is 1.
    """
    directions = directions.astype(np.float64)
    return directions.T @ directions / len(directions)


def similarity(first: np.ndarray, second: np.ndarray) -> float:
    """The cosine of two matrices of `second_moment`: tr(A B) over their norms, 0 to 1."""
    norms = np.linalg.norm(first) * np.linalg.norm(second)
    return float((first * second).sum(dtype=np.float64) / norms)


def isotropy(moment: np.ndarray) -> float:
    """The `similarity` of a matrix of `second_moment` with that of all directions alike."""
    return similarity(moment, np.eye(len(moment)))
