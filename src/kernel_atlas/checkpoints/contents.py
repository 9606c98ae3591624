"""What the values of kernels tell: filters that were never trained, and layers that are equal."""

import hashlib

import numpy as np

MAX_FILTERS = 16  # the largest handful of fixed filters
TOLERANCE = 1e-4  # between directions of unit norm


def count_filters(kernels: np.ndarray) -> int | None:
    """The number of distinct filters of a layer that was never trained; None if it was trained.

    Such a layer repeats a handful of filters, each at least twice, whatever their gain:
    blurs, wavelets, zeros. No two kernels of a trained layer are alike, unless they are dead.

    Parameters
    ----------
    kernels : ndarray of shape (n, k, k)
    """
    flat = kernels.reshape(len(kernels), -1).astype(np.float64)
    if not np.isfinite(flat).all():
        return None
    norm = np.linalg.norm(flat, axis=1, keepdims=True)
    left = np.divide(flat, norm, out=np.zeros_like(flat), where=norm > 0)
    for n_filters in range(1, MAX_FILTERS + 1):
        is_alike = np.abs(left - left[0]).max(axis=1) < TOLERANCE
        if is_alike.sum() < 2:
            return None
        left = left[~is_alike]
        if not len(left):
            return n_filters
    return None


def digest(kernels: np.ndarray) -> str:
    """Equal for layers with equal kernels."""
    values = np.ascontiguousarray(kernels.astype(np.float32) + 0.0)  # -0 is 0
    return f"{values.shape} {hashlib.sha256(values.tobytes()).hexdigest()}"
