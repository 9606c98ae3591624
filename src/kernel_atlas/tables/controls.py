"""The tables of controls: what chance and simpler methods cluster, by model and over thresholds."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from kernel_atlas.classes.controls import CHANCE, CONTROL_COLUMNS


def read_controls(
    paths_to_controls: Mapping[str, str | Path], path_to_chance: str | Path
) -> pd.DataFrame:
    """Read the tables of controls of all models as one, with `model` and `percent`.

    Each model gets what chance gives for its kernel sizes.
    """
    tables = [pd.DataFrame(columns=["model", *CONTROL_COLUMNS]).astype(CONTROL_COLUMNS)]
    chance = pd.read_csv(path_to_chance, sep="\t", dtype=CONTROL_COLUMNS)
    for model, path in paths_to_controls.items():
        own = pd.read_csv(path, sep="\t", dtype=CONTROL_COLUMNS)
        of_sizes = chance[chance["kernel_size"].isin(own["kernel_size"])]
        tables.append(pd.concat([own, of_sizes]).assign(model=model))
    return _with_percent(pd.concat(tables))


def at_thresholds(sweep: pd.DataFrame, thresholds: Mapping[int, float]) -> pd.DataFrame:
    """The rows of `read_controls` at the threshold in force for their kernel size."""
    rows = sweep[sweep["threshold"] == sweep["kernel_size"].map(thresholds)]
    return rows.drop(columns="threshold")


def pool_models(sweep: pd.DataFrame) -> pd.DataFrame:
    """Pool the rows of `read_controls` over models, which have chance in common."""
    keys = ["kernel_size", "method", "kernels", "threshold"]
    is_repeated = sweep["kernels"].isin(CHANCE) & sweep.duplicated(keys)
    pooled = (
        sweep[~is_repeated]
        .groupby(keys, sort=False)[["n_kernels", "n_clustered"]]
        .sum()
        .reset_index()
    )
    return _with_percent(pooled)


def _with_percent(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(percent=100 * table["n_clustered"] / table["n_kernels"])
