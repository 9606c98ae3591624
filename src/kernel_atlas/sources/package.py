"""``package:PACKAGE/PATH``: a file inside an installed Python package."""

from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.local import LocalFile


def locate(source: str) -> LocalFile:
    """Find the file without importing, and so running, the package.

    Raises
    ------
    AtlasError
        If there is no such package, or no such file in it.
    """
    package, _, member = source.removeprefix("package:").partition("/")
    try:
        spec = find_spec(package) if package.isidentifier() else None
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise AtlasError(f"no installed Python package {package!r}; install it or correct the name")
    for folder in map(Path, spec.submodule_search_locations):
        with suppress(OSError, RuntimeError, ValueError):  # a name too long, a loop of links
            path = (folder / member).resolve()
            if path.is_file() and path.is_relative_to(folder.resolve()):
                return LocalFile(path)
    raise AtlasError(f"the installed package {package!r} holds no file {member!r}")
