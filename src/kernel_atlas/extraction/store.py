"""The kernel store, results/kernels.zarr: one zarr group per model (docs/store.md).

A group is written beside the store and moved into it whole, so that a killed
job leaves nothing that looks finished.
"""

import contextlib
import hashlib
import json
import shutil
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kernel_atlas import __version__
from kernel_atlas.atomic import space_for
from kernel_atlas.checkpoints.layer import Layer
from kernel_atlas.errors import AtlasError
from kernel_atlas.extraction.chunks import read_array
from kernel_atlas.extraction.kernels import (
    Kernels,
    LayerInfo,
    gather_kernels,
    join_signs,
    list_layers,
    number_channels,
)
from kernel_atlas.sources.schemes import stamp

if TYPE_CHECKING:
    import zarr

ENCODING_TYPE = "kernel-atlas-model"
ENCODING_VERSION = 2
READABLE_VERSIONS = (1, 2)  # 1 also had an array with the layer of each kernel

# Attributes with a checksum of each size's kernels: one that tells kernels apart, and one that
# takes no time, which is compared whenever kernels are read. Earlier releases had the first alone.
SHA256, CRC32 = "kernels_sha256", "kernels_crc32"

# A chunk is one file: a model is a handful of files.
CHUNK_KERNELS = 65_536


def write_model(group: str | Path, layers: Sequence[Layer], facts: dict[str, Any]) -> None:
    """Write a model's kernels as a group of the store, replacing any older one.

    Parameters
    ----------
    group : path
        ``.../kernels.zarr/<model>``.
    layers : sequence of Layer
        In order; layers that share a name differ in size. Empty for a model that failed.
    facts : dict
        Further attributes that JSON can hold (source, checksum, ...). Not the time of
        writing: the same source must give the same bytes.

    Raises
    ------
    NoSpaceError
        If the disk is full; nothing is left behind then.
    """
    import zarr
    from zarr.errors import ContainsGroupError

    group = Path(group)
    table = list_layers(layers)
    # Not inside the store: zarr would list a leftover as a model, or warn of it.
    partial = group.parent.with_name(group.parent.name + ".partial") / group.name
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with space_for(group):
            _write_group(partial, layers, table, facts)
            with contextlib.suppress(ContainsGroupError):  # another job has just made it
                zarr.open_group(group.parent, mode="a")  # the store itself is a group too
        shutil.rmtree(group, ignore_errors=True)
        partial.rename(group)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        with contextlib.suppress(OSError):  # another model is being written
            partial.parent.rmdir()


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
    of_size = [info.n_kernels for info in _list_layers(attributes) if info.kernel_size == size]
    if not of_size:
        return np.zeros((0, size, size), np.float32)
    kernels = read_array(group / f"k{size}/kernels", out)
    if len(kernels) != sum(of_size):
        raise ValueError("the layer table has another number of kernels")
    name, check = (CRC32, _crc32) if CRC32 in attributes else (SHA256, _sha256)
    if check(kernels) != attributes[name][f"k{size}"]:
        raise ValueError("kernels differ from their checksum")
    return kernels


def _write_group(
    path: Path, layers: Sequence[Layer], table: Sequence[LayerInfo], facts: dict[str, Any]
) -> None:
    import zarr

    checksums: dict[str, dict[str, Any]] = {SHA256: {}, CRC32: {}}
    root = zarr.open_group(path, mode="w-")
    for size in sorted({layer.kernel_size for layer in table}):
        kernels = gather_kernels(layers, size).kernels
        _write_kernels(root.create_group(f"k{size}"), kernels)
        checksums[SHA256][f"k{size}"] = _sha256(kernels)
        checksums[CRC32][f"k{size}"] = _crc32(kernels)
    root.attrs.put(
        {
            "encoding-type": ENCODING_TYPE,
            "encoding-version": ENCODING_VERSION,
            "layers": [asdict(info) for info in table],
            **checksums,
            "versions": {"kernel_atlas": __version__, "zarr": zarr.__version__},
            **facts,
        }
    )


def _sha256(kernels: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(kernels, "<f4").data).hexdigest()


def _crc32(kernels: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(kernels, "<f4").data)


def _write_kernels(group: "zarr.Group", kernels: np.ndarray) -> None:
    """Not compressed: a tenth of the bytes could be saved, but unpacking takes longer."""
    n_chunks = max(1, -(-len(kernels) // CHUNK_KERNELS))
    group.create_array(
        "kernels",
        data=kernels,
        chunks=(max(1, -(-len(kernels) // n_chunks)), *kernels.shape[1:]),
        compressors=None,
        dimension_names=("kernel", "y", "x"),
    )
