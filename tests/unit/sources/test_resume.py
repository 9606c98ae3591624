"""Downloads that break off, and go on where they were, if it is still the same file."""

from functools import partial

import numpy as np
import pytest
import torch
from support.misbehaviour import (
    change_etag,
    compressed,
    ignore_if_range,
    ignore_range,
    other_range,
    reset_mid_body,
    short_body,
    short_but_consistent,
    status,
    without_etag,
    wrong_content_range,
)

ADDRESS = "/releases/net.pth"


@pytest.mark.parametrize("fault", [reset_mid_body, short_body])
def test_a_broken_download_goes_on_where_it_was(
    hub, source, pickle, checkpoint, extraction, waits, fault
):  # fmt: skip
    hub.misbehave(ADDRESS, fault, times=2)
    facts = extraction.run(source, sha256=pickle.sha256)
    extraction.check(checkpoint.kernels)
    first, *others = hub.requests
    assert first.range is None
    assert len(others) == 2
    if fault is short_body:  # a reset may take with it what had arrived
        assert all(r.status == 206 and r.if_range for r in others)
        # what does not fill a block comes again: twice less than 1 MiB
        assert len(pickle.content) <= hub.bytes_sent.bodies < len(pickle.content) + 2.1e6
        assert facts["bytes_read"] == len(pickle.content)


@pytest.mark.parametrize(
    "fault",
    [short_but_consistent, other_range, wrong_content_range, ignore_range, status(503)],
)
def test_going_on_may_fail_too(
    hub, source, pickle, checkpoint, extraction, waits, fault
):  # fmt: skip
    extraction.stop_half_way(hub, source)
    hub.misbehave(ADDRESS, fault, times=1)
    extraction.run(source, sha256=pickle.sha256)
    extraction.check(checkpoint.kernels)
    assert extraction.left == []


def test_a_second_run_fetches_the_rest(hub, source, pickle, checkpoint, extraction):
    extraction.stop_half_way(hub, source)
    extraction.run(source, sha256=pickle.sha256)
    extraction.check(checkpoint.kernels)
    (request,) = hub.requests
    assert request.status == 206
    assert len(pickle.content) / 2 <= request.body_bytes < len(pickle.content) / 2 + 1.1e6
    assert extraction.left == []


def test_all_had_come_but_the_end(hub, source, pickle, checkpoint, extraction):
    extraction.stop_half_way(hub, source)
    (partial,) = extraction.downloads.glob("*.partial")
    partial.write_bytes(pickle.content)
    extraction.run(source, sha256=pickle.sha256)
    extraction.check(checkpoint.kernels)
    assert hub.bytes_sent.bodies == 1


def test_a_file_that_changed_meanwhile_is_fetched_anew(hub, source, tmp_path, extraction):
    extraction.stop_half_way(hub, source)
    weights = {"dw.weight": torch.full((4, 1, 3, 3), 7.0), "fc.weight": torch.zeros(1_500_000)}
    torch.save(weights, tmp_path / "newer.pth")
    hub.add_file(ADDRESS, tmp_path / "newer.pth")
    extraction.run(source)
    extraction.check({"dw": np.full((4, 3, 3), 7, np.float32)})
    (request,) = hub.requests
    assert (request.status, request.if_range is None) == (200, False)


def test_a_file_that_changes_during_one_run(hub, source, checkpoint, extraction, waits):
    hub.misbehave(ADDRESS, short_body, times=1)
    hub.misbehave(ADDRESS, change_etag, times=1)
    assert "changed on the server while it was read" in extraction.refusal(source)
    extraction.run(source)
    extraction.check(checkpoint.kernels)
    assert [r.status for r in hub.requests] == [200, 200, 200]


def dated(fault):
    """The fault of a server that tells versions by dates alone."""
    return lambda request, answer: without_etag(request, partial(fault, answer=answer))


@pytest.mark.parametrize("n_zeros", [1_500_000, 10, 4_000_000])
@pytest.mark.parametrize("told_by", [lambda fault: fault, dated])
def test_a_changed_file_is_not_gone_on_with_by_a_server_without_if_range(
    hub, source, tmp_path, extraction, waits, n_zeros, told_by
):  # fmt: skip
    extraction.stop_half_way(hub, source, told_by(short_body))
    weights = {"dw.weight": torch.full((4, 1, 3, 3), 7.0), "fc.weight": torch.zeros(n_zeros)}
    torch.save(weights, tmp_path / "newer.pth")
    hub.add_file(ADDRESS, tmp_path / "newer.pth", etag="another")
    hub.misbehave(ADDRESS, told_by(ignore_if_range))
    extraction.run(source)
    extraction.check({"dw": np.full((4, 3, 3), 7, np.float32)})
    assert [request.status for request in hub.requests] in ([206, 200], [416, 200])
    assert extraction.left == []


def test_a_compressed_body_is_refused(hub, source, extraction):
    hub.misbehave(ADDRESS, compressed)
    assert "sends it compressed (gzip)" in extraction.refusal(source)
