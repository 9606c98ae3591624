"""The codebook: the kernels that codes stand for, and which of them is nearest to a kernel."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np

from kernel_atlas.codebooks.segments import Segments
from kernel_atlas.sphere import flatten, to_sphere
from kernel_atlas.threads import one_blas_thread

N_CODES = 10_000  # paper, Section 4.2
N_SPECTRUM = 500  # paper, Section 4.2: what is drawn and labelled

# why a codebook has no rows
SKIPPED = "skipped, the models with role 'train' have too few live kernels of this size"

_BATCH = 16_384  # kernels at once


@dataclass(frozen=True)
class Codebook:
    """The decoder at even codes: neighbouring rows are alike.

    Attributes
    ----------
    kernels : ndarray of shape (n, k, k)
        Row i stands for the code i / (n - 1). n is 0 where the size was skipped.
    is_ordered : bool
        Whether neighbouring rows are alike.
    """

    kernels: np.ndarray
    is_ordered: ClassVar[bool] = True

    def __len__(self) -> int:
        return len(self.kernels)

    @property
    def codes(self) -> np.ndarray:
        """The code of each row, shape (n,), float64 in [0, 1]."""
        return np.linspace(0, 1, len(self))

    @property
    def spectrum_rows(self) -> np.ndarray:
        """The rows that make up the spectrum, evenly spaced: at most `N_SPECTRUM`, int64."""
        n_rows = min(len(self), N_SPECTRUM)
        return np.linspace(0, len(self) - 1, n_rows).round().astype(int)

    def nearest(self, kernels: np.ndarray, threads: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Find the row that is nearest to each kernel.

        Parameters
        ----------
        kernels : ndarray of shape (m, k, k)
            None of them dead.
        threads : int
            How many work at the same time. They do not change the result.

        Returns
        -------
        rows : ndarray of shape (m,), int64
        dissimilarity : ndarray of shape (m,), float32
            1 - cosine of the mean-centred kernels, 0 to 2 (Section 4.2).
        """
        # whatever the threads, since the last digits depend on the batches
        batches = np.array_split(kernels, max(1, -(-len(kernels) // _BATCH)))
        # the threads that BLAS would start stand in the way of these
        with one_blas_thread(), ThreadPoolExecutor(threads) as pool:
            parts = list(pool.map(self._nearest, batches))
        rows, dissimilarity = (np.concatenate(part) for part in zip(*parts, strict=True))
        return rows, dissimilarity

    def _nearest(self, kernels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        directions = to_sphere(kernels)
        rows = self._nearest_rows(kernels, directions)
        cosine = np.einsum("ij,ij->i", directions, self._directions[rows])
        return rows, np.clip(1 - cosine, 0, 2).astype(np.float32)

    def _nearest_rows(self, kernels: np.ndarray, directions: np.ndarray) -> np.ndarray:
        return self._segments.nearest_rows(directions)

    @cached_property
    def _segments(self) -> Segments:
        return Segments(self._directions)

    @cached_property
    def _directions(self) -> np.ndarray:
        return to_sphere(self.kernels)


class Centres(Codebook):
    """The centres of k-means in min-max scale: neighbouring rows have nothing in common.

    The nearest row is the centre that a kernel belongs to, by Euclidean distance
    between min-max scaled kernels.
    """

    is_ordered = False

    def _nearest_rows(self, kernels: np.ndarray, directions: np.ndarray) -> np.ndarray:
        centres = flatten(self.kernels)
        # |x - c|^2 without |x|^2, which is the same for all centres
        distance = (centres**2).sum(axis=1) - 2 * min_max_scale(kernels) @ centres.T
        return distance.argmin(axis=1)


def min_max_scale(kernels: np.ndarray) -> np.ndarray:
    """Scale each kernel's pixels to [0, 1].

    Parameters
    ----------
    kernels : ndarray of shape (n, k, k)
        None of them dead.

    Returns
    -------
    ndarray of shape (n, k*k), float64
    """
    pixels = flatten(kernels)
    low = pixels.min(axis=1, keepdims=True)
    return (pixels - low) / (pixels.max(axis=1, keepdims=True) - low)


def read_codebook(path: str | Path) -> Codebook:
    """Read a codebook of a run.

    Parameters
    ----------
    path : path
        ``.../autoencoder/k<size>/codebook.npy`` or ``.../kmeans/k<size>/codebook.npy``:
        the folder tells a decoder from k-means.
    """
    made_by = Centres if Path(path).absolute().parent.parent.name == "kmeans" else Codebook
    return made_by(np.load(path))
