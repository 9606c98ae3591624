"""Where a model's weights come from: the one module that lists the schemes.

A source is one URI, ``scheme:rest`` (docs/models.md). A scheme that names a file has a
module in this folder with a function ``locate(source)``, which returns a `local.LocalFile`
or a `remote.RemoteFile`. To add a scheme, write its module and name it in `SCHEMES`. Light
at import: the Snakefile checks the sheet's sources each time it is parsed.
"""

import json
import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kernel_atlas.errors import AtlasError

if TYPE_CHECKING:
    from kernel_atlas.sources.local import LocalFile
    from kernel_atlas.sources.remote import RemoteFile

DOWNLOAD_MB = 4000  # the largest file to fetch whole unless a user allows more, in 10^6 bytes

_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"


class Scheme(NamedTuple):
    """What may follow a scheme, and the module that locates its file."""

    pattern: str
    form: str  # the pattern as a person writes it
    module: str | None = None


SCHEMES = {
    "file": Scheme(r".+", "file:PATH", "kernel_atlas.sources.local"),
    "package": Scheme(r".+", "package:PACKAGE/PATH", "kernel_atlas.sources.package"),
    # timm says which file that is (`sources.timm`)
    "timm": Scheme(_NAME, "timm:NAME"),
    "hf": Scheme(
        # a file of the repository: no way out of it
        rf"(?!.*[/:@]\.\.?([/:]|$)){_NAME}/{_NAME}(@[^@:\s]+)?(:[^:\s/][^:\s]*)?",
        "hf:OWNER/REPO[@REVISION][:FILE]",
        "kernel_atlas.sources.hub",
    ),
    "https": Scheme(r"//[^/\s]+/\S+", "https://HOST/PATH", "kernel_atlas.sources.url"),
    "http": Scheme(r"//[^/\s]+/\S+", "http://HOST/PATH", "kernel_atlas.sources.url"),
    # unavailable weights, and why
    "none": Scheme(r".+", "none:REASON"),
}


def split(source: str) -> tuple[str, str]:
    """Split a source URI into its scheme and the rest.

    Raises
    ------
    AtlasError
        If the scheme is unknown, or the rest does not have its form.
    """
    scheme, colon, rest = source.partition(":")
    if not colon or scheme not in SCHEMES:
        known = ", ".join(f"{name}:" for name in SCHEMES)
        raise AtlasError(f"unknown source scheme in {source!r} (known: {known})")
    if not rest:
        raise AtlasError(f"nothing follows the scheme in {source!r}")
    if not source.isprintable():
        raise AtlasError(f"{source!r} has characters that cannot be printed")
    if not re.fullmatch(SCHEMES[scheme].pattern, rest):
        raise AtlasError(f"{source!r} does not have the form {SCHEMES[scheme].form}")
    return scheme, rest


def locate(source: str) -> "LocalFile | RemoteFile":
    """The file that a source URI names, of any scheme but ``timm:`` and ``none:``.

    Raises
    ------
    AtlasError
        If there is no such file.
    """
    scheme, _ = split(source)
    module = SCHEMES[scheme].module
    if module is None:
        raise AtlasError(f"{source!r} does not name a file")
    return import_module(module).locate(source)


def may_download(source: str, sha256: str) -> bool:
    """Whether a checkpoint may have to be fetched whole, judged by its source and checksum."""
    scheme, rest = split(source)
    path = rest.partition("?")[0]
    return scheme in ("hf", "https", "http") and bool(sha256 or not path.endswith(".safetensors"))


def stamp(source: str, sha256: str, path_to_metadata: str | Path) -> str:
    """What shows that a source has changed since it was read, besides its URI and checksum.

    Size and modification time of a checkpoint on this machine; empty where a checksum
    pins the content. A checkpoint that was deleted after its extraction has not changed:
    its stamp is the one in the model's ``zarr.json`` at `path_to_metadata`.
    """
    if sha256 or split(source)[0] not in ("file", "package"):
        return ""
    try:
        return _state_of(locate(source))  # type: ignore[arg-type]
    except (AtlasError, OSError):
        try:
            return json.loads(Path(path_to_metadata).read_bytes())["attributes"]["stamp"]
        except (OSError, ValueError, KeyError):
            return ""


def _state_of(file: "LocalFile") -> str:
    """Size and time of change of a file, or of all parts of a checkpoint in several files."""
    from kernel_atlas.sources.shards import parts_of

    facts = [part.path.stat() for part in {file, *parts_of(file)}]  # type: ignore[union-attr]
    n_bytes = sum(fact.st_size for fact in facts)
    return f"{n_bytes} bytes, mtime {max(fact.st_mtime_ns for fact in facts)} ns"
