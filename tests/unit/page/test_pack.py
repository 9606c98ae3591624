"""Packed arrays hold what was put in, in the form that docs of pack_arrays promise."""

import base64
import json
import zlib

import numpy as np
import pytest

from kernel_atlas.page.pack import TYPES, pack_arrays, pack_json


def test_arrays_follow_their_header(rng):
    arrays = {name: rng.integers(0, 100, (3, 2)).astype(name) for name in TYPES}
    data = zlib.decompress(base64.b64decode(pack_arrays(arrays)))
    length = int(np.frombuffer(data[:4], "<u4")[0])
    header, start = json.loads(data[4 : 4 + length]), 4 + length
    assert [entry[0] for entry in header] == list(arrays)
    for name, _, count in header:
        dtype = np.dtype(name).newbyteorder("<")
        stop = start + count * dtype.itemsize
        np.testing.assert_array_equal(np.frombuffer(data[start:stop], dtype), arrays[name].ravel())
        start = stop
    assert start == len(data)


def test_what_javascript_cannot_read_is_refused():
    with pytest.raises(KeyError, match="complex128"):
        pack_arrays({"a": np.zeros(3, complex)})
    with pytest.raises(ValueError, match="JSON"):
        pack_json({"percent": float("nan")})
