"""``file:PATH``: a checkpoint on this machine, relative to the working directory or to ``~``."""

from pathlib import Path

from kernel_atlas.errors import AtlasError


def locate(rest: str) -> Path:
    """The file itself."""
    path = Path(rest).expanduser()
    if not path.is_file():
        raise AtlasError(f"no such file: {path.absolute()}")
    return path
