"""Models that could not be extracted hold nothing back.

Their group in the store holds no kernels, and an attribute with the cause. Every later stage
takes such a model as it takes one without kernels.
"""

import csv
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kernel_atlas.errors import AtlasError, NoSpaceError, one_line
from kernel_atlas.extraction.writing import write_model

logger = logging.getLogger(__name__)

CAUSE = "failed"  # the attribute of a group


@contextmanager
def recorded(path_to_group: str | Path, facts: Mapping[str, Any]) -> Iterator[None]:
    """Run an extraction; if its model is at fault, write a group without kernels, with the cause.

    What the machine is at fault for (no space, no memory, ...) is not caught: the job fails.

    Parameters
    ----------
    path_to_group : path
        ``.../kernels.zarr/<model>``.
    facts : mapping
        Further attributes of the group: `model`, `source`, `stamp`.
    """
    group = Path(path_to_group)
    try:
        yield
        return
    except (NoSpaceError, MemoryError, OSError):
        raise
    except AtlasError as error:
        logger.error("%s", error)
        cause = str(error).removeprefix(f"model {group.name}: ")
    except Exception as error:
        logger.exception("unexpected error in model %s, please report it", group.name)
        cause = f"unexpected {type(error).__name__}: {one_line(error)}"
    write_model(group, [], {**facts, CAUSE: " ".join(cause.split())})


def read_cause(path_to_metadata: str | Path) -> str:
    """Why a model could not be extracted, or an empty string.

    Parameters
    ----------
    path_to_metadata : path
        ``.../kernels.zarr/<model>/zarr.json``.
    """
    try:
        return json.loads(Path(path_to_metadata).read_bytes())["attributes"].get(CAUSE, "")
    except (ValueError, KeyError):
        return f"{path_to_metadata} is damaged; extract the model again"


def check_extracted(path_to_failed: str | Path, n_models: int) -> None:
    """Fail if a model could not be extracted, so that the run does not end with status 0.

    Parameters
    ----------
    path_to_failed : path
        The table failed.tsv (`tables.models`).
    n_models : int
        Models that were to be extracted.

    Raises
    ------
    AtlasError
        If models have failed.
    """
    with Path(path_to_failed).open(encoding="utf-8", newline="") as file:
        failed = list(csv.DictReader(file, delimiter="\t"))
    if failed:
        first = failed[0]
        raise AtlasError(
            f"{len(failed)} of {n_models} models could not be extracted ({first['model']}: "
            f"{first['cause']}); all results are made from the other models. {path_to_failed} "
            "lists every cause; fix them, then `make retry` tries just these models again"
        )
