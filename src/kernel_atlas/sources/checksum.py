"""Checksums of checkpoint files: the sheet's, the hub's, and the digits in a file's name."""

import hashlib
import re
from pathlib import Path

from kernel_atlas.errors import AtlasError

# torch's habit: the first digits of the SHA-256 end the name, as in efficientnet_b0_ra-3dd342df.pth
_IN_NAME = re.compile(r"-([0-9a-f]{8})\.")
_DATE = re.compile(r"(19|20)\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])")


def checksum_in_name(name: str) -> str:
    """The eight hex digits of its SHA-256 that a file's name ends with, or an empty string."""
    found = _IN_NAME.findall(name)
    return found[-1] if found and not _DATE.fullmatch(found[-1]) else ""


def check_sha256(path: Path, expected: str, name: str = "") -> None:
    """Compare a file with its checksum.

    Parameters
    ----------
    path : Path
    expected : str
        Hex digits that the SHA-256 begins with: all 64, the 8 of the file's name, or none.
    name : str, optional
        The file's name for the message; its path without.

    Raises
    ------
    AtlasError
        If they differ, or the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise AtlasError(f"{name or path} cannot be read: {error.strerror}") from None
    if not found.startswith(expected):
        where = "" if len(expected) == 64 else "... (in its name; a sha256 in the sheet precedes)"
        raise AtlasError(
            f"wrong checksum: {name or path} ({path.stat().st_size:,} bytes) has SHA-256 {found}, "
            f"expected {expected}{where}; the file is damaged or another version"
        )
