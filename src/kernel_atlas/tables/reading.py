"""Read the tables of a run."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

NAMES = ("model", "family", "layer", "seeds", "arm")


def read_table(path: str | Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a table of the run, or these columns of it.

    Only an empty cell is missing, and names stay text: a model may be called NA or 2024.
    """
    return pd.read_csv(
        path,
        sep="\t",
        usecols=None if columns is None else list(columns),
        keep_default_na=False,
        na_values=[""],
        dtype=dict.fromkeys(NAMES, str),
    )
