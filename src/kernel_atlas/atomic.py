"""Write a file whole or not at all: under a temporary name first, then move it into place."""

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kernel_atlas.errors import AtlasError, NoSpaceError

if TYPE_CHECKING:
    import pandas as pd

FULL_BYTES = 1 << 20  # with less free, a failed write is blamed on a full disk


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, and move it to `path` if the block succeeds.

    The temporary name keeps the suffix, because some writers take the format from it.

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
    """Raise a clear error if the block, which writes `path`, fails because the disk is full.

    Raises
    ------
    NoSpaceError
        If the disk is full, or the user's quota is used up.
    """
    try:
        yield
    except AtlasError:
        raise
    except Exception as error:
        # torch, numpy and safetensors raise errors of their own, without the system's errno
        free = shutil.disk_usage(_existing(Path(path))).free
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or free < FULL_BYTES:
            raise NoSpaceError(
                f"{path} cannot be written: no space left on its disk ({free / 1e6:.1f} MB free "
                "without it) or in your quota; free some space and run again"
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


def write_rows(rows: Iterable[Iterable[object]], path: str | Path) -> None:
    """Write rows that hold neither tabs nor quotes, tab-separated, without pandas.

    Raises
    ------
    NoSpaceError
        If the disk is full.
    """
    text = "".join("\t".join(map(str, row)) + "\n" for row in rows)
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def _existing(path: Path) -> Path:
    return next(folder for folder in path.absolute().parents if folder.exists())
