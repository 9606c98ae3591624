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
    for path in sorted(folder.glob("*.json")):
        try:
            found = json.loads(path.read_bytes())
            known |= {
                name: str(path)
                for name, entry in found.items()
                # another timm may know a name that this one does not
                if "error" not in entry or entry["timm_version"] == timm_version
            }
        except (OSError, ValueError, AttributeError, TypeError, KeyError):
            continue  # being written, or damaged: asked again
    new = sorted(set(names) - set(known))
    digest = hashlib.sha256("\n".join([timm_version, *new]).encode()).hexdigest()[:8]
    return {name: known.get(name, str(folder / f"{digest}.json")) for name in names}


def names_in(path: str | Path) -> list[str]:
    """The names that a file tells of, an empty list if it is not written yet."""
    try:
        return sorted(json.loads(Path(path).read_bytes()))
    except (OSError, ValueError):
        return []
