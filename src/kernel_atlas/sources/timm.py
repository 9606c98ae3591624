"""``timm:NAME``: the files in which it is written what timm knows of these names.

Light: the Snakefile asks it each time it is parsed.
"""

import hashlib
import json
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def assign_files(names: Iterable[str], folder: str | Path) -> dict[str, str]:
    """The file that tells of each name, one for all names that none tells of yet.

    So timm is asked once for many names, and a name that comes later makes no
    file old that finished models were extracted with.

    Parameters
    ----------
    names : iterable of str
    folder : path
        Where `architectures.resolve_timm` writes these files; it may be missing.

    Returns
    -------
    dict
        From name to path, written or to be written.
    """
    folder = Path(folder)
    try:
        timm_version = version("timm")
    except PackageNotFoundError:
        timm_version = ""
    known: dict[str, str] = {}
    refused: dict[str, str] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            for name, entry in json.loads(path.read_bytes()).items():
                if "error" not in entry:
                    known[name] = str(path)
                # another timm may know a name that this one does not
                elif entry["timm_version"] == timm_version:
                    refused[name] = str(path)
        except (OSError, ValueError, AttributeError, TypeError, KeyError):
            continue  # damaged: asked again
    known = refused | known
    new = sorted(set(names) - set(known))
    digest = hashlib.sha256("\n".join([timm_version, *new]).encode()).hexdigest()[:8]
    return {name: known.get(name, str(folder / f"{digest}.json")) for name in names}


def names_in(path: str | Path) -> list[str]:
    """The names that a file tells of, an empty list if it is not written yet."""
    try:
        return sorted(json.loads(Path(path).read_bytes()))
    except (OSError, ValueError):
        return []
