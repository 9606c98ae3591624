"""What the values of kernels tell: filters that were never trained, and layers that are equal."""

import hashlib

import numpy as np

MAX_FILTERS = 16  # the largest handful of fixed filters
TOLERANCE = 1e-4  # between directions of unit norm
MAX_WHOLE = 12  # the largest whole number in a published high-pass filter


def count_filters(kernels: np.ndarray) -> int | None:
    """The number of distinct filters of a layer that was never trained; None if it was trained.

    Such a layer repeats a handful of filters, each at least twice, whatever their gain:
    blurs, wavelets, zeros. No two kernels of a trained layer are alike, unless they are dead.

    Parameters
    ----------
    kernels : ndarray of shape (n, k, k)
    """
    left = _directions(kernels)
    for n_filters in range(1, MAX_FILTERS + 1):
        is_alike = np.abs(left - left[0]).max(axis=1) < TOLERANCE
        if is_alike.sum() < 2:
            return None
        left = left[~is_alike]
        if not len(left):
            return n_filters
    return None


def are_designed(kernels: np.ndarray) -> bool:
    """Whether all kernels have a form that training does not give to any.

    They are their own mirror images through the centre, perhaps with the other sign
    (Gaussians, their derivatives and differences, Gabor, Sobel, Haar), or they consist of
    small whole numbers (high-pass filters of forensics). Dead kernels, and kernels of which
    pruning has left one number, tell nothing.

    Parameters
    ----------
    kernels : ndarray of shape (n, k, k)
    """
    flat = _directions(kernels)
    flat = flat[(np.abs(flat) > TOLERANCE).sum(axis=1) > 1]
    if not len(flat):
        return False
    mirrored = flat[:, ::-1]
    is_designed = np.abs(flat - mirrored).max(axis=1) < TOLERANCE
    is_designed |= np.abs(flat + mirrored).max(axis=1) < TOLERANCE
    largest = np.abs(flat).max(axis=1, keepdims=True)
    for whole in range(1, MAX_WHOLE + 1):
        scaled = flat / largest * whole
        is_designed |= np.abs(scaled - scaled.round()).max(axis=1) < TOLERANCE * whole
    return bool(is_designed.all())


def _directions(kernels: np.ndarray) -> np.ndarray:
    """Kernels of norm 1, or 0, of shape (n, k k); those that are not finite have no number."""
    flat = kernels.reshape(len(kernels), -1).astype(np.float64)
    with np.errstate(invalid="ignore"):
        norm = np.linalg.norm(flat, axis=1, keepdims=True)
        return np.divide(flat, norm, out=np.zeros_like(flat), where=norm != 0)


def digest(kernels: np.ndarray) -> str:
    """Equal for layers with equal kernels."""
    values = np.ascontiguousarray(kernels.astype(np.float32) + 0.0)  # -0 is 0
    return f"{values.shape} {hashlib.sha256(values.tobytes()).hexdigest()}"
