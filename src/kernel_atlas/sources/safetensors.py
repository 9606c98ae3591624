"""Read kernels from a .safetensors file: its header and their bytes alone.

The format's own library reads local files only; the header's rules are the same
here: an 8-byte length, JSON, then the tensors without gap or overlap.
"""

import json
import math
import re
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.checkpoint import Layer, Selection, layer_name
from kernel_atlas.sources.file import LocalFile
from kernel_atlas.sources.remote import RemoteFile

MAX_HEADER_BYTES = 100_000_000  # the format's own limit
# BF16 is the upper half of a float32, which numpy lacks
NUMPY_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
TORCH_DTYPES = {"F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2"}


class Tensor(NamedTuple):
    """An entry of the header, its bytes counted from the start of the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


def read_safetensors(file: LocalFile | RemoteFile, selection: Selection) -> list[Layer]:
    """The selected kernels in the order of their names, numbers counted as numbers.

    A header does not tell the network's order; that of the names is the same in
    all of the paper's timm models (tests/unit/test_architectures.py).

    Raises
    ------
    AtlasError
        If the file is not whole, or holds kernels that are not floating point.
    """
    header = read_header(file)
    rows = {
        name: chosen
        for name in sorted(header, key=_natural)
        if (chosen := selection.rows(name, header[name].shape)) is not None
    }
    runs = {name: _runs(header[name], chosen) for name, chosen in rows.items()}
    for name in rows:
        if header[name].dtype not in NUMPY_DTYPES | TORCH_DTYPES:
            raise AtlasError(
                f"layer {layer_name(name)}: {header[name].dtype} weights; "
                "only floating point is read"
            )
    data = iter(file.read([run for name in runs for run in runs[name]]))
    layers = []
    for name, chosen in rows.items():
        tensor = header[name]
        content = b"".join(next(data) for _ in runs[name])
        weights = _to_float32(content, tensor.dtype).reshape(len(chosen), *tensor.shape[1:])
        layers.append(Layer(layer_name(name), selection.kernels(name, weights)))
    return layers


def read_header(file: LocalFile | RemoteFile) -> dict[str, Tensor]:
    """The header of a .safetensors file, by the tensors' names.

    Raises
    ------
    AtlasError
        If it is none, or does not fit the file's size.
    """
    (content,) = file.read([(0, file.first_bytes)])
    length = int.from_bytes(content[:8], "little")
    size = file.size or 0
    if len(content) < 8 or not 2 <= length <= min(MAX_HEADER_BYTES, size - 8):
        raise _broken(file, f"header length {length:,} in a file of {size:,} bytes")
    if len(content) < 8 + length:
        content += file.read([(len(content), 8 + length)])[0]
    begin = 8 + length
    try:
        entries = json.loads(content[8:begin])
        entries.pop("__metadata__", None)
        header = {
            name: Tensor(
                str(entry["dtype"]),
                tuple(map(int, entry["shape"])),
                *(begin + int(offset) for offset in entry["data_offsets"]),
            )
            for name, entry in entries.items()
        }
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _broken(file, f"no header: {type(error).__name__}: {error}") from None
    tensors = sorted(header.values(), key=lambda tensor: (tensor.start, tensor.stop))
    # of a file without any, there is nothing to check
    ends = [begin, *(tensor.stop for tensor in tensors)]
    if ends[-1] != size and header:
        raise _broken(file, f"its header speaks of {ends[-1]:,} bytes, the file has {size:,}")
    if any(tensor.start != end for tensor, end in zip(tensors, ends, strict=False)) or any(
        stop < start for start, stop in pairwise(ends)
    ):
        raise _broken(file, "the offsets in its header leave gaps or overlap")
    for name, tensor in header.items():
        if min(tensor.shape, default=0) < 0:
            raise _broken(file, f"{name} has the shape {tensor.shape}")
        itemsize = np.dtype(NUMPY_DTYPES.get(tensor.dtype, "V0")).itemsize
        n_bytes = tensor.stop - tensor.start
        if itemsize and math.prod(tensor.shape) * itemsize != n_bytes:
            shape = "x".join(map(str, tensor.shape))
            raise _broken(file, f"{name} of shape {shape} and {tensor.dtype} has {n_bytes:,} bytes")
    return header


def _runs(tensor: Tensor, rows: np.ndarray) -> list[tuple[int, int]]:
    """The byte ranges of these entries of the first dimension, neighbours together."""
    step = (tensor.stop - tensor.start) // tensor.shape[0]
    parts = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    return [
        (tensor.start + int(part[0]) * step, tensor.start + (int(part[-1]) + 1) * step)
        for part in parts
    ]


def _to_float32(content: bytes, dtype: str) -> np.ndarray:
    if dtype in TORCH_DTYPES:
        import torch

        tensor = torch.frombuffer(bytearray(content), dtype=getattr(torch, TORCH_DTYPES[dtype]))
        return tensor.float().numpy()
    values = np.frombuffer(content, NUMPY_DTYPES[dtype])
    if dtype == "BF16":
        return (values.astype(np.uint32) << 16).view(np.float32)
    with np.errstate(over="ignore"):  # what overflows is infinite and reported as such
        return values.astype(np.float32)


def _natural(name: str) -> list[tuple[int, str]]:
    """A sort key by which block.10 follows block.9."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _broken(file: LocalFile | RemoteFile, cause: str) -> AtlasError:
    return AtlasError(f"{file.name} is no whole safetensors file ({cause})")
