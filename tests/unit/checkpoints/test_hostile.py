"""Checkpoints that ask for more than they are, or whose names would break a line of output."""

import zipfile

import pytest
import torch
from support.checkpoints import write_safetensors
from support.hostile import overlap, rezip, tensor, weights, write_header

from kernel_atlas.checkpoints.depthwise import Depthwise
from kernel_atlas.checkpoints.read import read_checkpoint
from kernel_atlas.checkpoints.selection import MAX_LAYERS, MAX_NAME
from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.local import LocalFile

LEGACY = {"_use_new_zipfile_serialization": False}


def refusal(path):
    """The message with which a checkpoint is refused; some would take hours to read."""
    with pytest.raises(AtlasError) as caught:
        read_checkpoint(LocalFile(path), Depthwise())
    return str(caught.value)


@pytest.mark.parametrize("members", [{}, {"data": 64}, {"0": 64}, {"byteorder": 64}])
def test_a_compressed_archive_is_refused(tmp_path, members):
    """It may unpack to gigabytes, and torch would take its bytes for weights."""
    path = tmp_path / "net.pth"
    rezip(path, zipfile.ZIP_DEFLATED, **members)
    assert path.stat().st_size < 100_000
    assert "net.pth is a compressed zip archive" in refusal(path)


def test_members_that_overlap_are_refused(tmp_path):
    overlap(tmp_path / "net.pth", times=100)
    assert "its members overlap" in refusal(tmp_path / "net.pth")


@pytest.mark.parametrize("options", [{}, LEGACY], ids=["zip", "legacy"])
@pytest.mark.parametrize(
    ("channels", "message"),
    [(10**8, "more than any network"), (10**5, "layer a: weights of shape")],
)
def test_a_tensor_larger_than_its_file_is_refused(tmp_path, options, channels, message):
    path = tmp_path / "net.pth"
    torch.save({"a.weight": torch.zeros(1, 1, 1, 1).expand(channels, 1, 7, 7)}, path, **options)
    assert message in refusal(path)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (torch.Tensor.char, "layer dw: int8 weights; only floating point is read"),
        (lambda x: torch.quantize_per_tensor(x, 0.1, 0, torch.qint8), "layer dw: qint8 weights"),
        (lambda x: x.char().view(torch.float4_e2m1fn_x2), "float4_e2m1fn_x2 weights cannot"),
        (torch.Tensor.to_sparse, "layer dw: sparse_coo weights"),
        (lambda x: x.to("meta"), "layer dw: meta weights"),
        (lambda x: torch.nested.nested_tensor([x, x]), "net.pth has no weights"),
    ],
    ids=["integers", "quantised", "float4", "sparse", "meta", "nested"],
)
def test_a_tensor_of_another_kind_is_refused(tmp_path, change, message):
    path = tmp_path / "net.pth"
    torch.save({"dw.weight": change(weights()["dw.weight"])}, path)
    assert message in refusal(path)


@pytest.mark.parametrize(
    "name", ["a\nERROR: model b: ", "\x1b[2J", "\u202e", "x" * (MAX_NAME + 1)], ids=ascii
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_layers_name_that_would_break_a_line_is_refused(tmp_path, name, suffix):
    path = tmp_path / f"net{suffix}"
    if suffix == ".pth":
        torch.save({name: weights()["dw.weight"]}, path)
    else:
        write_safetensors(path, {name: ("F32", (4, 1, 3, 3), bytes(144))})
    message = refusal(path)
    assert "a name has at most" in message
    assert message.isprintable()


@pytest.mark.parametrize("name", ["../../x", "a.²", "a." + "1" * 250, "/etc/passwd", "C:\\x"])
def test_a_layers_name_is_never_a_path(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({name: weights()["dw.weight"]}, tmp_path / "net.pth")
    (layer,) = read_checkpoint(LocalFile(tmp_path / "net.pth"), Depthwise()).layers
    assert layer.name == name
    assert [path.name for path in tmp_path.iterdir()] == ["net.pth"]


@pytest.mark.parametrize(
    ("header", "cause"),
    [
        ({"length": 4 << 30, "header": b"{}", "size": 5 << 30}, "header length 4,294,967,296 in"),
        ({"header": b'{"a":[' + b"[]," * 4_000_000 + b"[]]}"}, "header length 12,000,010 in"),
        ({"header": {"a": tensor([2**64 - 1] * 300_000, 0, 0)}}, "has 0 bytes"),
        ({"header": {"a": tensor([2**63, 2, 0], 0, 0)}}, "has 0 bytes"),
        ({"header": b'{"a":' * 1_000_000}, "bad header: RecursionError"),
        ({"header": {"a": tensor([int("9" * 4000)], 0, 0)}}, "not whole numbers"),
    ],
    ids=["gigabytes", "lists", "product", "overflow", "nested", "digits"],
)
def test_a_header_that_asks_for_much_is_refused(tmp_path, header, cause):
    write_header(tmp_path / "net.safetensors", **header)
    assert cause in refusal(tmp_path / "net.safetensors")


def test_more_kernels_than_any_network_has_are_refused(tmp_path):
    path = tmp_path / "net.safetensors"
    write_header(path, {"a.weight": tensor([1 << 30, 1, 2, 2], 0, 1 << 34)}, size=1 << 34)
    assert "1 layers, more than any network" in refusal(path)
    layers = {
        f"{i}.weight": tensor([2, 1, 2, 2], 32 * i, 32 * i + 32) for i in range(MAX_LAYERS + 1)
    }
    write_header(path, layers, size=32 * len(layers))
    assert "10,001 layers, more than any network" in refusal(path)
