"""Downloads that break off, and go on where they were, if it is still the same file."""

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
    told_by,
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


DATE = "Mon, 01 Jan 2024 00:{:02}:{:02} GMT"
OLD = {"Last-Modified": DATE.format(0, 0), "Date": DATE.format(1, 0)}
RECENT = {"Last-Modified": DATE.format(0, 0), "Date": DATE.format(0, 59)}


@pytest.fixture
def newer(tmp_path):
    """A function that writes another version of the pickle, with so many zeros after its kernels."""

    def write(n_zeros):
        weights = {"dw.weight": torch.full((4, 1, 3, 3), 7.0), "fc.weight": torch.zeros(n_zeros)}
        torch.save(weights, tmp_path / "newer.pth")
        return tmp_path / "newer.pth"

    return write


@pytest.mark.parametrize("n_zeros", [1_500_000, 10, 4_000_000])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"ETag": '"1"'}, {"ETag": '"2"'}),
        (OLD, {"Last-Modified": DATE.format(9, 0), "Date": DATE.format(20, 0)}),
    ],
    ids=["etag", "date"],
)
def test_a_changed_file_is_not_resumed_by_a_server_without_if_range(
    hub, source, newer, extraction, waits, n_zeros, before, after
):
    extraction.stop_half_way(hub, source, told_by(before, short_body))
    hub.add_file(ADDRESS, newer(n_zeros))
    hub.misbehave(ADDRESS, told_by(after, ignore_if_range))
    extraction.run(source)
    extraction.check({"dw": np.full((4, 3, 3), 7, np.float32)})
    assert [request.status for request in hub.requests] in ([206, 200], [416, 200])
    assert extraction.left == []


@pytest.mark.parametrize(
    "version",
    [RECENT, {"ETag": 'W/"1"'}, {"Last-Modified": OLD["Last-Modified"]}, {}],
    ids=["recent date", "weak ETag", "date of unknown age", "none"],
)
def test_without_a_strong_validator_a_download_starts_anew(
    hub, source, newer, extraction, version
):
    """The server cannot tell the two versions apart, such as two writes within one second."""
    extraction.stop_half_way(hub, source, told_by(version, short_body))
    hub.add_file(ADDRESS, newer(4_000_000))
    hub.misbehave(ADDRESS, told_by(version, ignore_if_range))
    extraction.run(source)
    extraction.check({"dw": np.full((4, 3, 3), 7, np.float32)})
    assert [(request.range, request.status) for request in hub.requests] == [(None, 200)]


def test_a_date_a_minute_older_than_the_response_is_enough_to_resume(
    hub, source, checkpoint, extraction
):
    extraction.stop_half_way(hub, source, told_by(OLD, short_body))
    hub.misbehave(ADDRESS, told_by(OLD, ignore_if_range))
    extraction.run(source)
    extraction.check(checkpoint.kernels)
    assert [(r.status, r.if_range) for r in hub.requests] == [(206, OLD["Last-Modified"])]


def test_a_compressed_body_is_refused(hub, source, extraction):
    hub.misbehave(ADDRESS, compressed)
    assert "sends it compressed (gzip)" in extraction.refusal(source)
