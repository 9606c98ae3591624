"""Read kernels from a .safetensors file: only its header and their bytes."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from kernel_atlas.checkpoints.entry import Entry, Rows
from kernel_atlas.checkpoints.header import Tensor, read_header
from kernel_atlas.checkpoints.layer import layer_name
from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.local import LocalFile
from kernel_atlas.sources.remote import Range, RemoteFile

# BF16 is the upper half of a float32, which numpy lacks
NUMPY_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
NUMPY_DTYPES |= {"I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "?"}
TORCH_DTYPES = {"F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2"}


class Safetensors:
    """The tensors of one or more .safetensors files (`entry.Tensors`).

    By name, numbers counted as numbers (9 before 10). A header does not give the network's
    order. In all of the paper's timm models the order of the names is the same
    (tests/unit/sources/test_timm.py).

    Parameters
    ----------
    files : sequence of LocalFile or RemoteFile
        The parts of one checkpoint. Their headers are read.

    Raises
    ------
    AtlasError
        If a file is not complete, or two files have a tensor of the same name.
    """

    is_ordered = False

    def __init__(self, files: Sequence[LocalFile | RemoteFile]) -> None:
        self._places: dict[str, tuple[LocalFile | RemoteFile, Tensor]] = {}
        for file in files:
            for name, tensor in read_header(file).items():
                if name in self._places:
                    other = self._places[name][0].name
                    raise AtlasError(
                        f"{name} is in both {other} and {file.name}, parts of one file"
                    )
                self._places[name] = (file, tensor)
        self.entries = {
            name: Entry(self._places[name][1].shape, _dtype_name(self._places[name][1].dtype))
            for name in sorted(self._places, key=_natural)
        }

    def ranges(self, rows: Mapping[str, Rows]) -> dict[LocalFile | RemoteFile, list[Range]]:
        """The byte ranges of these rows, by file."""
        found: dict[LocalFile | RemoteFile, list[Range]] = {}
        for name, chosen in rows.items():
            file, tensor = self._places[name]
            found.setdefault(file, []).extend(_runs(tensor, chosen))
        return found

    def read(self, rows: Mapping[str, Rows]) -> dict[str, np.ndarray]:
        """The values of these rows, float32."""
        for name in rows:
            dtype = self._places[name][1].dtype
            if dtype not in NUMPY_DTYPES | TORCH_DTYPES:
                raise AtlasError(f"layer {layer_name(name)}: {dtype} weights cannot be read")
        pieces = {file: iter(file.read(ranges)) for file, ranges in self.ranges(rows).items()}
        values = {}
        for name, chosen in rows.items():
            file, tensor = self._places[name]
            content = b"".join(next(pieces[file]) for _ in _runs(tensor, chosen))
            n_rows = () if not tensor.shape else (-1,)
            values[name] = _to_float32(content, tensor.dtype).reshape((*n_rows, *tensor.shape[1:]))
        return values


def _dtype_name(dtype: str) -> str:
    """As numpy or torch writes it."""
    if dtype == "BF16":
        return "bfloat16"
    if dtype in TORCH_DTYPES:
        return TORCH_DTYPES[dtype]
    return np.dtype(NUMPY_DTYPES[dtype]).name if dtype in NUMPY_DTYPES else dtype.lower()


def _runs(tensor: Tensor, rows: Rows) -> list[Range]:
    """The byte ranges of these rows, neighbours together."""
    if rows is None:
        return [(tensor.start, tensor.stop)]
    rows = np.asarray(rows)
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
