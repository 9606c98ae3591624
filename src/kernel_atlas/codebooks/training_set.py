"""The training set: the kernels of the models with role `train`."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from kernel_atlas.atomic import write_table
from kernel_atlas.errors import AtlasError
from kernel_atlas.extraction import store
from kernel_atlas.extraction.kernels import LayerInfo
from kernel_atlas.sphere import find_dead

logger = logging.getLogger(__name__)

# enough for baselines, labels and the comparison of seeds
MAX_SAMPLE = 50_000
SEED = 0
N_READERS = 4  # models read at the same time


def read_training_set(paths_to_groups: Sequence[str | Path], size: int) -> np.ndarray:
    """Read all live kernels of one size of the train models.

    Returns
    -------
    ndarray of shape (n, k, k), float32
        In the order of the models' ids, whatever the order of the sheet; n may be 0.

    Raises
    ------
    AtlasError
        If no train model could be extracted.
    """
    groups = _extracted(paths_to_groups)
    counts = [
        sum(x.n_kernels for x in layers if x.kernel_size == size) for layers in groups.values()
    ]
    kernels = np.empty((sum(counts), size, size), np.float32)
    parts = np.split(kernels, np.cumsum(counts)[:-1])  # views, to hold all kernels only once
    with ThreadPoolExecutor(N_READERS) as pool:
        dead = list(pool.map(partial(_read_and_find_dead, size=size), groups, parts))
    for path, each in zip(groups, dead, strict=True):
        n_live = len(each) - each.sum()
        logger.info(f"{path.name}: {len(each)} kernels of {size}x{size}, {n_live} live")
    return _close_gaps(kernels, np.concatenate(dead))


def _read_and_find_dead(path: Path, out: np.ndarray, size: int) -> np.ndarray:
    return find_dead(store.read_kernel_array(path, size, out))


def _close_gaps(kernels: np.ndarray, dead: np.ndarray) -> np.ndarray:
    """Move the live kernels together, in their order and without a copy of all."""
    n_pixels = kernels.shape[1] * kernels.shape[2]
    flat = kernels.reshape(-1)  # in one dimension numpy moves values within an array
    edges = [*(n_pixels * np.flatnonzero(dead)), len(flat)]
    end = edges[0]
    for before, after in pairwise(edges):
        part = flat[before + n_pixels : after]
        flat[end : end + len(part)] = part
        end += len(part)
    return kernels[: end // n_pixels]


def sample_training_set(paths_to_groups: Sequence[str | Path], size: int) -> np.ndarray:
    """At most `MAX_SAMPLE` of `read_training_set`, drawn at random: the same ones every time."""
    kernels = read_training_set(paths_to_groups, size)
    if len(kernels) <= MAX_SAMPLE:
        return kernels
    return np.random.default_rng(SEED).choice(kernels, MAX_SAMPLE, replace=False)


def list_training_set(
    paths_to_groups: Sequence[str | Path], sizes: Sequence[int], path_to_table: str | Path
) -> None:
    """Write how many kernels each train model contributes: one row per model and size.

    Models that could not be extracted are left out.

    Raises
    ------
    AtlasError
        If a model has no kernels of any of the sizes (its role must be a mistake), or if
        no train model could be extracted.
    """
    rows = []
    for path, layers in _extracted(paths_to_groups).items():
        has = sorted({layer.kernel_size for layer in layers})
        if sizes and not set(has) & set(sizes):
            raise AtlasError(
                f"model sheet, model {path.name}, column role: 'train', but it has no kernels of "
                f"size {_list(sizes)}, only {_list(has)}; set its role to 'classify', or add the "
                "size to autoencoder.sizes in config.yaml"
            )
        for size in sizes:
            kernels = store.read_kernel_array(path, size)
            rows.append((path.name, size, len(kernels), int(find_dead(kernels).sum())))
    columns = ["model", "kernel_size", "n_kernels", "n_dead"]
    write_table(pd.DataFrame(rows, columns=columns), path_to_table)


def _extracted(paths_to_groups: Sequence[str | Path]) -> dict[Path, list[LayerInfo]]:
    """The layer tables of the groups with kernels of any size, in the order of the models' ids."""
    groups = sorted(map(Path, paths_to_groups), key=lambda path: path.name)
    found = {path: layers for path in groups if (layers := store.read_layers(path))}
    if not found:
        raise AtlasError(
            "no model with role 'train' could be extracted, so nothing can be trained or "
            "classified; results/tables/failed.tsv lists the causes"
        )
    return found


def _list(sizes: Sequence[int]) -> str:
    return ", ".join(f"{size}x{size}" for size in sizes)
