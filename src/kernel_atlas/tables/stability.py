"""The table of stability: whether the codebooks of other seeds give the same classes."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from kernel_atlas.atomic import write_table
from kernel_atlas.classes.classifier import Classifier, is_clustered
from kernel_atlas.codebooks.codebook import Codebook, read_codebook
from kernel_atlas.codebooks.training_set import sample_training_set
from kernel_atlas.labels.proposal import propose_labels
from kernel_atlas.labels.table import label_rows

COLUMNS = [
    "kernel_size",
    "seeds",
    "kept",
    "n_kernels",
    "n_clustered",
    "clustered_percent",
    "same_class_percent",
]


def compare_codebooks(
    codebooks: Mapping[str, np.ndarray], kernels: np.ndarray, threshold: float
) -> pd.DataFrame:
    """Classify the same kernels by each codebook, with labels of its own, and compare.

    Parameters
    ----------
    codebooks : mapping
        From seed to codebook, of shape (m, k, k).
    kernels : ndarray of shape (n, k, k)
        Live kernels that the codebooks were fitted to.
    threshold : float

    Returns
    -------
    DataFrame
        One row per seed, then one per pair of seeds: `seeds`, `n_kernels`, `n_clustered`
        and `clustered_percent` (of a pair: by both), `same_class_percent` (the share of
        these that both give the same class; NaN for one seed, or if there are none).
    """
    classes = {}
    for seed, array in codebooks.items():
        codebook = Codebook(array)
        labels = label_rows(propose_labels(codebook, kernels, threshold), codebook)
        classes[seed] = Classifier(codebook, labels, threshold).classify(kernels)["class"]
    rows = []
    for seeds in [*((seed,) for seed in classes), *combinations(classes, 2)]:
        by_all = np.logical_and.reduce([is_clustered(classes[seed]) for seed in seeds])
        same = (classes[seeds[0]] == classes[seeds[-1]])[by_all]
        rows.append(
            {
                "seeds": ", ".join(seeds),
                "n_kernels": len(kernels),
                "n_clustered": int(by_all.sum()),
                "clustered_percent": 100 * by_all.mean(),
                "same_class_percent": 100 * same.mean() if len(seeds) == 2 else float("nan"),
            }
        )
    return pd.DataFrame(rows)


def compare_seeds(
    paths_to_groups: Sequence[str | Path],
    paths_to_codebooks: Mapping[int, str | Path],
    paths_to_kept: Mapping[int, str | Path],
    thresholds: Mapping[int, float],
    path_to_stability: str | Path,
) -> None:
    """Write how far the seeds of each autoencoder agree (docs/results.md).

    Parameters
    ----------
    paths_to_groups : sequence of path
        The train models' groups in the store.
    paths_to_codebooks, paths_to_kept : mapping
        From kernel size to the codebooks of all seeds (.npz) and to the one in use.
    thresholds : mapping
        From kernel size to the threshold in force.
    path_to_stability : path
        Written: tab-separated.
    """
    tables = [pd.DataFrame(columns=COLUMNS)]
    for size, path_to_codebooks in paths_to_codebooks.items():
        with np.load(path_to_codebooks) as codebooks:
            if not codebooks.files:
                continue
            kernels = sample_training_set(paths_to_groups, size)
            table = compare_codebooks(codebooks, kernels, thresholds[size])
            kept = read_codebook(paths_to_kept[size]).kernels
            is_kept = [name for name in codebooks if np.array_equal(codebooks[name], kept)]
        tables.append(table.assign(kernel_size=size, kept=table["seeds"].isin(is_kept)))
    write_table(pd.concat(tables)[COLUMNS].infer_objects(), path_to_stability)
