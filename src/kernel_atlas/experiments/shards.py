"""Images in WebDataset shards: tar files with an image and a ``.cls`` file per sample.

Neither the webdataset package nor timm's reader of it reads them here. Those stream, skip what they
cannot read, and count epochs roughly; a list of where each image lies has the same images in
each epoch, any order of them, and all controls.
"""

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kernel_atlas.errors import AtlasError, one_line
from kernel_atlas.experiments.images import Images

IMAGE_KEYS = ("jpg", "jpeg", "png", "webp")
LABEL_KEY = "cls"
END_BYTES = 1024  # zeros at the end of each tar file
PARTS = {"train": "training", "val": "validation"}  # in the names of shards


class Place(NamedTuple):
    """Where an image lies in a shard."""

    path: Path
    name: str
    offset: int
    size: int

    def read(self) -> bytes:
        """The encoded image."""
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            return file.read(self.size)

    def __str__(self) -> str:
        return f"{self.path}: {self.name}"


def find_shards(folder: Path) -> list[Path]:
    """The shards of a folder, in the order of their names."""
    return sorted(folder.glob("*.tar"))


def open_shards(folder: Path) -> tuple[Images, Images]:
    """Open shards with ``train`` and with ``val`` in their names.

    Classes are the numbers in the ``.cls`` files.

    Raises
    ------
    AtlasError
        If there are none of either, if one is not a tar file, or if one has a sample without an
        image or without the number of its class.
    """
    found = {}
    for part, what in PARTS.items():
        shards = [path for path in find_shards(folder) if part in path.name]
        if not shards:
            raise AtlasError(f"{folder} has no shards of {what} images (*{part}*.tar)")
        found[part] = [sample for path in shards for sample in _read_shard(path)]
    n_classes = 1 + max(label for samples in found.values() for _, label in samples)
    classes = [str(number) for number in range(n_classes)]
    for part, what in PARTS.items():
        if missing := sorted({*range(n_classes)} - {label for _, label in found[part]}):
            raise AtlasError(f"{folder}: class {missing[0]} has no {what} images")
    train, validation = (
        Images([place for place, _ in samples], np.array([label for _, label in samples]), classes)
        for samples in found.values()
    )
    return train, validation


def _read_shard(path: Path) -> list[tuple[Place, int]]:
    """Each image of a shard with its label, in the order in which they lie there."""
    images: dict[str, Place] = {}
    labels: dict[str, int] = {}
    try:
        _check_end(path)
        with tarfile.open(path, "r:") as shard:
            for member, key, suffix in _files(shard):
                if suffix in IMAGE_KEYS:
                    images[key] = Place(path, member.name, member.offset_data, member.size)
                elif suffix == LABEL_KEY:
                    labels[key] = _read_label(shard, member, path)
    except (OSError, tarfile.TarError) as error:
        raise AtlasError(f"{path}: unreadable shard ({one_line(error)})") from None
    if odd := sorted(images.keys() ^ labels.keys()):
        what = f".{LABEL_KEY} file with its class" if odd[0] in images else "image"
        raise AtlasError(f"{path}: sample {odd[0]} has no {what}")
    if not images:
        raise AtlasError(f"{path}: no images ({', '.join(IMAGE_KEYS)})")
    return [(place, labels[key]) for key, place in images.items()]


def _check_end(path: Path) -> None:
    """Refuse a file that was cut off, which tarfile may take for a shorter one."""
    with open(path, "rb") as file:
        file.seek(-END_BYTES, os.SEEK_END)
        if any(file.read()):
            raise tarfile.ReadError("its end is missing")


def _files(shard: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, str, str]]:
    """Each file with the key of its sample, and what follows the first dot of its name."""
    for member in shard:
        folder, _, name = member.name.rpartition("/")
        stem, _, suffix = name.partition(".")
        if member.isfile() and stem:
            yield member, f"{folder}/{stem}".lstrip("/"), suffix.lower()


def _read_label(shard: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> int:
    file = shard.extractfile(member)
    text = file.read(32).strip() if file else b""
    if not text.isdigit():
        raise AtlasError(f"{path}: {member.name}: {text!r} is not the number of a class")
    return int(text)
