"""The tables of controls: what chance and simpler methods cluster, by model and over thresholds."""

from collections.abc import Mapping
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd

from kernel_atlas.classes.controls import CHANCE, CONTROL_COLUMNS


def read_controls(
    paths_to_controls: Mapping[str, str | Path], path_to_chance: str | Path
) -> pd.DataFrame:
    """Read the tables of controls of all models as one, with `model` and `percent`.

    Each model gets what chance gives for its kernel sizes.
    """
    own = [Path(path).read_text().splitlines()[1:] for path in paths_to_controls.values()]
    models = pd.Categorical(
        np.repeat(list(paths_to_controls), [len(lines) for lines in own]), list(paths_to_controls)
    )
    # all at once: to read a hundred small tables takes far longer
    found = _read([line for lines in own for line in lines]).assign(model=models)
    chance = _read(Path(path_to_chance).read_text().splitlines()[1:])
    of_sizes = found[["model", "kernel_size"]].drop_duplicates().merge(chance, on="kernel_size")
    joined = pd.concat([found, of_sizes]).sort_values("model", kind="stable", ignore_index=True)
    joined = joined[["model", *CONTROL_COLUMNS]].astype({"model": str})
    return _with_percent(joined)


def _read(lines: list[str]) -> pd.DataFrame:
    table = StringIO("\n".join(["\t".join(CONTROL_COLUMNS), *lines]))
    return pd.read_csv(table, sep="\t", dtype=CONTROL_COLUMNS)


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
