"""Kernels as directions: centred, of unit length, in a basis of the hyperplane 1'r = 0.

Paper, Section 4.1. A k x k kernel becomes a point on the unit sphere in k*k - 1
dimensions, where the dot product is the mean-centred cosine similarity.
"""

import numpy as np

# A pixel that departs from its kernel's mean by no more than this is level with it.
# Trained networks hold channels that weight decay has emptied: most of their kernels
# lie far below this, nearly all others far above (docs/method.md).
DEAD_TOLERANCE = 1e-6


def hyperplane_basis(size: int) -> np.ndarray:
    """An orthonormal basis of the kernels whose pixels sum to zero (Helmert's).

    Parameters
    ----------
    size : int
        Kernel size k.

    Returns
    -------
    ndarray of shape (k*k - 1, k*k), float64
        Orthonormal rows, each orthogonal to the constant kernel.
    """
    n_pixels = size * size
    rows = np.tri(n_pixels - 1, n_pixels) - np.eye(n_pixels - 1, n_pixels, 1) * np.arange(
        1, n_pixels
    ).reshape(-1, 1)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def flatten(kernels: np.ndarray) -> np.ndarray:
    """Kernels of shape (n, k, k) as float64 rows of k*k pixels; n may be 0."""
    n, height, width = kernels.shape
    return kernels.reshape(n, height * width).astype(np.float64)


def centre(kernels: np.ndarray) -> np.ndarray:
    """Kernels of shape (n, k, k), each less its mean."""
    return kernels - kernels.mean(axis=(1, 2), keepdims=True)


def find_dead(kernels: np.ndarray) -> np.ndarray:
    """Find the kernels without a direction: those that are constant or nearly zero.

    Parameters
    ----------
    kernels : ndarray of shape (n, k, k)

    Returns
    -------
    ndarray of shape (n,), bool
        True where no pixel departs from the kernel's mean by more than
        `DEAD_TOLERANCE`, or by more than float32 resolves.
    """
    rows = kernels.reshape(len(kernels), kernels.shape[1] * kernels.shape[2])
    eps = np.finfo(np.float32).eps
    # Some pixel departs from the mean by half of the range at least, so the pixels of a dead
    # kernel differ by twice the limit at most: two of them rule out nearly all kernels.
    one, other = rows[:, 0], rows[:, rows.shape[1] // 2]
    dead = np.abs(one - other) <= 2.01 * np.maximum(DEAD_TOLERANCE, eps * np.abs(one))
    pixels = rows[dead]
    low, high = pixels.min(axis=1), pixels.max(axis=1)
    mean = pixels.mean(axis=1, dtype=np.float64)
    limit = np.maximum(DEAD_TOLERANCE, eps * np.maximum(high, -low).astype(np.float64))
    dead[dead] = np.maximum(high - mean, mean - low) <= limit
    return dead


def to_sphere(kernels: np.ndarray) -> np.ndarray:
    """Centre kernels, divide by their norms, and express them in `hyperplane_basis`.

    Parameters
    ----------
    kernels : ndarray of shape (n, k, k)
        None of them dead.

    Returns
    -------
    ndarray of shape (n, k*k - 1), float32
        Rows of unit length.
    """
    size = kernels.shape[-1]
    # the basis is orthogonal to constants, so this centres too
    coordinates = flatten(kernels) @ hyperplane_basis(size).T
    coordinates /= np.linalg.norm(coordinates, axis=1, keepdims=True)
    return coordinates.astype(np.float32)


def from_sphere(coordinates: np.ndarray, size: int) -> np.ndarray:
    """Turn coordinates in `hyperplane_basis` into kernels that sum to zero.

    Parameters
    ----------
    coordinates : ndarray of shape (n, k*k - 1)
    size : int
        Kernel size k.

    Returns
    -------
    ndarray of shape (n, k, k), float32
        With the norms of the rows.
    """
    pixels = coordinates.astype(np.float64) @ hyperplane_basis(size)
    return pixels.reshape(-1, size, size).astype(np.float32)
