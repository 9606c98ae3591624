"""The header of a .safetensors file, which tells where each tensor lies.

The format: an 8-byte length, JSON, then the tensors without gap or overlap. Its own
library reads local files only; whatever that refuses is refused here too.
"""

import json
import math
from itertools import pairwise
from typing import Any, NamedTuple

from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.local import LocalFile
from kernel_atlas.sources.remote import RemoteFile

# a tenth of the format's own limit, at which hostile JSON took 2.7 GB and 26 s to parse
MAX_HEADER_BYTES = 10_000_000
# bits of an element, for all dtypes of the format
DTYPE_BITS = {
    **dict.fromkeys(["F4"], 4),
    **dict.fromkeys(["F6_E2M3", "F6_E3M2"], 6),
    **dict.fromkeys(["BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0"], 8),
    **dict.fromkeys(["F8_E4M3FNUZ", "F8_E5M2FNUZ"], 8),
    **dict.fromkeys(["I16", "U16", "F16", "BF16"], 16),
    **dict.fromkeys(["I32", "U32", "F32"], 32),
    **dict.fromkeys(["I64", "U64", "F64", "C64"], 64),
}


class Tensor(NamedTuple):
    """An entry of the header, with byte offsets from the start of the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


def read_header(file: LocalFile | RemoteFile) -> dict[str, Tensor]:
    """The header of a .safetensors file, by the tensors' names.

    Raises
    ------
    AtlasError
        If it is not valid, or does not fit the file's size.
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
        header = _parse(content[8:begin], begin)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _broken(file, f"bad header: {type(error).__name__}: {error}") from None
    tensors = sorted(header.values(), key=lambda tensor: (tensor.start, tensor.stop))
    ends = [begin, *(tensor.stop for tensor in tensors)]
    if ends[-1] != size:
        raise _broken(file, f"its header describes {ends[-1]:,} bytes, the file has {size:,}")
    if any(tensor.start != end for tensor, end in zip(tensors, ends, strict=False)) or any(
        stop < start for start, stop in pairwise(ends)
    ):
        raise _broken(file, "the offsets in its header leave gaps or overlap")
    for name, tensor in header.items():
        n_bytes = tensor.stop - tensor.start
        if _n_values(tensor.shape) * DTYPE_BITS[tensor.dtype] != n_bytes * 8:
            shape = "x".join(map(str, tensor.shape))
            raise _broken(file, f"{name} of shape {shape} and {tensor.dtype} has {n_bytes:,} bytes")
    return header


def _parse(text: bytes, begin: int) -> dict[str, Tensor]:
    """The header's entries, as strict as the format's own library."""
    entries = json.loads(text.decode(), object_pairs_hook=_unique)
    json.dumps(entries, ensure_ascii=False).encode()  # half a surrogate pair is not text
    if not isinstance(entries, dict):
        raise TypeError("not an object")
    metadata = entries.pop("__metadata__", None)
    is_text = isinstance(metadata, dict) and all(isinstance(x, str) for x in metadata.values())
    if metadata is not None and not is_text:
        raise TypeError("__metadata__ holds something other than text")
    header = {}
    for name, entry in entries.items():
        start, stop = _whole_numbers(entry["data_offsets"])
        if entry["dtype"] not in DTYPE_BITS:
            raise ValueError(f"{name!r} has an unknown dtype")
        shape = _whole_numbers(entry["shape"])
        header[name] = Tensor(entry["dtype"], shape, begin + start, begin + stop)
    return header


def _n_values(shape: tuple[int, ...]) -> float:
    """The product of the lengths, infinite once it overflows: many would take too long."""
    product = 1
    for length in shape:
        product *= length
        if product >= 1 << 64:
            return math.inf
    return product


def _whole_numbers(values: Any) -> tuple[int, ...]:
    if not isinstance(values, list) or not all(
        type(value) is int and 0 <= value < 1 << 64 for value in values
    ):
        raise ValueError("shape or offsets are not whole numbers")
    return tuple(values)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _broken(file: LocalFile | RemoteFile, cause: str) -> AtlasError:
    return AtlasError(
        f"{file.name} is not a complete safetensors file ({cause}); download or save it again"
    )
