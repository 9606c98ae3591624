"""Read kernels from a .safetensors file: only its header and their bytes."""

import re

import numpy as np

from kernel_atlas.checkpoints.header import Tensor, read_header
from kernel_atlas.checkpoints.layer import Layer, layer_name
from kernel_atlas.checkpoints.selection import Selection, choose_rows
from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.local import LocalFile
from kernel_atlas.sources.remote import RemoteFile

# BF16 is the upper half of a float32, which numpy lacks
NUMPY_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
TORCH_DTYPES = {"F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2"}


def read_safetensors(file: LocalFile | RemoteFile, selection: Selection) -> list[Layer]:
    """The selected kernels by name, numbers counted as numbers (9 before 10).

    A header does not give the network's order. In all of the paper's timm models the
    order of the names is the same (tests/unit/sources/test_timm.py).

    Raises
    ------
    AtlasError
        If the file is not complete, or its kernels are not floating point.
    """
    header = read_header(file)
    shapes = {name: header[name].shape for name in sorted(header, key=_natural)}
    rows = choose_rows(selection, shapes, file.name)
    runs = {name: _runs(header[name], np.asarray(chosen)) for name, chosen in rows.items()}
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


def _runs(tensor: Tensor, rows: np.ndarray) -> list[tuple[int, int]]:
    """The byte ranges of these rows, neighbours together."""
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
    with np.errstate(over="ignore"):  # an overflow is infinite and reported as such
        return values.astype(np.float32)


def _natural(name: str) -> list[tuple[int, str]]:
    """A sort key by which block.10 follows block.9."""
    digits = re.compile(r"([0-9]+)")
    return [
        (len(part.lstrip("0")), part.lstrip("0")) if digits.fullmatch(part) else (-1, part)
        for part in digits.split(name)
    ]
