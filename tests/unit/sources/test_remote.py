"""Reading over the wire: few requests and bytes; every fault passes or is one clear line."""

import os
import tracemalloc
from contextlib import nullcontext
from dataclasses import replace
from typing import ClassVar

import pytest
from support.checkpoints import write_safetensors
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

from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.remote import GAP_BYTES, merge_ranges
from kernel_atlas.sources.schemes import locate

SOURCE = "hf:timm/a_model.a_tag"
HEADER_OR_KERNELS = pytest.mark.parametrize("after", [0, 1], ids=["header", "kernels"])


def test_ranges_are_sorted_and_merged_over_small_gaps():
    gap = GAP_BYTES
    assert merge_ranges([]) == []
    assert merge_ranges([(0, 5)]) == [(0, 5)]
    assert merge_ranges([(gap + 5, gap + 9), (0, 5)]) == [(0, gap + 9)]
    assert merge_ranges([(gap + 6, gap + 9), (0, 5)]) == [(0, 5), (gap + 6, gap + 9)]
    assert merge_ranges([(0, 20), (2, 4), (20, 22)]) == [(0, 22)]


def test_one_head_request_then_ranges_at_the_redirect_alone(hub, serve, checkpoint, extraction):
    facts = extraction.run(serve())
    extraction.check(checkpoint.kernels)
    assert [(r.server, r.method) for r in hub.requests] == [("hub", "HEAD")] + [("cdn", "GET")] * 3
    # two neighbours in one request; the third lies 32 MB behind them
    sizes = [r.body_bytes for r in hub.requests if r.method == "GET"]
    assert sorted(sizes) == [16 * 9 * 4, (64 * 49 + 32 * 25) * 4, 100_000]
    assert facts["bytes_read"] == sum(sizes)


def test_a_header_longer_than_the_first_bytes(hub, serve, extraction, checkpoint, tmp_path):
    tensors = {
        f"{name}.weight": ("F32", (len(array), 1, *array.shape[1:]), array)
        for name, array in checkpoint.kernels.items()
    }
    path = tmp_path / "net.safetensors"
    write_safetensors(path, tensors, metadata={"notes": "x" * 250_000})
    extraction.run(serve(path=path))
    extraction.check(checkpoint.kernels)
    _, first, second, *_ = hub.requests
    assert first.range == "bytes=0-99999"
    assert second.range == f"bytes=100000-{second.body_bytes + 99999}"


@pytest.mark.parametrize("redirect", [False, True])
def test_a_plain_address_is_read_by_ranges_too(hub, checkpoint, extraction, redirect):
    hub.add_file("/a/net.safetensors", checkpoint.path, redirect=redirect)
    facts = extraction.run(f"{hub.url}/a/net.safetensors?download=1")
    extraction.check(checkpoint.kernels)
    servers = [request.server for request in hub.requests]
    # the redirect is followed once
    assert servers == (["hub"] + ["cdn"] * 3 if redirect else ["hub"] * 3)
    assert (facts["revision"], facts["sha256"]) == (None, None)


@pytest.mark.parametrize(
    "address", ["https://[bad/x.pth", "https://a..b/x.pth", "http://h:p/x.pth"]
)
def test_an_invalid_address(extraction, address):
    assert "not a valid address" in extraction.refusal(address)


@HEADER_OR_KERNELS
@pytest.mark.parametrize(
    ("fault", "least_wait", "message"),
    [
        (status(500), 1, " the server answered 500"),
        (status(429), 1, " the server answered 429, too many"),
        (status(429, retry_after=7), 7, " the server answered 429, too many"),
        (reset_mid_body, 0.1, "cannot be fetched"),
        (short_body, 0.1, "cannot be fetched"),
        (short_but_consistent, 0.1, "cannot be fetched"),
        (other_range, 0.1, "cannot be fetched"),
        (wrong_content_range, 0.1, "cannot be fetched"),
    ],
)
def test_a_temporary_fault_is_tried_again_but_not_for_ever(
    hub, serve, checkpoint, extraction, waits, fault, least_wait, message, after
):
    hub.misbehave("/cdn/", fault, times=2 - after, after=after)
    extraction.run(serve())
    extraction.check(checkpoint.kernels)
    assert len(waits) == 2 - after
    assert least_wait <= waits[0] < 9
    hub.misbehave("/cdn/", fault, after=after)
    found = extraction.refusal(SOURCE)
    assert "model.safetensors" in found
    assert message in found


@HEADER_OR_KERNELS
@pytest.mark.parametrize(
    ("code", "message"),
    [(404, ", no such file"), (403, ", not allowed"), (401, ", not allowed: log in")],
)
def test_a_refusal_is_final(hub, serve, extraction, waits, code, message, after):
    hub.misbehave("/cdn/", status(code), after=after)
    found = extraction.refusal(serve())
    assert f"model.safetensors: the server answered {code}{message}" in found
    assert waits == [] or code == 403  # of an expired redirect too, see below


@pytest.mark.parametrize("n_answered", [0, 1, 2])
def test_an_expired_redirect_is_resolved_again(
    hub, serve, checkpoint, extraction, waits, n_answered
):
    source = serve()
    hub.misbehave("/cdn/", status(403), times=1, after=n_answered)
    extraction.run(source)
    extraction.check(checkpoint.kernels)
    # by the connection that met the 403, and by one that began before that answer
    resolved = [r.status for r in hub.requests if r.server == "hub" and r.method == "GET"]
    assert resolved in ([302], [302, 302])


@pytest.mark.parametrize("fault", [status(500), status(429, retry_after=7)], ids=["500", "429"])
def test_a_refused_head_is_tried_again(hub, serve, checkpoint, extraction, waits, fault):
    hub.misbehave("/resolve/", fault, times=2, method="HEAD")
    extraction.run(serve())
    extraction.check(checkpoint.kernels)
    assert len(waits) == 2


def without_content_range(request, answer):
    reply = answer(request)
    headers = {name: text for name, text in reply.headers.items() if name != "Content-Range"}
    return replace(reply, headers=headers)


def another_size(request, answer):
    reply = answer(request)
    text = reply.headers["Content-Range"].rpartition("/")[0] + "/123456789"
    return replace(reply, headers=reply.headers | {"Content-Range": text})


@HEADER_OR_KERNELS
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
def test_a_file_that_changes_between_two_ranges(hub, serve, extraction, after):
    hub.misbehave("/cdn/", change_etag, after=after)
    assert "changed on the server while it was read" in extraction.refusal(serve())


@HEADER_OR_KERNELS
def test_a_server_that_ignores_ranges(hub, serve, extraction, checkpoint, tmp_path, after):
    source = serve()
    before = set(tmp_path.iterdir())
    hub.misbehave("/cdn/", ignore_range, after=after)
    extraction.run(source)
    extraction.check(checkpoint.kernels)
    assert set(tmp_path.iterdir()) - before == {extraction.group.parent}  # no download


def test_a_server_that_ignores_ranges_and_breaks_off(hub, serve, extraction, checkpoint, waits):
    source = serve()
    hub.misbehave("/cdn/", ignore_range, times=2)
    hub.misbehave("/cdn/", short_body, times=1)
    extraction.run(source)
    extraction.check(checkpoint.kernels)
    hub.misbehave("/cdn/", lambda request, answer: short_body(replace(request, range=None), answer))
    assert "cannot be fetched" in extraction.refusal(source)


def test_only_the_ranges_of_a_whole_file_are_held(hub, serve):
    hub.misbehave("/cdn/", ignore_range)
    serve()
    file = locate(SOURCE)
    size = file.size
    tracemalloc.start()
    pieces = file.read([(size - 10, size), (5, 9)])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [len(piece) for piece in pieces] == [10, 4]
    assert peak < 8e6 < size / 4
    hub.reset_counts()
    file.read([(0, 100_000)])
    assert hub.bytes_sent.bodies < size / 2  # nor is the rest read


def test_an_endless_answer_is_not_read_to_its_end(monkeypatch, waits):
    class Endless:
        status_code = 206
        headers: ClassVar = {"Content-Range": "bytes 0-7/100"}
        n_bytes = 0

        def iter_bytes(self, size):
            while True:
                self.n_bytes += size
                assert self.n_bytes < 1_000
                yield bytes(size)

    file = locate("https://host/net.safetensors")
    monkeypatch.setattr(file, "get", lambda headers: nullcontext(Endless()))
    with pytest.raises(AtlasError, match=r"asked for 8 bytes from 0, got 9"):
        file.read([(0, 8)])


def test_a_name_on_a_server_cannot_leave_the_downloads():
    assert locate("https://host/releases/..%2f..%2fnet%0A.pth").name == ".._.._net_.pth"


def test_a_truncated_file_is_refused_for_few_bytes(hub, serve, extraction, checkpoint):
    os.truncate(checkpoint.path, checkpoint.path.stat().st_size - 1)
    found = extraction.refusal(serve())
    assert "model.safetensors is not a complete safetensors file" in found
    assert hub.bytes_sent.bodies == 100_000
