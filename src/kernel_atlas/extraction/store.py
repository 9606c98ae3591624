"""The kernel store, results/kernels.zarr: one zarr group per model (docs/store.md).

A group is written beside the store and moved into it whole, so that a killed
job leaves nothing that looks finished.
"""

import contextlib
import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.errors import ContainsGroupError

from kernel_atlas import __version__
from kernel_atlas.atomic import space_for
from kernel_atlas.checkpoints.layer import Layer
from kernel_atlas.errors import AtlasError
from kernel_atlas.extraction.kernels import (
    Kernels,
    LayerInfo,
    gather_kernels,
    list_layers,
    number_channels,
)

ENCODING_TYPE = "kernel-atlas-model"
ENCODING_VERSION = 1

# A chunk is the unit of reading, a shard is one file: a model is a handful of files.
CHUNK_KERNELS = 4096
SHARD_KERNELS = 16 * CHUNK_KERNELS


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
        _, layers = _open(Path(group))
    return layers


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
        root, layers = _open(Path(group))
        kernels, layer = _read_size(root, size, layers)
    return Kernels(kernels, layer, number_channels(layer), layers)


@contextlib.contextmanager
def _faults_named(group: Path, what: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise AtlasError(f"model {group.name}: not in the store {group.parent}") from None
    # zarr raises any of these for damaged files
    except (KeyError, TypeError, ValueError, RuntimeError, OSError) as error:
        raise AtlasError(
            f"model {group.name}: the {what} in {group} are damaged ({error}); "
            "delete the group and extract it again"
        ) from None


def _open(group: Path) -> tuple[zarr.Group, list[LayerInfo]]:
    """A model's group, its encoding checked, and its layer table."""
    root = zarr.open_group(group, mode="r")
    found = (root.attrs.get("encoding-type"), root.attrs.get("encoding-version"))
    if found != (ENCODING_TYPE, ENCODING_VERSION):
        raise AtlasError(
            f"model {group.name}: {group} has encoding {found}, expected "
            f"{(ENCODING_TYPE, ENCODING_VERSION)}; delete the group and extract it again"
        )
    return root, [LayerInfo(**row) for row in root.attrs["layers"]]  # type: ignore[union-attr, arg-type]


def _read_size(
    root: zarr.Group, size: int, layers: list[LayerInfo]
) -> tuple[np.ndarray, np.ndarray]:
    """The arrays of one size, checked against the group's attributes; ValueError if they differ."""
    rows = [(info.index, info.n_kernels) for info in layers if info.kernel_size == size]
    if not rows:
        return np.zeros((0, size, size), np.float32), np.zeros(0, np.int32)
    kernels = np.asarray(root[f"k{size}/kernels"][:])  # type: ignore[index]
    layer = np.asarray(root[f"k{size}/layer"][:])  # type: ignore[index]
    if _digest(kernels) != root.attrs["kernels_sha256"][f"k{size}"]:  # type: ignore[index, call-overload]
        raise ValueError("kernels differ from their checksum")
    if not np.array_equal(layer, np.repeat(*np.array(rows).T)):
        raise ValueError("layer numbers differ from the layer table")
    return kernels, layer


def _write_group(
    path: Path, layers: Sequence[Layer], table: Sequence[LayerInfo], facts: dict[str, Any]
) -> None:
    digests = {}
    root = zarr.open_group(path, mode="w-")
    for size in sorted({layer.kernel_size for layer in table}):
        of_size = gather_kernels(layers, size)
        subgroup = root.create_group(f"k{size}")
        _write_array(subgroup, "kernels", of_size.kernels, ("kernel", "y", "x"))
        _write_array(subgroup, "layer", of_size.layer, ("kernel",))
        digests[f"k{size}"] = _digest(of_size.kernels)
    root.attrs.put(
        {
            "encoding-type": ENCODING_TYPE,
            "encoding-version": ENCODING_VERSION,
            "layers": [asdict(info) for info in table],
            "kernels_sha256": digests,
            "versions": {"kernel_atlas": __version__, "zarr": zarr.__version__},
            **facts,
        }
    )


def _digest(kernels: np.ndarray) -> str:
    return hashlib.sha256(kernels.astype("<f4").tobytes()).hexdigest()


def _write_array(group: zarr.Group, name: str, data: np.ndarray, dimensions: tuple) -> None:
    n_chunks = max(1, -(-min(len(data), SHARD_KERNELS) // CHUNK_KERNELS))
    group.create_array(
        name,
        data=data,
        chunks=(CHUNK_KERNELS, *data.shape[1:]),
        shards=(n_chunks * CHUNK_KERNELS, *data.shape[1:]),
        dimension_names=dimensions,
    )
