"""Arrays as text that a page can hold: unpack in web/data.js is the other end."""

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

# By numpy's name, the array of JavaScript that reads it. All are little-endian there.
TYPES = {"int8": "Int8Array", "uint8": "Uint8Array", "uint16": "Uint16Array"} | {
    "uint32": "Uint32Array",
    "float32": "Float32Array",
}


def pack_arrays(arrays: Mapping[str, np.ndarray]) -> str:
    """Pack arrays by name, as one compressed block.

    Parameters
    ----------
    arrays : mapping
        Arrays of any shape, of the dtypes in `TYPES`. The other end gets them flat.

    Returns
    -------
    str
        Base64 of a zlib stream: the length of a header (uint32), the header (JSON: a list of
        name, type and length in elements), and the arrays.

    Raises
    ------
    KeyError
        If JavaScript has no such array.
    """
    header = [(name, TYPES[array.dtype.name], array.size) for name, array in arrays.items()]
    text = json.dumps(header).encode()
    parts = [np.uint32(len(text)).tobytes(), text]
    parts += [array.astype(array.dtype.newbyteorder("<")).tobytes() for array in arrays.values()]
    return _compress(b"".join(parts))


def pack_json(value: Any) -> str:
    """Pack what JSON can hold. NaN and infinity have no place in JSON: ValueError."""
    return _compress(json.dumps(value, allow_nan=False, separators=(",", ":")).encode())


def _compress(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data)).decode()
