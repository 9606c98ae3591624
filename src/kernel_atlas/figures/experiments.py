"""Figures of the experiments (paper, Figures 18 and 21 to 26), from the files of a run."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from kernel_atlas.extraction import store
from kernel_atlas.figures import experiment_curves, experiment_kernels, experiment_layers
from kernel_atlas.figures.proportions import COLUMNS
from kernel_atlas.tables.reading import read_table

FACTS = ["model", "arm", "seed", "epoch"]


def plot_experiments_accuracy(
    checkpoints: str | Path, histories: Sequence[str | Path], clustered: str | Path
) -> Figure:
    """Draw checkpoints.tsv, the history.tsv of each training, and their rows of clustered.tsv."""
    kept = read_table(checkpoints)
    # the folder of a training is named <arm>-s<seed>
    kept["training"] = kept["arm"] + "-s" + kept["seed"].astype(str)
    tables = {Path(path).parent.name: read_table(path) for path in histories}
    history = pd.concat(tables, names=["training"]).reset_index("training")
    of_training = kept[["training", "arm", "seed"]].drop_duplicates()
    return experiment_curves.draw_accuracy(
        kept,
        history.merge(of_training, on="training"),
        kept[FACTS].merge(read_table(clustered), on="model"),
    )


def plot_experiments_movement(movement: str | Path) -> Figure:
    """Draw the file movement.tsv."""
    return experiment_curves.draw_movement(read_table(movement))


def plot_experiments_emergence(checkpoints: str | Path, layers: str | Path, ruler: str) -> Figure:
    """Draw the checkpoints' part of the file layers.tsv, all layers together."""
    return experiment_layers.draw_emergence(_read_layers(checkpoints, layers), ruler)


def plot_experiments_epochs(checkpoints: str | Path, layers: str | Path, ruler: str) -> Figure:
    """Draw the checkpoints' part of the file layers.tsv by layer and epoch."""
    return experiment_layers.draw_epochs(_read_layers(checkpoints, layers), ruler)


def plot_experiments_seeds(checkpoints: str | Path, layers: str | Path, ruler: str) -> Figure:
    """Draw the checkpoints' part of the file layers.tsv by layer and seed, the last epoch."""
    return experiment_layers.draw_seeds(_read_layers(checkpoints, layers), ruler)


def plot_experiments_kernels(
    checkpoints: str | Path, experiment_groups: Sequence[str | Path], sizes: Sequence[int]
) -> Figure:
    """Read kernels of the first seed of each arm, at its first and last kept epoch.

    Parameters
    ----------
    experiment_groups : sequence of path
        The zarr.json of each checkpoint's group in the store.
    """
    groups = {Path(path).parent.name: Path(path).parent for path in experiment_groups}
    kept = read_table(checkpoints)
    kernels: dict[tuple[str, int], dict[int, np.ndarray]] = {}
    for arm, of_arm in kept[kept["model"].isin(groups)].groupby("arm", sort=False):
        of_seed = of_arm[of_arm["seed"] == of_arm["seed"].min()].set_index("epoch")["model"]
        for size in sizes:
            read = {
                epoch: store.read_kernel_array(groups[of_seed[epoch]], size)
                for epoch in dict.fromkeys((of_seed.index.min(), of_seed.index.max()))
            }
            if read := {epoch: array for epoch, array in read.items() if len(array)}:
                kernels[arm, size] = read
    return experiment_kernels.draw_kernels(kernels)


def _read_layers(path_to_checkpoints: str | Path, path_to_layers: str | Path) -> pd.DataFrame:
    """The rows of layers.tsv that are of checkpoints, with their arm, seed and epoch."""
    return read_table(path_to_checkpoints, FACTS).merge(read_table(path_to_layers, COLUMNS))
