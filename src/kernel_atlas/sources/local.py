"""``file:PATH``: a checkpoint on this machine, relative to the working directory or to ``~``."""

from collections.abc import Sequence
from pathlib import Path

from kernel_atlas.errors import AtlasError


class LocalFile:
    """A file on this machine, read in byte ranges.

    Attributes
    ----------
    path : Path
    name : str
        For messages.
    size : int or None
        In bytes.
    first_bytes : int
        How much to ask for while it is not known how much is needed.
    revision, sha256 : str or None
        Commit and checksum where a hub has told them.
    bytes_read : int
    """

    first_bytes = 8

    def __init__(self, path: Path, revision: str | None = None) -> None:
        self.path = path
        self.name = path.name
        self.size: int | None = path.stat().st_size
        self.revision = revision
        self.sha256: str | None = None
        self.bytes_read = 0

    def read(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """The bytes of each range (start, stop), fewer where the file ends before.

        Raises
        ------
        AtlasError
            If the file cannot be read.
        """
        pieces = []
        try:
            with self.path.open("rb") as file:
                for start, stop in ranges:
                    file.seek(start)
                    pieces.append(file.read(stop - start))
        except OSError as error:
            raise AtlasError(f"{self.name} cannot be read: {error.strerror}") from None
        self.bytes_read += sum(map(len, pieces))
        return pieces


def locate(source: str) -> LocalFile:
    """The file itself.

    Raises
    ------
    AtlasError
        If there is none.
    """
    path = Path(source.removeprefix("file:"))
    try:
        path = path.expanduser()
        if path.is_file():
            return LocalFile(path)
        cause = ""
    # no such user, a name too long, a folder that may not be entered
    except (RuntimeError, ValueError, OSError) as error:
        cause = f" ({error})"
    raise AtlasError(f"no such file: {path.absolute()}{cause}")
