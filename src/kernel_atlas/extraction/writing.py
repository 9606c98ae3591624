"""Write a model's kernels as a group of the store.

The group is written beside the store and moved into it whole, so that a killed
job leaves nothing that looks finished.
"""

import contextlib
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kernel_atlas import __version__
from kernel_atlas.atomic import space_for
from kernel_atlas.checkpoints.layer import Layer
from kernel_atlas.extraction.kernels import LayerInfo, gather_kernels, list_layers
from kernel_atlas.extraction.store import (
    CRC32,
    ENCODING_TYPE,
    ENCODING_VERSION,
    SHA256,
    crc32,
    sha256,
)

if TYPE_CHECKING:
    import zarr

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


def _write_group(
    path: Path, layers: Sequence[Layer], table: Sequence[LayerInfo], facts: dict[str, Any]
) -> None:
    import zarr

    checksums: dict[str, dict[str, Any]] = {SHA256: {}, CRC32: {}}
    root = zarr.open_group(path, mode="w-")
    for size in sorted({layer.kernel_size for layer in table}):
        kernels = gather_kernels(layers, size).kernels
        _write_kernels(root.create_group(f"k{size}"), kernels)
        checksums[SHA256][f"k{size}"] = sha256(kernels)
        checksums[CRC32][f"k{size}"] = crc32(kernels)
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
