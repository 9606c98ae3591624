"""Checkpoints for the stand-in hub: timm's real architectures as sparse .safetensors files."""

import json
import math
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kernel_atlas.sources.timm_build import build

# bytes per element, in the order in which the safetensors library writes dtypes
_BY_BYTES = {8: "U64 I64 F64", 4: "F32 U32 I32", 2: "BF16 F16 U16 I16", 1: "I8 U8 BOOL"}
ITEM_BYTES = {dtype: n for n, dtypes in _BY_BYTES.items() for dtype in dtypes.split()}
DTYPES = {"torch.float32": "F32", "torch.int64": "I64"}

Tensors = Mapping[str, tuple[str, Sequence[int], Any]]


def write_checkpoint(timm_name: str, path: Path, seed: int = 0) -> dict[str, np.ndarray]:
    """Write a checkpoint of a timm model, of which only the depthwise weights take up disk space.

    Every tensor of the model's state dict is in the file with its real shape. Those that are not
    depthwise are holes and read as 0.

    Returns
    -------
    dict of str to ndarray
        The depthwise weights by name, float32 of shape (n, 1, k, k), decided by `timm_name` and
        `seed`.
    """
    state = build(timm_name).state_dict(keep_vars=True)
    first: dict[int, str] = {}  # a module that is used in several places has a name in each
    weights = {
        name: _make_weights(
            f"{timm_name}/{first.setdefault(id(tensor), name)}", tuple(tensor.shape), seed
        )
        for name, tensor in state.items()
        if _is_depthwise(tensor.shape)
    }
    tensors = {
        name: (DTYPES[str(tensor.dtype)], tuple(tensor.shape), weights.get(name))
        for name, tensor in state.items()
    }
    write_safetensors(path, tensors)
    return weights


def depthwise_shapes(timm_name: str) -> dict[str, tuple[int, ...]]:
    """Shapes (n, 1, k, k) of a timm model's depthwise weights by name, all in memory."""
    shapes = {name: tuple(tensor.shape) for name, tensor in build(timm_name).state_dict().items()}
    return {name: shape for name, shape in shapes.items() if _is_depthwise(shape)}


def make_header(tensors: Tensors, metadata: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The header of a .safetensors file, in the library's order: by item size, then by name."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"} if metadata is None else metadata}
    dtypes = list(ITEM_BYTES)
    start = 0
    for name in sorted(tensors, key=lambda name: (dtypes.index(tensors[name][0]), name)):
        dtype, shape, _ = tensors[name]
        stop = start + ITEM_BYTES[dtype] * math.prod(shape)
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [start, stop]}
        start = stop
    return header


def write_safetensors(
    path: Path,
    tensors: Tensors,
    metadata: Mapping[str, str] | None = None,
    *,
    header: Mapping[str, Any] | bytes | None = None,
    header_length: int | None = None,
) -> None:
    """Write a .safetensors file with holes, or with a broken header.

    Parameters
    ----------
    tensors : mapping of str to (dtype, shape, data)
        dtype as in the format ("F32"); data a buffer (bytes, a contiguous ndarray), or None
        for a hole.
    metadata : mapping of str to str, optional
        By default as torch writes it.
    header : mapping or bytes, optional
        Written in place of the right header (`make_header`).
    header_length : int, optional
        Written in place of the header's real length.
    """
    layout = make_header(tensors, metadata)
    text = layout if header is None else header
    if not isinstance(text, bytes):
        text = json.dumps(text, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
    length = len(text) if header_length is None else header_length
    with Path(path).open("wb") as file:
        file.write(length.to_bytes(8, "little") + text)
        data_start = stop = file.tell()
        for name, (_, _, data) in tensors.items():
            start, stop_here = (data_start + offset for offset in layout[name]["data_offsets"])
            stop = max(stop, stop_here)
            if data is not None:
                file.seek(start)
                file.write(data)
        file.truncate(stop)


def _is_depthwise(shape: Sequence[int]) -> bool:
    # not imported from the project, which tests compare with this
    return len(shape) == 4 and shape[0] > 1 and shape[1] == 1 and min(shape[2:]) > 1


def _make_weights(name: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    return rng.standard_normal(shape, dtype=np.float32)
