"""How far the kernels of the experiments have moved from their start, by layer."""

import logging
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kernel_atlas import sphere
from kernel_atlas.atomic import write_table
from kernel_atlas.classes.reading import read_classes
from kernel_atlas.classes.rulers import FAMILY, class_by
from kernel_atlas.errors import AtlasError
from kernel_atlas.experiments.reading import read_checkpoints
from kernel_atlas.extraction import store
from kernel_atlas.family.names import DEAD, OTHER

logger = logging.getLogger(__name__)

QUARTILES = {"lower_quartile": 25, "median": 50, "upper_quartile": 75}
COLUMNS = [
    "arm",
    "seed",
    "epoch",
    "kernel_size",
    "layer_index",
    "layer",
    "n_kernels",
    "n_dead",
    "dead",
    "mean",
    *QUARTILES,
    "n_matched_start",
    "same_class_percent",
]
MAX_NAMED = 10  # dead kernels in a cell


def measure_movement(
    path_to_checkpoints: str | Path,
    paths_to_groups: Sequence[str | Path],
    paths_to_classes: Sequence[str | Path],
    sizes: Sequence[int],
    path_to_movement: str | Path,
) -> None:
    """Write how far each kernel of each checkpoint is from what it was at epoch 0.

    Parameters
    ----------
    path_to_checkpoints : path
        The table checkpoints.tsv: one row per kept epoch of each training.
    paths_to_groups : sequence of path
        Each checkpoint's group in the store.
    paths_to_classes : sequence of path
        For each group, one table of classes per kernel size, in the order of `sizes`.
    sizes : sequence of int
    path_to_movement : path
        Written: tab-separated, with `COLUMNS`; one row per arm, seed, kept epoch after 0,
        kernel size and layer. A checkpoint without kernels has no rows.
    """
    groups = {Path(group).name: Path(group) for group in paths_to_groups}
    classes = dict(zip(product(groups, sizes), paths_to_classes, strict=True))

    def read(model: str, size: int) -> tuple[np.ndarray, pd.DataFrame]:
        kernels = store.read_kernel_array(groups[model], size)
        return kernels, read_classes(classes[model, size])

    rows: list[dict[str, Any]] = []
    checkpoints = read_checkpoints(path_to_checkpoints, groups)
    for (arm, seed), trained in checkpoints.groupby(["arm", "seed"], sort=False):
        models = trained.set_index("epoch")["model"].sort_index()
        if 0 not in models.index:
            logger.warning(f"{arm}, seed {seed}: no start (epoch 0), so no movement")
            continue
        for size in sizes:
            start = read(models[0], size)
            for epoch, model in models.drop(0).items():
                end = read(model, size)
                facts = {"arm": arm, "seed": seed, "epoch": epoch, "kernel_size": size}
                rows += [facts | row for row in compare_layers(*start, *end)]
    write_table(pd.DataFrame(rows, columns=COLUMNS), path_to_movement)


def compare_layers(
    start: np.ndarray, start_classes: pd.DataFrame, end: np.ndarray, end_classes: pd.DataFrame
) -> Iterator[dict[str, Any]]:
    """Compare the kernels of two checkpoints of one training, layer by layer.

    Parameters
    ----------
    start, end : ndarray of shape (n, k, k)
        The same kernels, earlier and later.
    start_classes, end_classes : DataFrame
        Their tables of classes, in the same order.

    Yields
    ------
    dict
        A row of `COLUMNS`, from `layer_index` on. Dead kernels of either checkpoint count for
        nothing but `n_dead`, and are named in `dead`.
    """
    if not len(start) or not len(end):  # one could not be extracted
        return
    where = ["layer", "layer_index", "channel"]
    if not start_classes[where].astype(str).equals(end_classes[where].astype(str)):
        raise AtlasError("the checkpoints of one training have different layers")
    cosines = find_cosines(start, end)
    before, after = (class_by(table, FAMILY).astype(str) for table in (start_classes, end_classes))
    was_matched, is_same = ~before.isin([OTHER, DEAD]).to_numpy(), (before == after).to_numpy()
    for layer, places in start_classes.groupby("layer_index").indices.items():
        of_layer, channels = cosines[places], start_classes["channel"].to_numpy()[places]
        is_dead, matched = np.isnan(of_layer), places[was_matched[places]]
        live = of_layer[~is_dead]
        row = {
            "layer_index": layer,
            "layer": start_classes["layer"].iloc[places[0]],
            "n_kernels": len(places),
            "n_dead": int(is_dead.sum()),
            "dead": _name(channels[is_dead]),
            "n_matched_start": len(matched),
        }
        if len(live):
            row |= {"mean": live.mean()}
            row |= dict(zip(QUARTILES, np.percentile(live, [*QUARTILES.values()]), strict=True))
        if len(matched):
            row["same_class_percent"] = 100 * is_same[matched].mean()
        yield row


def find_cosines(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The cosine of each centred kernel with itself at another time.

    Parameters
    ----------
    start, end : ndarray of shape (n, k, k)

    Returns
    -------
    ndarray of shape (n,), float64
        From -1 to 1; NaN where either kernel is dead.
    """
    live = ~(sphere.find_dead(start) | sphere.find_dead(end))
    cosines = np.full(len(start), np.nan)
    pairs = (sphere.to_sphere(kernels[live]).astype(float) for kernels in (start, end))
    cosines[live] = np.einsum("ij,ij->i", *pairs).clip(-1, 1)
    return cosines


def _name(channels: np.ndarray) -> str:
    """Channels in words, the first few of many."""
    named = ", ".join(map(str, channels[:MAX_NAMED]))
    more = len(channels) - MAX_NAMED
    return named + (f" and {more} more" if more > 0 else "")
