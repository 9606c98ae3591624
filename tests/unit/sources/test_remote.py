"""Reading over the wire: few requests and bytes, and every fault ends well or in one clear line."""

import os
import time
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from support.checkpoints import make_header, write_safetensors
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

from kernel_atlas.sources.ranges import GAP_BYTES, merge_ranges
from kernel_atlas.sources.remote import RemoteFile
from kernel_atlas.sources.schemes import locate

SOURCE = "hf:timm/a_model.a_tag"
FIRST = "bytes=0-99999"  # of a file's bytes, asked for to read its header


def gets(hub):
    """The requests for bytes."""
    return [request for request in hub.requests if request.method == "GET"]


def for_kernels(request):
    return request.method == "GET" and request.range not in (None, FIRST)


@pytest.mark.parametrize(
    ("ranges", "merged"),
    [
        ([], []),
        ([(0, 5)], [(0, 5)]),
        ([(0, 5), (5, 9)], [(0, 9)]),
        ([(7, 9), (0, 5)], [(0, 9)]),
        ([(8, 9), (0, 5)], [(0, 5), (8, 9)]),
        ([(0, 20), (2, 4), (21, 22)], [(0, 22)]),
    ],
)
def test_merge_ranges(ranges, merged):
    assert merge_ranges(ranges, gap=2) == merged


def test_one_head_then_ranges_at_the_cdn_alone(hub, serve, checkpoint, extraction):
    facts = extraction.run(serve())
    extraction.check(checkpoint.kernels)
    assert [(r.server, r.method) for r in hub.requests] == [("hub", "HEAD")] + [("cdn", "GET")] * 3
    # two neighbours in one request, the third lies 32 MB behind them
    sizes = [r.body_bytes for r in gets(hub)]
    assert sorted(sizes) == [16 * 9 * 4, (64 * 49 + 32 * 25) * 4, 100_000]
    assert facts["bytes_read"] == sum(sizes)
    assert len({r.client_port for r in gets(hub)}) <= 2


@pytest.mark.parametrize(("gap", "n_requests"), [(GAP_BYTES, 1), (GAP_BYTES + 4, 2)])
def test_near_ranges_are_merged(hub, serve, extraction, rng, tmp_path, gap, n_requests):
    kernels = {n: rng.standard_normal((8, 5, 5)).astype(np.float32) for n in ("a", "c")}
    tensors = {f"{n}.weight": ("F32", (8, 1, 5, 5), kernels[n]) for n in kernels}
    path = tmp_path / "net.safetensors"
    write_safetensors(path, tensors | {"b": ("F32", (gap // 4,), None)})
    extraction.run(serve(path=path))
    extraction.check(kernels)
    assert sum(map(for_kernels, hub.requests)) == n_requests


def test_many_ranges_share_kept_alive_connections(hub, serve, extraction, rng, tmp_path):
    kernels = {f"{n}.dw": rng.standard_normal((4, 7, 7)).astype(np.float32) for n in range(60)}
    tensors = {f"{n}.weight": ("F32", (4, 1, 7, 7), array) for n, array in kernels.items()}
    tensors |= {f"{n}.fc": ("F32", (30_000,), None) for n in range(60)}
    path = tmp_path / "net.safetensors"
    write_safetensors(path, tensors)
    hub.delay_s = 0.02
    extraction.run(serve(path=path))
    extraction.check(kernels)
    ports = [request.client_port for request in hub.requests if for_kernels(request)]
    assert len(ports) == 60
    assert 2 <= len(set(ports)) <= 8


def test_a_header_longer_than_the_first_bytes(hub, serve, extraction, checkpoint, tmp_path):
    tensors = {f"{n}.weight": ("F32", (len(k), 1, *k.shape[1:]), k)
               for n, k in checkpoint.kernels.items()}  # fmt: skip
    path = tmp_path / "net.safetensors"
    write_safetensors(path, tensors, metadata={"notes": "x" * 250_000})
    extraction.run(serve(path=path))
    extraction.check(checkpoint.kernels)
    assert [r.range for r in gets(hub)][:2] == [
        FIRST,
        f"bytes=100000-{gets(hub)[1].body_bytes + 99999}",
    ]
    assert max(r.body_bytes for r in gets(hub)) < 160_000


def test_a_file_smaller_than_the_first_bytes(hub, serve, extraction, rng, tmp_path):
    kernels = {"dw": rng.standard_normal((4, 3, 3)).astype(np.float32)}
    write_safetensors(tmp_path / "a", {"dw.weight": ("F32", (4, 1, 3, 3), kernels["dw"])})
    extraction.run(serve(path=tmp_path / "a", redirect=False))
    extraction.check(kernels)
    assert {request.server for request in hub.requests} == {"hub"}


@pytest.mark.parametrize("redirect", [False, True])
def test_a_plain_address_is_read_by_ranges_too(hub, checkpoint, extraction, redirect):
    hub.add_file("/a/net.safetensors", checkpoint.path, redirect=redirect)
    facts = extraction.run(f"{hub.url}/a/net.safetensors?download=1")
    extraction.check(checkpoint.kernels)
    servers = [request.server for request in hub.requests]
    # the redirect is followed once
    assert servers == (["hub"] + ["cdn"] * 3 if redirect else ["hub"] * 3)
    assert (facts["revision"], facts["sha256"]) == (None, None)


# each fault that passes, at the header and at the kernels, after which all is as if it had not been
@pytest.mark.parametrize("after", [0, 1], ids=["header", "kernels"])
@pytest.mark.parametrize(
    ("fault", "least_wait"),
    [
        (status(500), 1),
        (status(503), 1),
        (status(429), 1),
        (status(429, retry_after=7), 7),
        (reset_mid_body, 0.1),
        (short_body, 0.1),
        (short_but_consistent, 0.1),
        (other_range, 0.1),
        (wrong_content_range, 0.1),
    ],
    ids=["500", "503", "429", "429-retry-after", "reset", "short", "short-consistent",
         "other-range", "wrong-content-range"],
)  # fmt: skip
def test_a_fault_that_passes(
    hub, serve, checkpoint, extraction, waits, fault, least_wait, after
):  # fmt: skip
    hub.misbehave("/cdn/", fault, times=2 - after, after=after)
    extraction.run(serve())
    extraction.check(checkpoint.kernels)
    assert len(waits) == 2 - after
    assert least_wait <= waits[0] < 9


@pytest.mark.parametrize("fault", [status(500), status(429, retry_after=7)], ids=["500", "429"])
def test_a_refused_head_is_tried_again(hub, serve, checkpoint, extraction, waits, fault):
    hub.misbehave("/resolve/", fault, times=2, method="HEAD")
    extraction.run(serve())
    extraction.check(checkpoint.kernels)
    assert len(waits) == 2


def test_a_wait_is_really_waited(hub, serve, checkpoint, extraction):
    hub.misbehave("/cdn/", status(429, retry_after=0), times=1)
    start = time.monotonic()
    extraction.run(serve())
    assert time.monotonic() - start > 1  # the hub's client adds a second
    extraction.check(checkpoint.kernels)


@pytest.mark.parametrize("after", [0, 1], ids=["header", "kernels"])
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (status(404), "model.safetensors: the server answered 404, no such file"),
        (status(403), "model.safetensors: the server answered 403, not allowed"),
        (status(401), "model.safetensors: the server answered 401, not allowed: log in"),
        (status(500), "model.safetensors: the server answered 500"),
        (status(429, retry_after=9), "model.safetensors: the server answered 429, too many"),
        (reset_mid_body, "model.safetensors cannot be fetched"),
        (short_body, "model.safetensors cannot be fetched"),
        (short_but_consistent, "model.safetensors cannot be fetched"),
        (other_range, "model.safetensors cannot be fetched"),
        (wrong_content_range, "model.safetensors cannot be fetched"),
    ],
    ids=["404", "403", "401", "500", "429", "reset", "short", "short-consistent", "other-range",
         "wrong-content-range"],
)  # fmt: skip
def test_a_fault_that_stays(hub, serve, extraction, waits, fault, message, after):
    source = serve()
    hub.misbehave("/cdn/", fault, after=after)
    assert message in extraction.refusal(source)
    hub.behave()
    assert extraction.run(source)["bytes_read"] > 0


def without_content_range(request, answer):
    reply = answer(request)
    headers = {name: text for name, text in reply.headers.items() if name != "Content-Range"}
    return replace(reply, headers=headers)


def another_size(request, answer):
    reply = answer(request)
    text = reply.headers["Content-Range"].rpartition("/")[0] + "/123456789"
    return replace(reply, headers=reply.headers | {"Content-Range": text})


@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (without_content_range, "status 206 and Content-Range ''"),
        (another_size, "123,456,789 bytes now"),
    ],
)
def test_an_answer_that_makes_no_sense(hub, serve, extraction, fault, message, after):
    hub.misbehave("/cdn/", fault, after=after, times=1)
    assert message in extraction.refusal(serve())


@pytest.mark.parametrize("after", [1, 2])
def test_a_file_that_changes_between_two_ranges(hub, serve, extraction, checkpoint, after):
    hub.misbehave("/cdn/", change_etag, after=after)
    assert "changed on the server while it was read" in extraction.refusal(serve())
    hub.behave()
    extraction.run(SOURCE)
    extraction.check(checkpoint.kernels)


# from the start, or from the first request for kernels on
@pytest.mark.parametrize("after", [0, 1])
def test_a_server_that_ignores_ranges(hub, serve, extraction, checkpoint, tmp_path, after):
    source = serve()
    before = set(tmp_path.iterdir())
    hub.misbehave("/cdn/", ignore_range, after=after)
    extraction.run(source)
    extraction.check(checkpoint.kernels)
    assert set(tmp_path.iterdir()) - before == {extraction.group.parent}  # no download


def test_a_server_that_ignores_ranges_and_is_cut_off(hub, serve, extraction, checkpoint, waits):
    hub.misbehave("/cdn/", ignore_range, times=2)
    hub.misbehave("/cdn/", lambda request, answer: short_body(replace(request, range=None), answer))
    source = serve()
    assert "cannot be fetched" in extraction.refusal(source)
    hub.behave()
    hub.misbehave("/cdn/", ignore_range, times=2)
    hub.misbehave("/cdn/", short_body, times=1)
    extraction.run(source)
    extraction.check(checkpoint.kernels)


def test_of_a_whole_file_only_what_is_asked_for_is_held(hub, serve):
    hub.misbehave("/cdn/", ignore_range)
    serve()
    file = locate(SOURCE)
    assert isinstance(file, RemoteFile)
    size = file.size
    tracemalloc.start()
    pieces = file.read([(size - 10, size), (5, 9)])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [len(piece) for piece in pieces] == [10, 4]
    assert peak < 8e6 < size / 4
    hub.reset_counts()
    file.read([(0, 100_000)])
    assert hub.bytes_sent.bodies < size / 2  # nor is read on when all has come


TENSORS = {"dw.weight": ("F32", (4, 1, 3, 3), None), "fc.weight": ("F32", (99, 3), None)}
BROKEN = {
    "no JSON": {"header": b"<html>no such page</html>"},
    "JSON of another shape": {"header": {"dw.weight": [4, 1, 3, 3]}},
    "a list": {"header": b"[1, 2, 3]"},
    "header length 2^60": {"header_length": 2**60},
    "header length 2^64 - 1": {"header_length": 2**64 - 1},
    "header length 0": {"header_length": 0},
    "header length beyond the file": {"header_length": 10_000},
}
for what, shape, offsets in (
    ("offsets outside", [4, 1, 3, 3], [0, 2**40]),
    ("offsets that leave a gap", [4, 1, 3, 3], [8, 144]),
    ("offsets that overlap", [4, 1, 3, 3], [0, 148]),
    ("a negative shape", [-4, 1, -3, 3], [0, 144]),
    ("shape and bytes that disagree", [5, 1, 3, 3], [0, 144]),
):
    entry = {"dtype": "F32", "shape": shape, "data_offsets": offsets}
    BROKEN[what] = {"header": make_header(TENSORS) | {"dw.weight": entry}}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_on_the_hub(hub, serve, extraction, tmp_path, broken):
    path = tmp_path / "net"
    write_safetensors(path, TENSORS, **broken)
    assert "model.safetensors is no whole safetensors file" in extraction.refusal(serve(path=path))
    assert sum(request.body_bytes for request in hub.requests) <= path.stat().st_size


def test_a_truncated_file_on_the_hub(hub, serve, extraction, tmp_path):
    path = tmp_path / "net"
    write_safetensors(path, TENSORS)
    os.truncate(path, path.stat().st_size - 1)
    assert "model.safetensors is no whole safetensors file" in extraction.refusal(serve(path=path))
