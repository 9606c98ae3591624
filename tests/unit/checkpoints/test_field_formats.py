"""Files that are good though they look otherwise, and files that are named for what they are."""

import collections
import datetime
import gzip
import json
import pathlib
import pickle
import tarfile
import zipfile

import numpy as np
import pytest
import torch
from support.field import check, dense, kernels, read, save
from torch import nn

from kernel_atlas.errors import AtlasError

DW = kernels(1)
NET = {"stem.weight": dense(6, 3, 3, 3), "dw.weight": DW, "head.weight": dense(10, 6)}
REPO = "owner/net"


@pytest.mark.parametrize(
    "name", ["NET.SAFETENSORS", "blob", "net.pth", "net.bin", "model-00001-of-00001.safetensors"]
)
def test_content_tells_safetensors(tmp_path, name):
    save(NET, tmp_path / "x.safetensors").rename(tmp_path / name)
    check(read(tmp_path / name), {"dw": DW})


@pytest.mark.parametrize("is_zip", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("name", ["NET.PTH", "blob", "net.safetensors", "net.pth.tar"])
def test_content_tells_pickles_of_any_protocol(tmp_path, name, protocol, is_zip):
    beside = {"name": "Größe", "raw": b"\x00\xff", "same": "dw.weight", "list": list(range(300))}
    options = {"pickle_protocol": protocol, "_use_new_zipfile_serialization": is_zip}
    torch.save(beside | {"state_dict": NET}, tmp_path / name, **options)
    check(read(tmp_path / name), {"dw": DW})


BESIDE = {
    "number": np.float64(0.7),
    "truth": np.bool_(True),
    "array": np.arange(3),
    "numbers of half width": np.ones(2, np.float16),
    "names of classes": np.array(["cat", "dog"]),
    "text": np.str_("cat"),
    "date": np.datetime64("2020-01-01"),
    "state of a generator": np.random.default_rng(0).bit_generator.state,
    "counter": collections.Counter("aab"),
    "complex": 1 + 2j,
    "size": torch.Size([1, 2]),
    "path": pathlib.Path("runs/1"),
    "time": datetime.datetime(2020, 1, 1),
    "set": {1, 2},
}


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("value", BESIDE.values(), ids=BESIDE)
def test_data_beside_the_weights(tmp_path, value, protocol):
    path = tmp_path / "x.pth"
    check(read(save({"state_dict": NET, "x": value}, path, pickle_protocol=protocol)), {"dw": DW})


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_tensors_of_other_types_elsewhere(tmp_path, suffix):
    kinds = [torch.bool, torch.uint8, torch.int16, torch.int64, torch.complex64, torch.uint16]
    others = {f"other.{kind}": torch.ones(2, 3, dtype=kind) for kind in kinds}
    others["other.8"] = torch.ones(3).to(torch.float8_e4m3fn)
    check(read(save(NET | others, tmp_path / f"x{suffix}")), {"dw": DW})


def _tensorflow(path):
    path.write_bytes(bytes(48) + bytes.fromhex("57fb808b247547db"))


def _torchscript(path):
    with pytest.warns(DeprecationWarning, match="torch.jit"):
        torch.jit.save(torch.jit.script(nn.Conv2d(2, 2, 3)), path)


def _archive(path):
    torch.save(NET, path.with_name("inner.pth"))
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(path.with_name("inner.pth"), "inner.pth")
    else:
        with tarfile.open(path, "w") as archive:
            archive.add(path.with_name("inner.pth"), "inner.pth")


def _pickle(path):
    path.write_bytes(pickle.dumps({"model": {name: w.numpy() for name, w in NET.items()}}))


def _npz(path):
    with path.open("wb") as file:
        np.savez(file, dw=DW.numpy())


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
OTHERS = [
    ("net.pth", b"<!DOCTYPE html><html></html>", "a web page .* check the address"),
    ("net.safetensors", b"\n  <html></html>", "a web page .* check the address"),
    ("net.pth", POINTER, "a Git LFS pointer, .*`git lfs pull`"),
    ("net.safetensors", POINTER, "a Git LFS pointer, .*`git lfs pull`"),
    ("net.pth.gz", gzip.compress(b"x" * 99, mtime=0), "a gzip archive, .* unpack it"),
    ("net.pth", gzip.compress(b"x" * 99, mtime=0), "a gzip archive, .* unpack it"),
    ("net.gguf", b"GGUF" + bytes(40), "a GGUF file"),
    ("net.tflite", b"\x1c\0\0\0TFL3" + bytes(40), "a TensorFlow Lite model"),
    ("model.ckpt.index", _tensorflow, "a TensorFlow checkpoint"),
    ("model.ckpt-9.data-00000-of-00001", bytes(99), "a TensorFlow checkpoint"),
    ("saved_model.pb", b"\x08\x01" + bytes(40), "a TensorFlow graph"),
    ("net.npz", _npz, "a NumPy archive"),
    ("net.pth", _npz, "a NumPy archive"),
    ("net.npy", lambda path: np.save(path, DW.numpy()), r"a NumPy array.*classify\(array\)"),
    ("net.pt", _torchscript, "a TorchScript archive, .* save the model's state_dict"),
    ("net.pth.tar", _archive, "a tar archive, .* unpack it"),
    ("net.zip", _archive, "a zip archive that torch.save has not written; unpack it"),
    ("net.pkl", _pickle, "a pickle that torch.save has not written; load it"),
    ("net.pt", lambda path: torch.save(nn.Conv2d(2, 2, 3), path), r"holds torch\.nn\..* is code"),
    ("net.xyz", b"hello, world", "of an unknown format"),
]


@pytest.mark.parametrize(("name", "content", "message"), OTHERS)
def test_other_files_are_named_for_what_they_are(tmp_path, name, content, message):
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content(path)
    with pytest.raises(AtlasError, match=message) as caught:
        read(path)
    assert len(str(caught.value).splitlines()) == 1


PARTS = [f"model-{i:05d}-of-00003.safetensors" for i in (1, 2, 3)]
INDEX = "model.safetensors.index.json"


@pytest.fixture
def sharded(tmp_path):
    """A folder as save_pretrained writes it, a weight in each of three parts."""
    large = NET | {"head.weight": dense(1000, 600)}
    for part, (name, weight) in zip(PARTS, large.items(), strict=True):
        save({name: weight}, tmp_path / part)
    names = dict(zip(NET, PARTS, strict=True))
    (tmp_path / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": names}))
    return tmp_path


@pytest.mark.parametrize("name", [INDEX, *PARTS])
def test_an_index_or_any_part_stands_for_all(sharded, name):
    check(read(sharded / name), {"dw": DW})


@pytest.mark.parametrize("name", ["", f"/{INDEX}", f"/{PARTS[2]}"])
def test_a_folder_of_parts_is_a_source(sharded, extraction, name):
    extraction.run(f"file:{sharded}{name}")
    extraction.check({"dw": DW[:, 0].numpy()})


@pytest.mark.parametrize("name", [INDEX, PARTS[0]])
def test_a_missing_part_is_named(sharded, name):
    (sharded / PARTS[1]).unlink()
    with pytest.raises(AtlasError, match=f"{PARTS[1]} is missing"):
        read(sharded / name)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("../outside.safetensors", "which is not beside it"),
        ("/etc/passwd", "which is not beside it"),
        ("sub/model.safetensors", "which is not beside it"),
        ("..\\outside.safetensors", "which is not beside it"),
        ("..", "which is not beside it|cannot be read|is missing"),
        (7, "not a complete index"),
        (None, "not a complete index"),
    ],
)
def test_an_index_leads_nowhere_else(sharded, part, message):
    save(NET, sharded.parent / "outside.safetensors")
    (sharded / INDEX).write_text(json.dumps({"weight_map": {"dw.weight": part}}))
    with pytest.raises(AtlasError, match=message):
        read(sharded / INDEX)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"weight_map": []}', '{"weight_map": {}}'])
def test_a_damaged_index(sharded, content):
    (sharded / INDEX).write_text(content)
    with pytest.raises(AtlasError, match="not a complete index of a checkpoint"):
        read(sharded / INDEX)


def test_one_weight_in_two_parts_is_refused(sharded):
    save(NET, sharded / PARTS[0])
    with pytest.raises(AtlasError, match="is in both"):
        read(sharded / PARTS[0])


@pytest.mark.parametrize("name", ["", f":{INDEX}", f":{PARTS[1]}"])
def test_parts_on_the_hub_are_read_by_ranges(sharded, hub, extraction, name):
    for file in (INDEX, *PARTS):
        hub.add_repo_file(REPO, file, sharded / file, redirect=file != INDEX)
    facts = extraction.run(f"hf:{REPO}{name}")
    extraction.check({"dw": DW[:, 0].numpy()})
    assert facts["bytes_read"] < (sharded / PARTS[2]).stat().st_size / 10


def test_a_missing_part_on_the_hub_is_named(sharded, hub, extraction):
    for file in (INDEX, PARTS[0], PARTS[2]):
        hub.add_repo_file(REPO, file, sharded / file, redirect=file != INDEX)
    assert PARTS[1] in extraction.refusal(f"hf:{REPO}")


def test_parts_of_a_pickle_are_refused(tmp_path):
    path = save(NET, tmp_path / "pytorch_model-00001-of-00002.bin")
    with pytest.raises(AtlasError, match=r"one of 2 parts of a checkpoint.*\.safetensors"):
        read(path)
