"""The resolved sheet: each row with its outcome."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from kernel_atlas.atomic import write_table
from kernel_atlas.extraction.failed import read_cause
from kernel_atlas.extraction.store import read_inventory
from kernel_atlas.sheet import Model

logger = logging.getLogger(__name__)

COLUMNS = [
    "model",
    "source",
    "role",
    "family",
    "paper_name",
    "paper_table",
    "paper_percent",
    "duplicate_of",
    "weights",
    "include",
    "exclude",
    "outcome",
    "note",
]
CANDIDATES = ["model", "layer", "shape", "counted", "in_doubt", "why"]


def list_models(
    rows: Sequence[Model],
    paths_to_metadata: Mapping[str, str | Path],
    path_to_models: str | Path,
    path_to_failed: str | Path,
    path_to_weights: str | Path,
) -> None:
    """Write the resolved sheet, the models that could not be extracted, and all candidate weights.

    Parameters
    ----------
    rows : sequence of Model
        The sheet.
    paths_to_metadata : mapping
        From each extracted model to its ``.../kernels.zarr/<model>/zarr.json``.
    path_to_models : path
        Written: one row per sheet row, in order; `outcome` is ``extracted``, ``failed``,
        ``duplicate`` or ``skipped``, and `note` says why a row has no results of its own.
    path_to_failed : path
        Written: `model` and `cause` of each model that could not be extracted.
    path_to_weights : path
        Written: one row per model and candidate weight (`checkpoints.inventory`), with
        ``x`` between the dimensions of `shape`.
    """
    causes = {model: read_cause(path) for model, path in paths_to_metadata.items()}
    failed = {model: cause for model, cause in causes.items() if cause}
    table = pd.DataFrame(rows).assign(outcome="extracted", note="")
    table["note"] = [row.skipped for row in rows]
    table.loc[table["note"] != "", "outcome"] = "skipped"
    is_none = table["source"].str.startswith("none:")
    table.loc[(table["duplicate_of"] != "") & ~is_none, "outcome"] = "duplicate"
    has_failed = table["model"].isin(failed) | table["duplicate_of"].isin(failed)
    table.loc[has_failed, ["outcome", "note"]] = ["failed", "not extracted, see failed.tsv"]
    write_table(table[COLUMNS], path_to_models)
    write_table(pd.DataFrame(failed.items(), columns=["model", "cause"]), path_to_failed)
    write_table(_list_candidates(paths_to_metadata), path_to_weights)
    if failed:  # now, since what follows may take hours
        logger.warning(
            "%d of %d models could not be extracted, see %s",
            len(failed),
            len(causes),
            path_to_failed,
        )


def _list_candidates(paths_to_metadata: Mapping[str, str | Path]) -> pd.DataFrame:
    rows = [
        (model, row["name"], "x".join(map(str, row["shape"])), *list(row.values())[2:])
        for model, path in paths_to_metadata.items()
        for row in read_inventory(path)
    ]
    return pd.DataFrame(rows, columns=CANDIDATES)
