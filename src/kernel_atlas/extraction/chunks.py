"""Read an array of the store, the usual one without zarr, whose import takes a quarter second."""

import json
from pathlib import Path
from typing import Any

import numpy as np


def read_array(path: Path, out: np.ndarray | None = None) -> np.ndarray:
    """Read an array of the store whole.

    Raw chunks along the first axis are read as they lie, as `writing.write_model` writes kernels.
    All else is zarr's: compressed chunks, shards, chunks left out for being zero, damage.

    Parameters
    ----------
    path : path
        The folder of the array.
    out : ndarray, float32, optional
        Where to put it: contiguous, of its shape. New memory takes as long as reading.

    Returns
    -------
    ndarray
        `out`, or a new array.

    Raises
    ------
    ValueError
        If `out` has another shape.
    """
    metadata = json.loads((path / "zarr.json").read_bytes())
    if _is_raw(metadata):
        n, *inner = metadata["shape"]
        chunk = metadata["chunk_grid"]["configuration"]["chunk_shape"]
        files = [path.joinpath("c", str(i), *"0" * len(inner)) for i in range(-(-n // chunk[0]))]
        dtype = np.dtype("<f4")
        n_bytes = dtype.itemsize * int(np.prod(chunk))
        if all(file.is_file() and file.stat().st_size == n_bytes for file in files):
            whole = _place((n, *inner), out)
            for i, file in enumerate(files):
                # the last chunk is as long as the others, and may go on behind the array
                _fill(whole[i * chunk[0] : (i + 1) * chunk[0]], file)
            return whole
    import zarr

    array = zarr.open_array(path, mode="r")
    whole = _place(array.shape, out)
    whole[...] = array[...]
    return whole


def _place(shape: tuple[int, ...], out: np.ndarray | None) -> np.ndarray:
    if out is None:
        return np.empty(shape, np.dtype("<f4"))
    if out.shape != shape:
        raise ValueError(f"the array has the shape {shape}, expected {out.shape}")
    return out


def _fill(part: np.ndarray, file: Path) -> None:
    with file.open("rb") as chunk:
        n_bytes = chunk.readinto(part.data)
    if n_bytes != part.nbytes:
        raise OSError(f"{file} ends early")


def _is_raw(metadata: dict[str, Any]) -> bool:
    """Whether an array is not empty and has little-endian chunks along its first axis alone."""
    grid, shape = metadata["chunk_grid"], metadata["shape"]
    return (
        metadata["zarr_format"] == 3
        and metadata["data_type"] == "float32"
        and metadata["codecs"] == [{"name": "bytes", "configuration": {"endian": "little"}}]
        and metadata["chunk_key_encoding"]
        == {"name": "default", "configuration": {"separator": "/"}}
        and metadata["storage_transformers"] == []
        and grid["name"] == "regular"
        and grid["configuration"]["chunk_shape"][1:] == shape[1:]
        and shape[0] > 0
    )
