"""The codebook: the kernels that the codes stand for, and which of them is nearest.

A codebook is an array of shape (n, k, k); its row i is the code i / (n - 1). It
is the decoder at 10,000 even codes, or the centres of k-means.
"""

from pathlib import Path

import numpy as np

from kernel_atlas.sphere import to_sphere

N_CODES = 10_000  # paper, Section 4.2
N_SPECTRUM = 500  # paper, Section 4.2: what is drawn and labelled

# why a codebook has no rows
SKIPPED = "skipped, the models with role 'train' have too few live kernels of this size"

_BATCH = 4096


def codes_of(codebook: np.ndarray) -> np.ndarray:
    """The code of each row, shape (n,), float64 in [0, 1]."""
    return np.linspace(0, 1, len(codebook))


def nearest_codes(directions: np.ndarray, codebook: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The row of the codebook nearest in direction to each kernel.

    Parameters
    ----------
    directions : ndarray of shape (n, k*k - 1), float32
        Unit vectors (`sphere.to_sphere`).
    codebook : ndarray of shape (m, k, k)

    Returns
    -------
    rows : ndarray of shape (n,), int64
    dissimilarity : ndarray of shape (n,), float32
        1 - cosine of the mean-centred kernels, 0 to 2 (Section 4.2).
    """
    book = to_sphere(codebook)
    rows = np.empty(len(directions), np.int64)
    for start in range(0, len(directions), _BATCH):
        batch = slice(start, start + _BATCH)
        rows[batch] = (directions[batch] @ book.T).argmax(axis=1)
    return rows, dissimilarity(directions, book[rows])


def dissimilarity(directions: np.ndarray, others: np.ndarray) -> np.ndarray:
    """1 - cosine of unit vectors, row by row: shape (n,), float32, 0 to 2."""
    return np.clip(1 - np.einsum("ij,ij->i", directions, others), 0, 2).astype(np.float32)


def read_codebook(path: str | Path) -> np.ndarray:
    """Read a codebook, float32 of shape (n, k, k); n is 0 where the size was skipped."""
    return np.load(path)
