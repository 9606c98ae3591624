"""Simpler methods to compare the codebook with: k-means on the sphere, and the template bank."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kernel_atlas import sphere
from kernel_atlas.atomic import replacing
from kernel_atlas.codebooks.training_set import SEED, sample_training_set
from kernel_atlas.family.templates import make_templates

N_CENTRES = (10, 50, 200)  # one k-means for each


def fit_baselines(
    paths_to_groups: Sequence[str | Path], size: int, path_to_baselines: str | Path
) -> None:
    """Fit k-means on the sphere to the train models' kernels, and write it with the templates.

    Parameters
    ----------
    paths_to_groups : sequence of path
        The train models' groups in the store.
    size : int
        Kernel size k.
    path_to_baselines : path
        Written: .npz, one array of shape (m, k, k) for each baseline. A k-means with
        more centres than there are kernels is left out.
    """
    from sklearn.cluster import KMeans

    kernels = sample_training_set(paths_to_groups, size)
    banks = {"templates": np.array([kernel for _, kernel in make_templates(size)])}
    for n_centres in N_CENTRES:
        if len(kernels) >= n_centres:
            fit = KMeans(n_centres, n_init=1, random_state=SEED).fit(sphere.to_sphere(kernels))
            banks[f"kmeans_{n_centres}"] = sphere.from_sphere(fit.cluster_centers_, size)
    with replacing(path_to_baselines) as path:
        np.savez(path, **banks)  # type: ignore[arg-type]
