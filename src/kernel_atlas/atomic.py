"""Write a file under a temporary name and move it to its place when it is whole."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kernel_atlas.errors import AtlasError, NoSpaceError

if TYPE_CHECKING:
    import pandas as pd

FULL_BYTES = 1 << 20  # with less left, an error in writing is taken for a full disk


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; move it there if the block ends well.

    The temporary name keeps the suffix, from which some writers take the format.

    Raises
    ------
    NoSpaceError
        If the disk is full.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        with space_for(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def space_for(path: str | Path) -> Iterator[None]:
    """Say that the disk is full where that is why the block, which writes `path`, fails.

    Raises
    ------
    NoSpaceError
    """
    try:
        yield
    except AtlasError:
        raise
    except Exception as error:
        # torch, numpy and safetensors have errors of their own, without the system's number
        free = shutil.disk_usage(_existing(Path(path))).free
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or free < FULL_BYTES:
            raise NoSpaceError(
                f"{path} cannot be written: no space left on its disk ({free / 1e6:.1f} MB free "
                "without it) or in your quota; make some and run again"
            ) from error
        raise


def write_table(table: "pd.DataFrame", path: str | Path, digits: int = 4) -> None:
    """Write a table: tab-separated, one line per row, without the index.

    Parameters
    ----------
    table : DataFrame
    path : path
    digits : int
        Decimals of floating-point numbers.

    Raises
    ------
    NoSpaceError
        If the disk is full.
    """
    with replacing(path) as partial:
        table.to_csv(
            partial, sep="\t", index=False, float_format=f"%.{digits}f", lineterminator="\n"
        )


def _existing(path: Path) -> Path:
    return next(folder for folder in path.absolute().parents if folder.exists())
