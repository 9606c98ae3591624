"""The stand-in hub: huggingface_hub is content with it, its counts and its faults are right."""

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import numpy as np
import pytest
from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub.errors import (
    GatedRepoError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from safetensors import safe_open
from safetensors.numpy import save
from support.checkpoints import make_header, write_checkpoint, write_safetensors
from support.hub import StandInHub, client_in_process, environment
from support.misbehaviour import (
    change_etag,
    ignore_range,
    other_range,
    reset_mid_body,
    short_body,
    short_but_consistent,
    status,
    wrong_content_range,
)
from support.repositories import TOKEN

CONTENT = bytes(range(250)) * 400
REPO, FILE = "timm/a_model.a_tag", "model.safetensors"
COMMIT = "c0ffee" + "0" * 34


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "weights.bin"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def hub(path, tmp_path):
    with StandInHub() as hub, client_in_process(hub, tmp_path / "home"):
        hub.add_repo_file(REPO, FILE, path, commit=COMMIT)
        yield hub


@pytest.fixture
def get(hub, path):
    """A function that asks for a range of a plain file."""
    hub.add_file("/releases/a.pth", path)
    with httpx2.Client(trust_env=False) as client:

        def get(asked=None, path="/releases/a.pth", **headers):
            if asked:
                headers["Range"] = f"bytes={asked}"
            return client.get(hub.url + path, headers=headers)

        yield get


def metadata(revision="main", **options):
    return get_hf_file_metadata(hf_hub_url(REPO, FILE, revision=revision), **options)


def test_metadata_and_download(hub, path):
    found = metadata()
    assert found.commit_hash == COMMIT
    assert found.size == len(CONTENT)
    assert len(found.etag) == 64
    assert found.location.startswith(hub.cdn_url)
    downloaded = hf_hub_download(REPO, FILE, token=TOKEN)
    assert Path(downloaded).read_bytes() == CONTENT
    assert [(r.server, r.method, r.status) for r in hub.requests] == [
        ("hub", "HEAD", 302), ("hub", "HEAD", 302), ("cdn", "GET", 200),
    ]  # fmt: skip
    assert [r.had_authorization for r in hub.requests] == [False, True, False]
    assert hub.bytes_sent.bodies == len(CONTENT)
    assert 500 < hub.bytes_sent.heads < 2000


def test_revisions_and_listing(hub, path):
    hub.add_revision(REPO, "v1.0")
    hub.add_revision(REPO, "refs/pr/1")
    hub.add_repo_file(REPO, "config.json", path, commit="f" * 40, redirect=False)
    for revision in ("v1.0", "refs/pr/1", COMMIT):
        assert metadata(revision).commit_hash == COMMIT
    api = HfApi(endpoint=hub.url)
    info = api.model_info(REPO)
    assert (info.id, info.sha) == (REPO, "f" * 40)
    assert [sibling.rfilename for sibling in info.siblings] == ["config.json"]
    assert api.model_info(REPO, revision="v1.0").sha == COMMIT
    assert api.list_repo_files(REPO, revision="v1.0") == [FILE]
    assert Path(hf_hub_download(REPO, "config.json")).read_bytes() == CONTENT
    assert hub.requests[-1].server == "hub"


def test_refusals(hub, path):
    with pytest.raises(RevisionNotFoundError):
        metadata("v2.0")
    with pytest.raises(RemoteEntryNotFoundError):
        hf_hub_download(REPO, "absent.bin")
    with pytest.raises(RepositoryNotFoundError):
        HfApi(endpoint=hub.url).model_info("timm/absent")
    hub.add_repo_file(REPO, FILE, path, commit=COMMIT, gated=True)
    for token in (None, "hf_another"):
        with pytest.raises(GatedRepoError):
            metadata(token=token)
    assert metadata(token=TOKEN).size == len(CONTENT)
    assert TOKEN not in repr(hub.requests)


def test_subprocess(hub, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_user")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    code = f"from huggingface_hub import hf_hub_download as d; print(d({REPO!r}, {FILE!r}))"
    home = tmp_path / "other"
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment(hub, home), capture_output=True, text=True
    )
    assert run.stdout.startswith(str(home)), run.stderr
    assert not any(r.had_authorization for r in hub.requests)


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("0-9", 0, 10),
        ("99990-", 99_990, 100_000),
        ("-7", 99_993, 100_000),
        ("5-999999", 5, 100_000),
    ],
)
def test_ranges(get, asked, start, stop):
    reply = get(asked)
    assert reply.status_code == 206
    assert reply.content == CONTENT[start:stop]
    assert reply.headers["Content-Range"] == f"bytes {start}-{stop - 1}/100000"


def test_odd_ranges(get):
    outside = get("100000-")
    assert (outside.status_code, outside.headers["Content-Range"]) == (416, "bytes */100000")
    for asked in ("0-1,5-6", "9-3", "x-y", None):
        reply = get(asked)
        assert (reply.status_code, reply.content) == (200, CONTENT)
    etag = reply.headers["ETag"]
    assert get("0-9", **{"If-Range": etag}).status_code == 206
    assert get("0-9", **{"If-Range": '"another"'}).status_code == 200


def test_cdn_wants_the_signed_address(hub, get):
    address = metadata().location
    with httpx2.Client(trust_env=False) as client:
        assert client.get(address, headers={"Range": "bytes=0-4"}).content == CONTENT[:5]
        assert client.get(address.split("?")[0]).status_code == 403


def test_kept_alive_delayed_and_counted(hub, get):
    get("0-9"), get("10-29")
    hub.delay_s = 0.1
    start = time.monotonic()
    get("30-59")
    assert time.monotonic() - start > 0.1
    assert len({request.client_port for request in hub.requests}) == 1
    assert [request.range for request in hub.requests] == [
        "bytes=0-9", "bytes=10-29", "bytes=30-59",
    ]  # fmt: skip
    assert hub.bytes_sent.bodies == 60
    hub.reset_counts()
    assert hub.requests == []


def test_status_faults_go_away(hub):
    hub.misbehave("/resolve/", status(500), times=1)
    hub.misbehave("/resolve/", status(429, retry_after=1), times=1, method="HEAD")
    start = time.monotonic()
    metadata(retry_on_errors=True)
    assert [request.status for request in hub.requests] == [500, 429, 302]
    assert time.monotonic() - start > 1


def test_predicate_after_and_behave(hub, get):
    hub.misbehave(lambda r: r.range == "bytes=0-9", status(403), after=1)
    assert [get("0-9").status_code for _ in range(3)] == [206, 403, 403]
    assert get("0-8").status_code == 206
    hub.behave()
    assert get("0-9").status_code == 206


@pytest.mark.parametrize(
    ("fault", "error"),
    [(reset_mid_body, httpx2.ReadError), (short_body, httpx2.RemoteProtocolError)],
)
def test_bodies_cut_short(hub, get, fault, error):
    hub.misbehave("a.pth", fault, times=1)
    with pytest.raises(error):
        get("0-999")
    assert hub.requests[0].body_bytes == 500
    assert get("0-999").content == CONTENT[:1000]


@pytest.mark.parametrize(
    ("fault", "code", "content_range", "start", "stop"),
    [
        (short_but_consistent, 206, "bytes 100-149/100000", 100, 150),
        (wrong_content_range, 206, "bytes 108-207/100000", 100, 200),
        (other_range, 206, "bytes 108-207/100000", 108, 208),
        (ignore_range, 200, None, 0, 100_000),
    ],
)
def test_wrong_ranges(hub, get, fault, code, content_range, start, stop):
    hub.misbehave("a.pth", fault)
    reply = get("100-199")
    assert (reply.status_code, reply.headers.get("Content-Range")) == (code, content_range)
    assert reply.content == CONTENT[start:stop]


def test_changed_etag(hub, get):
    hub.misbehave("/cdn/", change_etag, after=1)
    before = metadata()
    assert get("0-9", **{"If-Range": "x"}).status_code == 200
    with httpx2.Client(trust_env=False) as client:
        etags = [client.get(before.location).headers["ETag"].strip('"') for _ in range(3)]
    assert etags[0] == before.etag != etags[1] == etags[2] == metadata().etag


def test_checkpoint_of_an_architecture(tmp_path):
    path = tmp_path / "model.safetensors"
    weights = write_checkpoint("mixnet_s.ft_in1k", path)
    facts = os.stat(path)
    assert facts.st_blocks * 512 < facts.st_size / 3
    assert {array.shape[1:] for array in weights.values()} == {
        (1, k, k) for k in (3, 5, 7, 9, 11)
    }  # fmt: skip
    with safe_open(path, "numpy") as file:
        assert file.metadata() == {"format": "pt"}
        assert file.get_tensor("bn1.num_batches_tracked").dtype == np.int64
        for name, array in weights.items():
            np.testing.assert_array_equal(file.get_tensor(name), array)
        assert not file.get_tensor("classifier.weight").any()
    again = write_checkpoint("mixnet_s.ft_in1k", path, seed=1)
    assert not any((again[name] == array).any() for name, array in weights.items())


def test_files_are_as_the_library_writes_them(tmp_path, rng):
    arrays = {
        "b.10.weight": rng.normal(size=(2, 1, 3, 3)).astype(np.float32),
        "b.9.weight": rng.normal(size=(2, 1, 3, 3)).astype(np.float16),
        "a.n": np.array(3),
        "a.weight": np.zeros((2, 3), np.float32),
    }
    names = {"float32": "F32", "float16": "F16", "int64": "I64"}
    tensors = {name: (names[str(a.dtype)], a.shape, a) for name, a in arrays.items()}
    tensors["a.weight"] = ("F32", (2, 3), None)
    path = tmp_path / "a.safetensors"
    write_safetensors(path, tensors)
    assert path.read_bytes() == save(arrays, {"format": "pt"})


def test_broken_headers(tmp_path):
    tensors = {"a.weight": ("F32", (2,), b"12345678")}
    path = tmp_path / "a.safetensors"
    write_safetensors(path, tensors, header=b"no JSON", header_length=2**60)
    assert path.read_bytes() == (2**60).to_bytes(8, "little") + b"no JSON" + b"12345678"
    header = make_header(tensors)
    header["a.weight"]["data_offsets"] = [0, 4000]
    write_safetensors(path, tensors, header=header)
    assert b"[0,4000]" in path.read_bytes()
    assert path.read_bytes().endswith(b"12345678")
