"""``file:PATH``: a checkpoint on this machine, relative to the working directory or to ``~``."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from kernel_atlas.errors import AtlasError

# what save_pretrained writes, and the order in which the hub's repositories are searched
WEIGHT_FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "diffusion_pytorch_model.safetensors",
    "pytorch_model.bin",
)


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
        How much to read at first, before it is known how much is needed.
    revision, sha256 : str or None
        Commit and checksum, if the hub gave them.
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
        """The bytes of each range (start, stop), fewer where the file ends earlier.

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

    def sibling(self, name: str) -> "LocalFile":
        """The file of this name in the same folder.

        Raises
        ------
        FileNotFoundError
        """
        return LocalFile(self.path.with_name(name), self.revision)

    def check_sha256(self, expected: str) -> None:
        """Compare the file with its checksum.

        Parameters
        ----------
        expected : str
            The first hex digits of the SHA-256: all 64, the 8 of the file's name, or none.

        Raises
        ------
        AtlasError
            If they differ, or the file cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise AtlasError(f"{self.name} cannot be read: {error.strerror}") from None
        if not found.startswith(expected):
            in_name = "... (in its name; a sha256 in the sheet overrides it)"
            raise AtlasError(
                f"wrong checksum: {self.name} ({self.size:,} bytes) has SHA-256 {found}, expected "
                f"{expected}{'' if len(expected) == 64 else in_name}; the file is damaged or is "
                "another version"
            )


def locate(source: str) -> LocalFile:
    """The file at the path; in a folder, the first of `WEIGHT_FILES` that it has.

    Raises
    ------
    AtlasError
        If there is none.
    """
    path = Path(source.removeprefix("file:"))
    try:
        path = path.expanduser()
        if path.is_dir():
            return LocalFile(_in_folder(path))
        if path.is_file():
            return LocalFile(path)
        cause = ""
    # an unknown user after ~, a name that is too long, a folder that may not be entered
    except (RuntimeError, ValueError, OSError) as error:
        cause = f" ({error})"
    raise AtlasError(f"no such file: {path.absolute()}{cause}")


def _in_folder(folder: Path) -> Path:
    for name in WEIGHT_FILES:
        if (folder / name).is_file():
            return folder / name
    raise AtlasError(
        f"the folder {folder.absolute()} has no {' or '.join(WEIGHT_FILES)}; name the file"
    )
