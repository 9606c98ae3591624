"""The kernels that clusters are fitted to: those of the models with role `train`."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kernel_atlas.atomic import replacing
from kernel_atlas.errors import AtlasError
from kernel_atlas.extraction import store
from kernel_atlas.sphere import find_dead

logger = logging.getLogger(__name__)

# enough for baselines, labels and the comparison of seeds
MAX_SAMPLE = 50_000
SEED = 0


def read_training_set(paths_to_groups: Sequence[str | Path], size: int) -> np.ndarray:
    """All live kernels of one size of the train models, whatever the order of the sheet.

    Returns
    -------
    ndarray of shape (n, k, k), float32
        Models in the order of their ids; n may be 0.
    """
    parts = [np.zeros((0, size, size), np.float32)]
    for path in sorted(map(Path, paths_to_groups), key=lambda path: path.name):
        kernels = store.read_kernels(path, size).kernels
        live = kernels[~find_dead(kernels)]
        logger.info(
            "%s: %d kernels of %dx%d, %d live", path.name, len(kernels), size, size, len(live)
        )
        parts.append(live)
    return np.concatenate(parts)


def sample_training_set(paths_to_groups: Sequence[str | Path], size: int) -> np.ndarray:
    """At most `MAX_SAMPLE` of `read_training_set`, drawn at random: the same ones every time."""
    kernels = read_training_set(paths_to_groups, size)
    if len(kernels) <= MAX_SAMPLE:
        return kernels
    return np.random.default_rng(SEED).choice(kernels, MAX_SAMPLE, replace=False)


def list_training_set(
    paths_to_groups: Sequence[str | Path], sizes: Sequence[int], path_to_table: str | Path
) -> None:
    """Write what each train model contributes: model, kernel_size, n_kernels, n_dead.

    Raises
    ------
    AtlasError
        If a model has no kernels of any of the sizes: its role must be a mistake.
    """
    lines = ["model\tkernel_size\tn_kernels\tn_dead\n"]
    for path in sorted(map(Path, paths_to_groups), key=lambda path: path.name):
        counts = []
        for size in sizes:
            kernels = store.read_kernels(path, size).kernels
            counts.append(len(kernels))
            n_dead = int(find_dead(kernels).sum())
            lines.append(f"{path.name}\t{size}\t{len(kernels)}\t{n_dead}\n")
        if not any(counts):
            has = sorted({layer.kernel_size for layer in store.read_kernels(path, 3).layers})
            raise AtlasError(
                f"model sheet, model {path.name}, column role: 'train', but it has no kernels of "
                f"size {_list(sizes)}, only {_list(has)}; set its role to 'classify', or add the "
                "size to autoencoder.sizes in config.yaml"
            )
    with replacing(path_to_table) as path:
        path.write_text("".join(lines), encoding="utf-8")


def _list(sizes: Sequence[int]) -> str:
    return ", ".join(f"{size}x{size}" for size in sizes)
