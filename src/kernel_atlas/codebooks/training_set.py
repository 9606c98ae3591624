"""The training set: the kernels of the models with role `train`."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from kernel_atlas.atomic import write_table
from kernel_atlas.errors import AtlasError
from kernel_atlas.extraction import store
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
    n = sum(
        x.n_kernels for path in groups for x in store.read_layers(path) if x.kernel_size == size
    )
    found = np.empty((n, size, size), np.float32)  # filled as they come, to hold them only once
    n_live = 0
    with ThreadPoolExecutor(N_READERS) as pool:
        read = pool.map(partial(_read_live, size=size), groups)
        for path, (live, n_kernels) in zip(groups, read, strict=True):
            logger.info(f"{path.name}: {n_kernels} kernels of {size}x{size}, {len(live)} live")
            found[n_live : n_live + len(live)] = live
            n_live += len(live)
    return found[:n_live]


def _read_live(path: Path, size: int) -> tuple[np.ndarray, int]:
    """The live kernels of a model, and how many it has with the dead ones."""
    kernels = store.read_kernel_array(path, size)
    dead = find_dead(kernels)
    return kernels[~dead] if dead.any() else kernels, len(kernels)


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
    for path in _extracted(paths_to_groups):
        has = store.kernel_sizes(path)
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


def _extracted(paths_to_groups: Sequence[str | Path]) -> list[Path]:
    """The groups with kernels of any size, in the order of the models' ids."""
    groups = sorted(map(Path, paths_to_groups), key=lambda path: path.name)
    found = [path for path in groups if store.kernel_sizes(path)]
    if not found:
        raise AtlasError(
            "no model with role 'train' could be extracted, so nothing can be trained or "
            "classified; results/tables/failed.tsv lists the causes"
        )
    return found


def _list(sizes: Sequence[int]) -> str:
    return ", ".join(f"{size}x{size}" for size in sizes)
