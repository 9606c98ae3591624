"""Our reader of .safetensors against the format's own library: the same files, the same values.

tests/fuzz_header.py compares them on made-up headers; here are those near a valid one.
"""

import json
from copy import deepcopy

import numpy as np
import pytest
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from support.checkpoints import make_header, write_safetensors

from kernel_atlas.checkpoints.choice import Choice
from kernel_atlas.checkpoints.depthwise import Depthwise
from kernel_atlas.checkpoints.header import read_header
from kernel_atlas.checkpoints.read import read_checkpoint
from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.local import LocalFile

TENSORS = {
    "a.weight": ("F32", (4, 1, 3, 3), np.arange(36, dtype="f4").tobytes()),
    "b.weight": ("F16", (2, 3), np.arange(6, dtype="f2").tobytes()),
    "n": ("I64", (), np.array(3).tobytes()),
}
HEADER = make_header(TENSORS)
TEXT = json.dumps(HEADER, separators=(",", ":"))

ANYTHING = [None, True, -1, 0, 3.0, "3", 2**64, 1e400, float("nan"), [], {}, [[1]]]
VALUES = {
    "dtype": [*ANYTHING, "f32", "F16", "F64", "BF16", "F8_E4M3", "F4", "U8", "I64", "F128", ""],
    "shape": [
        *(*ANYTHING, [36], [4, 9], [36.0], ["36"], [True, 36], [-4, -9], [4, 9, 0], [6], [3]),
        *([2**63, 2**63], [0, 2**64], [4, 1, 3, 3, 1], [2, 3, 1]),
    ],
    "data_offsets": [
        *(*ANYTHING, [0, 144], [0, 143], [144, 0], [0, 144, 2], [-8, 144], [1, 145], [8, 152]),
        *([8.0, 152], ["8", 152], [8, 2**60], [2**63, 2**63 + 144], [0, 2**64], [0], [0, 8]),
    ],
}
REPLACEMENTS = [
    *(('"b.weight"', name) for name in ['"a.weight"', '"\\ud800"', '"b\x01"', '""', '"b\\u0000"']),
    *(("[4,1,3,3]", shape) for shape in ["[04,1,3,3]", "[4,1,3,3,]", "[4.0,1,3,3]", "[4e0,1,3,3]"]),
    *(("[4,1,3,3]", shape) for shape in ["[NaN]", "[1_0]", "[-0,4]", '[4,1,3,3],"m":"\\ud800"']),
    *(('{"format":"pt"}', facts) for facts in ['{"format":1}', '{"\\ud800":"pt"}', "{}", "null"]),
    ('"n":{', '"n":{"more":1,'),
    ('"dtype":"F32"', '"dtype":"F32","dtype":"F32"'),
    ("{", "/**/{"),
]


def changed_entries():
    """Headers with one value replaced or missing."""
    places = [(name, field) for name in TENSORS for field in VALUES]
    for keys in [*places, *((name,) for name in [*TENSORS, "__metadata__"])]:
        for value in [*VALUES.get(keys[-1], ANYTHING), KeyError]:
            header = deepcopy(HEADER)
            place = header[keys[0]] if len(keys) == 2 else header
            if value is KeyError:
                del place[keys[-1]]
            else:
                place[keys[-1]] = value
            yield f"{keys}: {value}", {"header": header}


def changed_texts():
    """Headers of other text, and lengths that are not the header's."""
    texts = [TEXT.replace(old, new, 1).encode() for old, new in REPLACEMENTS]
    text = TEXT.encode()
    texts += [text + end for end in (b" ", b"\n", b"\0", b"x")]
    texts += [begin + text for begin in (b" ", b"\n", b"\xef\xbb\xbf")] + [text[:-1]]
    texts += [TEXT.encode(code) for code in ("utf-16", "utf-16-le", "utf-32")]
    texts += [b"", b"{}", b"  {}  ", b"[]", b"null", b"{" * 50_000, b'{"a":' * 50_000, b"<html>"]
    for content in texts:
        yield f"text {content[:400]!r}", {"header": content}
    length = len(text)
    for n in (0, 1, 7, length - 1, length + 1, 10**8 + 1, 2**32, 2**60, 2**63, 2**64 - 1):
        yield f"header length {n}", {"header": text, "header_length": n}


def library_accepts(path):
    try:
        with safe_open(path, "pt"):
            return True
    except SafetensorError:
        return False


@pytest.mark.parametrize("changes", [changed_entries, changed_texts])
def test_we_accept_what_the_library_accepts(tmp_path, changes):
    path = tmp_path / "net.safetensors"
    differences, n_accepted = [], 0
    for what, options in changes():
        write_safetensors(path, TENSORS, **options)
        expected = library_accepts(path)
        n_accepted += expected
        try:
            read_header(LocalFile(path))
            found = True
        except AtlasError:
            found = False
        if found != expected:
            differences.append(what)
    assert differences == []
    assert n_accepted > 3


def test_a_file_cut_anywhere_or_continued_is_refused(tmp_path):
    path = tmp_path / "net.safetensors"
    write_safetensors(path, TENSORS)
    whole = path.read_bytes()
    assert set(read_header(LocalFile(path))) == set(TENSORS)
    for content in (*(whole[:length] for length in range(len(whole))), whole + b"x"):
        path.write_bytes(content)
        with pytest.raises(AtlasError, match=r"net\.safetensors is not a complete safetensors"):
            read_header(LocalFile(path))


def assert_read_as_by_torch(path, kernels):
    save_file({"dw.weight": kernels}, path)
    (layer,) = read_checkpoint(LocalFile(path), Depthwise(Choice(include="dw"))).layers
    assert layer.kernels.dtype == np.float32
    # the sign of 0 too
    expected = kernels[:, 0].float().numpy().view(np.uint32)
    np.testing.assert_array_equal(layer.kernels.view(np.uint32), expected)


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2]
)
def test_every_number_of_a_small_dtype(tmp_path, dtype):
    bits = torch.arange(256**dtype.itemsize)
    bits = bits.to(torch.uint8 if dtype.itemsize == 1 else torch.uint16)
    numbers = bits.view(dtype)
    numbers = numbers[numbers.float().isfinite()]
    assert len(numbers) > 200
    kernels = numbers[: len(numbers) // 8 * 8].reshape(-1, 1, 2, 2)
    assert_read_as_by_torch(tmp_path / "net.safetensors", kernels)


def test_float64_is_rounded_as_by_torch(tmp_path, rng):
    kernels = rng.standard_normal((50, 1, 7, 7)) * 10.0 ** rng.integers(-45, 38)
    assert_read_as_by_torch(tmp_path / "net.safetensors", torch.from_numpy(kernels))


@pytest.mark.parametrize(
    ("dtype", "name"),
    [
        ("I8", "int8"),
        ("U8", "uint8"),
        ("BOOL", "bool"),
        ("I64", "int64"),
        ("F8_E8M0", "f8_e8m0"),
        ("F4", "f4"),
    ],
)
def test_other_dtypes_are_refused_for_kernels_alone(tmp_path, dtype, name):
    path = tmp_path / "net.safetensors"
    n_bytes = {"I64": 512, "F4": 32}.get(dtype, 64)
    entry = {"dtype": dtype, "shape": [4, 1, 4, 4], "data_offsets": [0, n_bytes]}
    write_safetensors(path, {"x": ("U8", (n_bytes,), None)}, header={"dw.weight": entry})
    with pytest.raises(AtlasError, match=f"layer dw: {name} weights; only floating point"):
        read_checkpoint(LocalFile(path), Depthwise())
    kernels = np.arange(32, dtype=np.float32)
    entry |= {"shape": [2, 2, 4, 4]}
    other = {"dtype": "F32", "shape": [2, 1, 4, 4], "data_offsets": [n_bytes, n_bytes + 128]}
    contents = {"x": ("U8", (n_bytes,), None), "y": ("U8", (128,), kernels.tobytes())}
    header = {"pw.weight": entry, "other.dw.weight": other}
    write_safetensors(path, contents, header=header)
    (layer,) = read_checkpoint(LocalFile(path), Depthwise()).layers
    assert layer.name == "other.dw"
