"""Checkpoints in several files: a .safetensors index, or parts numbered in their names."""

import json
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from kernel_atlas.errors import AtlasError, one_line

if TYPE_CHECKING:
    from kernel_atlas.sources.local import LocalFile
    from kernel_atlas.sources.remote import RemoteFile

INDEX = ".safetensors.index.json"
MAX_PARTS = 1000
MAX_INDEX_BYTES = 50_000_000

_PART = re.compile(r"(.*)-(\d{5})-of-(\d{5})(\.\w+)$")


def is_sharded(name: str) -> bool:
    """Whether a file of this name is an index, or one of several parts."""
    part = _PART.fullmatch(name)
    return name.endswith(INDEX) or bool(part and int(part[3]) > 1)


def parts_of(file: "LocalFile | RemoteFile") -> "list[LocalFile | RemoteFile]":
    """The files of a .safetensors checkpoint, in order: mostly the file itself.

    Parameters
    ----------
    file : LocalFile or RemoteFile
        The checkpoint, its index, or any of its parts.

    Raises
    ------
    AtlasError
        If a part is missing, or the index is damaged.
    """
    if file.name.endswith(INDEX):
        return [_sibling(file, name) for name in _names_in(file)]
    part = _PART.fullmatch(file.name)
    if not part or int(part[3]) == 1:
        return [file]
    n_parts = int(part[3])
    if n_parts > MAX_PARTS:
        raise AtlasError(f"{file.name}: at most {MAX_PARTS:,} parts are read")
    if part[4].lower() != ".safetensors":
        raise AtlasError(
            f"{file.name} is one of {n_parts} parts of a checkpoint; parts are read of "
            ".safetensors only, so save it as one file or as .safetensors"
        )
    names = [f"{part[1]}-{i:05d}-of-{part[3]}{part[4]}" for i in range(1, n_parts + 1)]
    return [file if name == file.name else _sibling(file, name) for name in names]


def _names_in(file: "LocalFile | RemoteFile") -> list[str]:
    """The names of the parts in an index."""
    (content,) = file.read([(0, MAX_INDEX_BYTES)])
    try:
        weight_map = json.loads(content)["weight_map"]
        names = list(dict.fromkeys(weight_map.values()))
        if not names or not all(isinstance(name, str) for name in names):
            raise ValueError("no names")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise AtlasError(
            f"{file.name} is not a complete index of a checkpoint ({one_line(error)}); "
            "download or save it again"
        ) from None
    for name in names:
        if name != PurePosixPath(name).name or not name.isprintable() or "\\" in name:
            raise AtlasError(f"{file.name} names {one_line(name)!r}, which is not beside it")
    if len(names) > MAX_PARTS:
        raise AtlasError(f"{file.name} names {len(names):,} parts; at most {MAX_PARTS:,} are read")
    return sorted(names)


def _sibling(file: "LocalFile | RemoteFile", name: str) -> "LocalFile | RemoteFile":
    try:
        return file.sibling(name)
    except FileNotFoundError:
        raise AtlasError(f"{name} is missing, a part of the checkpoint {file.name}") from None
