"""Files that are fetched whole: checked, kept within the disk, deleted when they were read."""

import hashlib
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from support.checkpoints import write_safetensors
from support.misbehaviour import compressed, reset_mid_body, short_body, status

from kernel_atlas.sources.download import checksum_in_name

ADDRESS = "/releases/net.pth"
OTHER = {"dw": np.arange(36, dtype=np.float32).reshape(4, 3, 3)}


@pytest.mark.parametrize("redirect", [False, True])
def test_a_download_is_deleted_when_it_was_read(hub, pickle, checkpoint, extraction, redirect):
    hub.add_file(ADDRESS, pickle.path, redirect=redirect)
    facts = extraction.run(hub.url + ADDRESS)
    extraction.check(checkpoint.kernels)
    assert extraction.left == []
    assert sum(r.status == 200 for r in hub.requests) == 1
    assert facts["bytes_read"] == len(pickle.content)
    assert (facts["url"], facts["revision"]) == (hub.url + ADDRESS, None)


def test_a_kept_download_is_used_without_the_network(hub, source, pickle, checkpoint, extraction):
    extraction.run(source, keep=True)
    (path,) = extraction.downloads.iterdir()
    assert path.read_bytes() == pickle.content
    hub.reset_counts()
    facts = extraction.run(source, sha256=pickle.sha256, keep=True)
    extraction.check(checkpoint.kernels)
    assert hub.requests == []
    assert facts["bytes_read"] == len(pickle.content)
    # the sheet may ask for another version by now
    assert "wrong checksum" in extraction.refusal(source, sha256="0" * 64, keep=True)
    extraction.run(source)
    assert extraction.left == []


def test_two_files_of_one_name_are_kept_apart(hub, source, tmp_path, extraction):
    torch.save({"dw.weight": torch.from_numpy(OTHER["dw"])[:, None]}, tmp_path / "another.pth")
    hub.add_file("/another/net.pth", tmp_path / "another.pth")
    extraction.run(source, keep=True)
    extraction.run(f"{hub.url}/another/net.pth", keep=True)
    extraction.check(OTHER)
    assert extraction.left == ["net.pth"] * 2


@pytest.mark.parametrize("keep", [False, True])
def test_an_unreadable_download_is_deleted_too(hub, tmp_path, extraction, keep):
    path = tmp_path / "bad.pth"
    path.write_text("<html>no such page</html>")
    hub.add_file(ADDRESS, path)
    message = extraction.refusal(hub.url + ADDRESS, keep=keep)
    assert "net.pth is a web page or XML file" in message
    assert extraction.left == ["net.pth"] * keep


@pytest.mark.parametrize("fault", [short_body, reset_mid_body, status(500)])
def test_a_download_that_always_fails(hub, source, extraction, waits, fault):
    hub.misbehave(ADDRESS, fault)
    assert "net.pth" in extraction.refusal(source)
    assert "net.pth" not in extraction.left


def test_a_compressed_body_is_refused(hub, source, extraction):
    hub.misbehave(ADDRESS, compressed)
    assert "the server compresses the file (gzip)" in extraction.refusal(source)


@pytest.mark.parametrize(
    ("name", "digits"),
    [
        ("efficientnet_b0_ra-3dd342df.pth", "3dd342df"),
        ("net-1b2c3d4e.pth.tar", "1b2c3d4e"),
        ("net-00000000-1b2c3d4e.pth", "1b2c3d4e"),
        ("net-20221315.pth", "20221315"),  # there is no 13th month
        ("net-20220915.pth", ""),
        ("net_1b2c3d4e.pth", ""),
        ("net-1b2c3d4.pth", ""),
        ("net-1B2C3D4E.pth", ""),
        ("net-1b2c3d4e5.pth", ""),
    ],
)
def test_checksum_in_name(name, digits):
    assert checksum_in_name(name) == digits


@pytest.mark.parametrize("kind", ["sheet", "name"])
@pytest.mark.parametrize("keep", [False, True])
def test_a_wrong_checksum(hub, pickle, extraction, kind, keep):
    address = "/releases/net-deadbeef.pth" if kind == "name" else ADDRESS
    hub.add_file(address, pickle.path)
    sha256 = "" if kind == "name" else "0" * 64
    message = extraction.refusal(hub.url + address, sha256=sha256, keep=keep)
    assert f"wrong checksum: {address[10:]}" in message
    assert pickle.sha256 in message
    assert ("expected deadbeef..." if kind == "name" else "0" * 64) in message
    assert extraction.left == []


def test_a_right_checksum_in_the_name(hub, pickle, checkpoint, extraction):
    address = f"/net-{pickle.sha256[:8]}.pth"
    hub.add_file(address, pickle.path)
    extraction.run(hub.url + address)
    extraction.check(checkpoint.kernels)


def test_safetensors_with_a_checksum_that_no_hub_confirms(hub, tmp_path, extraction):
    path = tmp_path / "a"
    write_safetensors(path, {"dw.weight": ("F32", (4, 1, 3, 3), OTHER["dw"])})
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    hub.add_file("/net.safetensors", path)
    assert extraction.run(f"{hub.url}/net.safetensors", sha256=sha256)["sha256"] == sha256
    extraction.check(OTHER)
    assert [request.range for request in hub.requests] == [None]
    assert "wrong checksum" in extraction.refusal(f"{hub.url}/net.safetensors", sha256="0" * 64)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors"])
def test_the_checksum_of_the_sheet_is_compared_with_the_hubs(hub, serve, pickle, extraction, name):
    path = pickle.path if name.endswith(".bin") else None
    source = serve(name, path=path, etag=pickle.sha256)
    message = extraction.refusal(source, sha256="0" * 64)
    assert f"wrong checksum: {name} has SHA-256 {pickle.sha256} on the hub" in message
    assert {request.method for request in hub.requests} == {"HEAD"}
    assert extraction.run(source, sha256=pickle.sha256)["sha256"] == pickle.sha256


def test_a_pickle_that_is_not_what_the_hub_says(serve, pickle, extraction):
    message = extraction.refusal(serve("pytorch_model.bin", path=pickle.path, etag="0" * 64))
    assert "wrong checksum: pytorch_model.bin" in message
    assert extraction.left == []


def test_a_file_above_the_limit_is_not_fetched(hub, serve, tmp_path, extraction):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(200_000_000)
    hub.add_file(ADDRESS, path)
    for source in (serve("pytorch_model.bin", path=path), hub.url + ADDRESS):
        message = extraction.refusal(source, limit_mb=199)
        assert "has 200 MB and must be fetched whole; that is more than the 199 MB" in message
        assert "download_mb" in message
    assert hub.bytes_sent.bodies < 20e6  # what had left the server before the client closed
    assert extraction.left == []


def test_a_full_disk(hub, source, checkpoint, extraction):
    extraction.stop_half_way(hub, source)
    (partial,) = extraction.downloads.glob("*.partial")
    partial.unlink()
    partial.symlink_to("/dev/full")
    assert f"net.pth: no space left in {extraction.downloads}" in extraction.refusal(source)
    partial.unlink()
    extraction.run(source)
    extraction.check(checkpoint.kernels)


@pytest.mark.parametrize("half", [False, True])
def test_a_file_that_does_not_fit_is_not_begun(
    hub, source, pickle, checkpoint, extraction, monkeypatch, half
):
    if half:
        extraction.stop_half_way(hub, source)
    n_missing = len(pickle.content) // (1 + half)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=n_missing - 10))
    message = extraction.refusal(source)
    assert "MB are missing" in message
    assert "MB free" in message
    assert extraction.left == ["net.pth.etag", "net.pth.partial"] * half
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=n_missing * 2))
    extraction.run(source)
    extraction.check(checkpoint.kernels)
