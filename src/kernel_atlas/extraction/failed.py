"""Models that could not be extracted: recorded, listed, and tried again by the next run.

A model that fails is no failed job, for which Snakemake would hold back everything that
other models have a part in: its extraction leaves a record where its group would be.
Light at import: the Snakefile reads the table each time it is parsed.
"""

import csv
import json
import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kernel_atlas.atomic import replacing
from kernel_atlas.errors import AtlasError, NoSpaceError

logger = logging.getLogger(__name__)

_RECORD = "failed"


@contextmanager
def recorded(path_to_metadata: str | Path) -> Iterator[None]:
    """Run an extraction; if its model is at fault, write the cause where its result would be.

    What the machine is at fault for (no space, no memory, ...) is not caught.

    Parameters
    ----------
    path_to_metadata : path
        ``.../kernels.zarr/<model>/zarr.json``.
    """
    path = Path(path_to_metadata)
    try:
        yield
        return
    except (NoSpaceError, MemoryError, OSError):
        raise
    except AtlasError as error:
        logger.error("%s", error)
        cause = str(error).removeprefix(f"model {path.parent.name}: ")
    except Exception as error:
        logger.exception("unexpected error in model %s, please report it", path.parent.name)
        cause = f"unexpected {type(error).__name__}: {error}"
    with replacing(path) as partial:
        partial.write_text(json.dumps({_RECORD: cause}), encoding="utf-8")


def list_failed(paths_to_metadata: Sequence[str | Path], path_to_failed: str | Path) -> None:
    """Write the table of models that failed, and delete their records.

    So the store holds whole models alone, and the next run finds these missing.

    Parameters
    ----------
    paths_to_metadata : sequence of path
        ``.../kernels.zarr/<model>/zarr.json`` of all models.
    path_to_failed : path
        Written: tab-separated, `model` and `cause`, in the order of the sheet.
    """
    failed = {}
    for path in map(Path, paths_to_metadata):
        try:
            cause = json.loads(path.read_bytes()).get(_RECORD)
        except ValueError:
            cause = f"{path} is damaged; run again"
        if cause:
            failed[path.parent.name] = " ".join(cause.split())
    with replacing(path_to_failed) as path, path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(
            file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None
        )
        writer.writerow(["model", "cause"])
        writer.writerows(failed.items())
    if failed:  # now: what follows may take hours
        logger.warning(
            "%d of %d models could not be extracted, see %s",
            len(failed), len(paths_to_metadata), path_to_failed,
        )  # fmt: skip
    for path in map(Path, paths_to_metadata):
        if path.parent.name in failed:
            shutil.rmtree(path.parent)


def read_failed(path_to_failed: str | Path) -> dict[str, str]:
    """The cause by model, of the table that `list_failed` wrote; empty if there is none."""
    if not Path(path_to_failed).exists():
        return {}
    with Path(path_to_failed).open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row["model"]: row["cause"] for row in rows}


def check_extracted(path_to_failed: str | Path, n_models: int) -> None:
    """Let a run end well only if no model has failed.

    Raises
    ------
    AtlasError
        If models have failed.
    """
    failed = read_failed(path_to_failed)
    if failed:
        model, cause = next(iter(failed.items()))
        raise AtlasError(
            f"{len(failed)} of {n_models} models could not be extracted ({model}: {cause}); the "
            f"tables are made of the others. {path_to_failed} has the causes; a run without named "
            "targets tries just these models again"
        )
