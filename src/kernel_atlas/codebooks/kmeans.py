"""k-means on min-max scaled kernels: the paper's method for 3x3 (Section 5, Appendix N)."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kernel_atlas.atomic import replacing
from kernel_atlas.codebooks.codebook import min_max_scale
from kernel_atlas.codebooks.training_set import read_training_set

logger = logging.getLogger(__name__)


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
        scale, the one with most kernels first; shape (0, k, k) if there are fewer
        kernels than centres.
    """
    kernels = read_training_set(paths_to_groups, size)
    centres = np.zeros((0, size, size), np.float32)
    if len(kernels) < n_centres:
        logger.warning(
            f"{size}x{size}: skipped, models with role 'train' have {len(kernels)} kernels of "
            f"this size for {n_centres} centres"
        )
    else:
        from sklearn.cluster import KMeans

        fit = KMeans(n_centres, n_init=10, random_state=seed).fit(min_max_scale(kernels))
        counts = np.bincount(fit.labels_, minlength=n_centres)
        order = np.argsort(-counts, kind="stable")
        centres = fit.cluster_centers_[order].reshape(-1, size, size).astype(np.float32)
        logger.info(f"kernels by centre: {counts[order].tolist()}")
    with replacing(path_to_codebook) as path:
        np.save(path, centres)
