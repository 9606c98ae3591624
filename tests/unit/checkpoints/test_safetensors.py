"""Our reader of .safetensors against the format's own library: the same files, the same values."""

import json
import random
from copy import deepcopy

import numpy as np
import pytest
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from support.checkpoints import make_header, write_safetensors

from kernel_atlas.checkpoints.depthwise import Depthwise, is_depthwise
from kernel_atlas.checkpoints.header import read_header
from kernel_atlas.checkpoints.layer import layer_name
from kernel_atlas.checkpoints.safetensors import TORCH_DTYPES, read_safetensors
from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.local import LocalFile

TENSORS = {
    "a.weight": ("F32", (4, 1, 3, 3), np.arange(36, dtype="f4").tobytes()),
    "b.weight": ("F16", (2, 3), np.arange(6, dtype="f2").tobytes()),
    "n": ("I64", (), np.array(3).tobytes()),
}
HEADER = make_header(TENSORS)
TEXT = json.dumps(HEADER, separators=(",", ":")).encode()
READ = {torch.float64, torch.float32, torch.float16, torch.bfloat16} | {
    getattr(torch, name) for name in TORCH_DTYPES.values()
}

NUMBERS = [None, True, -1, 0, 1, 3.0, "3", 2**63, 2**64, 1e400, float("nan"), [], {}, [[1]]]
VALUES = {
    "dtype": [
        *NUMBERS, "F32", "f32", "F16", "F64", "BF16", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F4", "U8",
        "BOOL", "I64", "F128", "",
    ],
    "shape": [
        *NUMBERS, [36], [4, 9], [36.0], ["36"], [True, 36], [-4, -9], [-36], [4, 9, 0], [6], [3],
        [2**63, 2**63], [0, 2**64], [4, 1, 3, 3, 1], [2, 3, 1],
    ],
    "data_offsets": [
        *NUMBERS, [0, 144], [0, 143], [144, 0], [0, 144, 2], [-8, 144], [1, 145], [8, 152],
        [8.0, 152], ["8", 152], [8, 2**60], [2**63, 2**63 + 144], [0, 2**64], [0], [0, 8],
    ],
}  # fmt: skip


def changed(*keys):
    """Each header in which the entry at these keys has been replaced, and that without it."""
    for value in [*(VALUES.get(keys[-1], NUMBERS)), KeyError]:
        header = deepcopy(HEADER)
        place = header
        for key in keys[:-1]:
            place = place[key]
        if value is KeyError:
            del place[keys[-1]]
        else:
            place[keys[-1]] = value
        yield f"{keys}: {value}", {"header": header}


def rewritten():
    """Headers that are the same or other text."""
    replacements = [
        ('"b.weight"', '"a.weight"'), ('"b.weight"', '"\\ud800"'), ('"b.weight"', '"b\x01"'),
        ('"b.weight"', '""'), ('"b.weight"', '"b\\u0000"'), ('"n":{', '"n":{"more":1,'),
        ('"dtype":"F32"', '"dtype":"F32","dtype":"F32"'), ("[4,1,3,3]", "[04,1,3,3]"),
        ("[4,1,3,3]", "[4,1,3,3,]"), ("[4,1,3,3]", "[4.0,1,3,3]"), ("[4,1,3,3]", "[4e0,1,3,3]"),
        ("[4,1,3,3]", "[NaN]"), ("[4,1,3,3]", "[1_0]"), ("[4,1,3,3]", "[-0,4]"),
        ('{"format":"pt"}', '{"format":1}'), ('{"format":"pt"}', '{"format":"\\ud800"}'),
        ('{"format":"pt"}', '{"\\ud800":"pt"}'), ("[4,1,3,3]", '[4,1,3,3],"more":"\\ud800"'),
        ("[4,1,3,3]", '[4,1,3,3],"more":[{"\\udc00":[["\\ud800"]]}]'),
        ('{"format":"pt"}', "{}"), ("{", "/**/{"),
    ]  # fmt: skip
    texts = [TEXT.replace(old.encode(), new.encode(), 1) for old, new in replacements]
    texts += [TEXT.replace(b'"b.weight"', b'"\xff"'), TEXT + b" ", TEXT + b"\n", TEXT + b"\0"]
    texts += [TEXT + b"x", TEXT[:-1], b" " + TEXT, b"\n" + TEXT, b"\xef\xbb\xbf" + TEXT]
    texts += [TEXT.decode().encode(code) for code in ("utf-16", "utf-16-le", "utf-32")]
    texts += [b"", b"{}", b"  {}  ", b"[]", b"null", b"{" * 50_000, b'{"a":' * 50_000, b"<html>"]
    for text in texts:
        yield f"text {text[:400]!r}", {"header": text}


def mismeasured():
    """Lengths of the header that are not its own."""
    length = len(TEXT)
    for n in (0, 1, 2, 7, length - 1, length + 1, 10**8, 10**8 + 1, 2**32, 2**60, 2**63, 2**64 - 1):
        yield f"header length {n}", {"header": TEXT, "header_length": n}


def library_values(path):
    """The depthwise kernels as the format's library reads them; None if it refuses the file."""
    try:
        with safe_open(path, "pt") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
            tensors = [
                (layer_name(name), file.get_tensor(name))
                for name, shape in shapes.items()
                if is_depthwise(shape)
            ]
    except SafetensorError:
        return None
    return {name: tensor[:, 0] for name, tensor in tensors}


def difference(path):
    """How what we make of a file differs from what the library makes of it, or None."""
    expected = library_values(path)
    try:
        read_header(LocalFile(path))
    except AtlasError as error:
        is_clear = path.name in str(error) and len(str(error).splitlines()) == 1
        return None if expected is None and is_clear else f"we refuse: {error}"
    except Exception as error:
        return f"we fail: {error!r}"
    if expected is None:
        return "we accept"
    if any(tensor.dtype not in READ for tensor in expected.values()):
        return None  # integers are no weights
    found = {x.name: x.kernels for x in read_safetensors(LocalFile(path), Depthwise())}
    is_equal = found.keys() == expected.keys() and all(
        np.array_equal(found[name], tensor.float().numpy(), equal_nan=True)
        for name, tensor in expected.items()
    )
    return None if is_equal else "we read other values"


ENTRIES = [
    *((name, field) for name in TENSORS for field in ("dtype", "shape", "data_offsets")),
    *((name,) for name in [*TENSORS, "__metadata__"]),
]


@pytest.mark.parametrize(
    "mutations",
    [*(list(changed(*keys)) for keys in ENTRIES), list(rewritten()), list(mismeasured())],
    ids=[*("-".join(keys) for keys in ENTRIES), "text", "length"],
)
def test_we_accept_what_the_library_accepts(tmp_path, mutations):
    path = tmp_path / "net.safetensors"
    differences = {}
    for what, options in mutations:
        write_safetensors(path, TENSORS, **options)
        if found := difference(path):
            differences[what] = found
    assert differences == {}


def test_we_accept_what_the_library_accepts_of_random_damage(tmp_path):
    path = tmp_path / "net.safetensors"
    write_safetensors(path, TENSORS)
    whole = path.read_bytes()
    draw = random.Random(0)
    differences, n_accepted = {}, 0
    for _ in range(800):
        content = bytearray(whole)
        for _ in range(draw.choice([1, 1, 2])):
            place = draw.randrange(len(TEXT) + 12)
            likely = [*b'{}[]:,"-.e 0123456789', content[place] ^ 1 << draw.randrange(8)]
            content[place] = draw.choice(likely)
        path.write_bytes(content)
        n_accepted += library_values(path) is not None
        if found := difference(path):
            differences[bytes(content[:200])] = found
    assert differences == {}
    assert 20 < n_accepted < 400  # both verdicts were met


def test_a_file_cut_anywhere_or_continued_is_refused(tmp_path):
    path = tmp_path / "net.safetensors"
    write_safetensors(path, TENSORS)
    whole = path.read_bytes()
    for content in (*(whole[:length] for length in range(len(whole))), whole + b"x"):
        path.write_bytes(content)
        with pytest.raises(AtlasError, match=r"net\.safetensors is no whole safetensors file"):
            read_header(LocalFile(path))
    path.write_bytes(whole)
    assert difference(path) is None


@pytest.mark.parametrize(
    "dtype",
    [torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2],
)
def test_every_number_of_a_small_dtype_is_read_as_torch_reads_it(tmp_path, dtype):
    bits = torch.arange(256**dtype.itemsize)
    bits = bits.to(torch.uint8 if dtype.itemsize == 1 else torch.uint16)
    numbers = bits.view(dtype)
    numbers = numbers[numbers.float().isfinite()]
    assert len(numbers) > 200
    kernels = numbers[: len(numbers) // 8 * 8].reshape(-1, 1, 2, 2)
    path = tmp_path / "net.safetensors"
    save_file({"dw.weight": kernels}, path)
    (layer,) = read_safetensors(LocalFile(path), Depthwise())
    expected = kernels[:, 0].float().numpy()
    assert layer.kernels.dtype == np.float32
    # the sign of 0 too
    np.testing.assert_array_equal(layer.kernels.view(np.uint32), expected.view(np.uint32))


def test_float64_is_rounded_as_torch_rounds_it(tmp_path, rng):
    kernels = torch.from_numpy(rng.standard_normal((50, 1, 7, 7)) * 10.0 ** rng.integers(-45, 38))
    path = tmp_path / "net.safetensors"
    save_file({"dw.weight": kernels}, path)
    (layer,) = read_safetensors(LocalFile(path), Depthwise())
    np.testing.assert_array_equal(layer.kernels, kernels[:, 0].float().numpy())


@pytest.mark.parametrize("dtype", ["I8", "U8", "BOOL", "I64", "F8_E8M0", "F4"])
def test_other_dtypes_are_refused_for_kernels_alone(tmp_path, dtype):
    path = tmp_path / "net.safetensors"
    tensor = {"dtype": dtype, "shape": [4, 1, 4, 4]}
    n_bytes = {"I64": 512, "F4": 32}.get(dtype, 64)
    header = {"dw.weight": tensor | {"data_offsets": [0, n_bytes]}}
    write_safetensors(path, {"x": ("U8", (n_bytes,), None)}, header=header)
    with pytest.raises(AtlasError, match=f"layer dw: {dtype} weights; only floating point"):
        read_safetensors(LocalFile(path), Depthwise())
    header["dw.weight"]["shape"] = [2, 2, 4, 4]
    write_safetensors(path, {"x": ("U8", (n_bytes,), None)}, header=header)
    assert read_safetensors(LocalFile(path), Depthwise()) == []
