"""The kernel store, results/kernels.zarr: one zarr group per model (docs/store.md)."""

import contextlib
import hashlib
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kernel_atlas.errors import AtlasError
from kernel_atlas.extraction.chunks import read_array
from kernel_atlas.extraction.kernels import (
    Kernels,
    LayerInfo,
    join_signs,
    number_channels,
)
from kernel_atlas.sources.schemes import stamp

ENCODING_TYPE = "kernel-atlas-model"
ENCODING_VERSION = 2
READABLE_VERSIONS = (1, 2)  # 1 also had an array with the layer of each kernel

# Attributes with a checksum of each size's kernels: one to tell kernels apart, and a quick one that
# is compared whenever kernels are read. Earlier releases had the first alone.
SHA256, CRC32 = "kernels_sha256", "kernels_crc32"


def kernel_sizes(group: str | Path) -> list[int]:
    """The kernel sizes that a model has, ascending; none if it could not be extracted.

    Raises
    ------
    AtlasError
        If the group is missing, has another encoding, or is damaged.
    """
    return sorted({info.kernel_size for info in read_layers(group)})


def read_layers(group: str | Path) -> list[LayerInfo]:
    """A model's layer table, of all sizes; empty if the model could not be extracted.

    Raises
    ------
    AtlasError
        If the group is missing, has another encoding, or is damaged.
    """
    with _faults_named(Path(group), "layers"):
        return _list_layers(_read_attributes(Path(group)))


def read_inventory(path_to_metadata: str | Path) -> list[dict[str, Any]]:
    """The candidate weights of a model (`checkpoints.inventory.Candidate`, as mappings).

    Parameters
    ----------
    path_to_metadata : path
        ``.../kernels.zarr/<model>/zarr.json``.
    """
    attributes = json.loads(Path(path_to_metadata).read_bytes())["attributes"]
    return attributes.get("inventory", [])


def read_kernels(group: str | Path, size: int) -> Kernels:
    """Read a model's kernels of one size; there may be none.

    Raises
    ------
    AtlasError
        If the group is missing, has another encoding, or is damaged.
    """
    with _faults_named(Path(group), f"{size}x{size} kernels"):
        attributes = _read_attributes(Path(group))
        kernels = _read_size(Path(group), size, attributes)
        layers = _list_layers(attributes)
        of_size = [info for info in layers if info.kernel_size == size]
        rows = [(info.index, info.n_kernels) for info in of_size]
        gain_sign = join_signs(of_size)
        layer = np.repeat(*np.array(rows or [(0, 0)], np.int32).T)
    return Kernels(kernels, layer, number_channels(layer), layers, gain_sign)


def read_kernel_array(group: str | Path, size: int, out: np.ndarray | None = None) -> np.ndarray:
    """Read a model's kernels of one size, shape (n, k, k), float32, without their layers.

    They are put into `out`, which must be contiguous, if it is given.

    Raises
    ------
    AtlasError
        If the group is missing, has another encoding, or is damaged.
    """
    with _faults_named(Path(group), f"{size}x{size} kernels"):
        return _read_size(Path(group), size, _read_attributes(Path(group)), out)


def is_outdated(group: str | Path) -> bool:
    """Whether a model's source has changed since its kernels were read (`schemes.stamp`).

    Raises
    ------
    AtlasError
        If the group is missing, has another encoding, or is damaged.
    """
    group = Path(group)
    with _faults_named(group, "attributes"):
        facts = _read_attributes(group)
        return facts["stamp"] != stamp(facts["source"], "", group / "zarr.json")


@contextlib.contextmanager
def _faults_named(group: Path, what: str) -> Iterator[None]:
    try:
        yield
    # damaged files lead to any of these, in zarr or here
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError, OSError) as error:
        if not (group / "zarr.json").exists():
            raise AtlasError(f"model {group.name}: not in the store {group.parent}") from None
        raise AtlasError(
            f"model {group.name}: the {what} in {group} are damaged ({error}); "
            "delete the group and extract it again"
        ) from None


def _read_attributes(group: Path) -> dict[str, Any]:
    """The attributes of a model's group, its encoding checked; faster than by zarr."""
    attributes = json.loads((group / "zarr.json").read_bytes())["attributes"]
    found = (attributes.get("encoding-type"), attributes.get("encoding-version"))
    if found[0] != ENCODING_TYPE or found[1] not in READABLE_VERSIONS:
        raise AtlasError(
            f"model {group.name}: {group} has encoding {found}, expected "
            f"{(ENCODING_TYPE, ENCODING_VERSION)}; delete the group and extract it again"
        )
    return attributes


def _list_layers(attributes: dict[str, Any]) -> list[LayerInfo]:
    return [LayerInfo(**row) for row in attributes["layers"]]


def _read_size(
    group: Path, size: int, attributes: dict[str, Any], out: np.ndarray | None = None
) -> np.ndarray:
    """The kernels of one size; ValueError if they differ from the group's attributes."""
    of_size = [row["n_kernels"] for row in attributes["layers"] if row["kernel_size"] == size]
    if not of_size:
        return np.zeros((0, size, size), np.float32)
    kernels = read_array(group / f"k{size}/kernels", out)
    if len(kernels) != sum(of_size):
        raise ValueError("the layer table has another number of kernels")
    name, check = (CRC32, crc32) if CRC32 in attributes else (SHA256, sha256)
    if check(kernels) != attributes[name][f"k{size}"]:
        raise ValueError("kernels differ from their checksum")
    return kernels


def sha256(kernels: np.ndarray) -> str:
    """SHA-256 of kernels as little-endian float32 in C order."""
    return hashlib.sha256(np.ascontiguousarray(kernels, "<f4").data).hexdigest()


def crc32(kernels: np.ndarray) -> int:
    """CRC-32 of the same bytes."""
    return zlib.crc32(np.ascontiguousarray(kernels, "<f4").data)
