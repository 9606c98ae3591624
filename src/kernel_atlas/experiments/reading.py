"""Read the table of checkpoints."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from kernel_atlas.errors import AtlasError
from kernel_atlas.extraction import store
from kernel_atlas.tables.reading import read_table


def read_checkpoints(path: str | Path, groups: Mapping[str, str | Path]) -> pd.DataFrame:
    """Read checkpoints.tsv: one row per kept epoch of each training.

    Parameters
    ----------
    path : path
    groups : mapping
        From each checkpoint of this run to its group in the store.

    Raises
    ------
    AtlasError
        If a checkpoint is not among them, or has other weights than were read: it was trained
        after the run was planned.
    """
    checkpoints = read_table(path)
    later = [
        model
        for model in checkpoints["model"]
        if model not in groups or store.is_outdated(groups[model])
    ]
    if later:
        raise AtlasError(
            f"{len(later)} checkpoints of the experiments, such as {later[0]}, were trained after "
            "this run was planned; run the same command again"
        )
    return checkpoints
