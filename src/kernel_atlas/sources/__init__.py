"""Where a model's weights come from: the one module that owns the schemes.

A source is one URI, ``scheme:rest``. Each scheme is a module of this package
with a function ``locate(rest) -> Path`` that turns the rest into a local
checkpoint file; to add a scheme, write its module and name it in `SCHEMES`.
Light at import: the Snakefile checks the sheet's sources each time it is parsed.
"""

import hashlib
import json
from importlib import import_module
from pathlib import Path

from kernel_atlas.errors import AtlasError

SCHEMES = {
    "file": "kernel_atlas.sources.file",
    "package": "kernel_atlas.sources.package",
}


def split(source: str) -> tuple[str, str]:
    """Split a source URI into its scheme and the rest.

    Raises
    ------
    AtlasError
        If the scheme is unknown or nothing follows it.
    """
    scheme, colon, rest = source.partition(":")
    if not colon or scheme not in SCHEMES:
        known = ", ".join(f"{name}:" for name in SCHEMES)
        raise AtlasError(f"unknown source scheme in {source!r} (known: {known})")
    if not rest:
        raise AtlasError(f"nothing follows the scheme in {source!r}")
    return scheme, rest


def locate(source: str) -> Path:
    """The local checkpoint file that a source URI names.

    Raises
    ------
    AtlasError
        If there is no such file.
    """
    scheme, rest = split(source)
    return import_module(SCHEMES[scheme]).locate(rest)


def check_sha256(path: Path, expected: str) -> None:
    """Raise an `AtlasError` unless the file has the SHA-256 `expected` (64 hex digits)."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise AtlasError(
            f"wrong checksum: {path} ({path.stat().st_size:,} bytes) has SHA-256 {found}, the "
            f"sheet expects {expected}; the file is damaged or another version"
        )


def stamp(source: str, sha256: str, path_to_metadata: str | Path) -> str:
    """What tells that a source has changed since it was read, beyond its URI and checksum.

    Size and modification time of the checkpoint, or nothing where a checksum
    pins its content. A checkpoint that was deleted after its extraction has not
    changed: its stamp is the one in the model's ``zarr.json`` at `path_to_metadata`.
    """
    if sha256:
        return ""
    try:
        facts = locate(source).stat()
    except (AtlasError, OSError):
        try:
            return json.loads(Path(path_to_metadata).read_bytes())["attributes"]["stamp"]
        except (OSError, ValueError, KeyError):
            return ""
    return f"{facts.st_size} bytes, mtime {facts.st_mtime_ns} ns"
