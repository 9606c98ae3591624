"""Read the table of checkpoints."""

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from kernel_atlas.errors import AtlasError
from kernel_atlas.tables.reading import read_table


def read_checkpoints(path: str | Path, planned: Collection[str]) -> pd.DataFrame:
    """Read checkpoints.tsv: one row per kept epoch of each training.

    Parameters
    ----------
    path : path
    planned : collection of str
        The models of this run.

    Raises
    ------
    AtlasError
        If a checkpoint is not among them: it was trained after the run was planned.
    """
    checkpoints = read_table(path)
    unplanned = checkpoints.loc[~checkpoints["model"].isin(list(planned)), "model"]
    if len(unplanned):
        raise AtlasError(
            f"{len(unplanned)} checkpoints of the experiments, such as {unplanned.iloc[0]}, were "
            "trained after this run was planned; run the same command again"
        )
    return checkpoints
