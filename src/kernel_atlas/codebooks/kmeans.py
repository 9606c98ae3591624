"""k-means on min-max scaled kernels, the paper's road for 3x3 (Section 5, Appendix N)."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kernel_atlas.atomic import replacing
from kernel_atlas.codebooks.codebook import dissimilarity
from kernel_atlas.codebooks.training_set import read_training_set
from kernel_atlas.sphere import flatten, to_sphere

logger = logging.getLogger(__name__)


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


def cluster_kernels(
    paths_to_groups: Sequence[str | Path],
    size: int,
    n_centres: int,
    seed: int,
    path_to_codebook: str | Path,
) -> None:
    """Fit k-means to the live kernels of one size of the train models, and write its centres.

    Parameters
    ----------
    paths_to_groups : sequence of path
        The train models' groups in the store.
    size, n_centres, seed : int
    path_to_codebook : path
        Written: .npy, float32 of shape (n_centres, k, k), the centres in min-max
        scale, the one with most kernels first; shape (0, k, k) where there are
        not as many kernels as centres.
    """
    kernels = read_training_set(paths_to_groups, size)
    centres = np.zeros((0, size, size), np.float32)
    if len(kernels) < n_centres:
        logger.warning(
            "%dx%d: skipped, models with role 'train' have %d kernels of this size for %d centres",
            size, size, len(kernels), n_centres,
        )  # fmt: skip
    else:
        from sklearn.cluster import KMeans

        fit = KMeans(n_centres, n_init=10, random_state=seed).fit(min_max_scale(kernels))
        counts = np.bincount(fit.labels_, minlength=n_centres)
        order = np.argsort(-counts, kind="stable")
        centres = fit.cluster_centers_[order].reshape(-1, size, size).astype(np.float32)
        logger.info("kernels by centre: %s", counts[order].tolist())
    with replacing(path_to_codebook) as path:
        np.save(path, centres)


def nearest_centres(kernels: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The k-means centre that each kernel belongs to.

    Parameters
    ----------
    kernels : ndarray of shape (n, k, k)
        None of them dead.
    centres : ndarray of shape (m, k, k)
        In min-max scale.

    Returns
    -------
    rows : ndarray of shape (n,), int64
        Nearest by Euclidean distance between min-max scaled kernels.
    dissimilarity : ndarray of shape (n,), float32
        1 - cosine of the mean-centred kernel and centre, as for a codebook.
    """
    flat = flatten(centres)
    # |x - c|^2 without |x|^2, which is the same for all centres
    distance = (flat**2).sum(axis=1) - 2 * min_max_scale(kernels) @ flat.T
    rows = distance.argmin(axis=1)
    return rows, dissimilarity(to_sphere(kernels), to_sphere(centres)[rows])
