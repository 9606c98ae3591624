"""Downloads that break off are resumed, if the server still has the same file."""

import numpy as np
import pytest
import torch
from support.misbehaviour import (
    change_etag,
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
DATE = "Mon, 01 Jan 2024 00:{:02}:{:02} GMT"
OLD = {"Last-Modified": DATE.format(0, 0), "Date": DATE.format(1, 0)}
RECENT = {"Last-Modified": DATE.format(0, 0), "Date": DATE.format(0, 59)}
NEWER = {"dw": np.arange(36, dtype=np.float32).reshape(4, 3, 3)}


@pytest.fixture
def replace_file(hub, tmp_path):
    """A function that puts a newer file at the address, with so many zeros after its kernels."""

    def replace(n_zeros):
        weights = {
            "dw.weight": torch.arange(36.0).reshape(4, 1, 3, 3),
            "fc.weight": torch.zeros(n_zeros),
        }
        torch.save(weights, tmp_path / "newer.pth")
        hub.add_file(ADDRESS, tmp_path / "newer.pth")

    return replace


@pytest.mark.parametrize("fault", [reset_mid_body, short_body])
def test_a_broken_download_is_resumed(hub, source, pickle, checkpoint, extraction, waits, fault):
    hub.misbehave(ADDRESS, fault, times=2)
    facts = extraction.run(source, sha256=pickle.sha256)
    extraction.check(checkpoint.kernels)
    first, *others = hub.requests
    assert first.range is None
    assert len(others) == 2
    if fault is short_body:  # a reset may take with it what had arrived
        assert all(r.status == 206 and r.if_range for r in others)
        # the last incomplete block is fetched again: twice less than 1 MiB
        assert len(pickle.content) <= hub.bytes_sent.bodies < len(pickle.content) + 2.1e6
        assert facts["bytes_read"] == len(pickle.content)


def test_the_next_run_fetches_the_rest(hub, source, pickle, checkpoint, extraction):
    extraction.stop_half_way(hub, source)
    extraction.run(source, sha256=pickle.sha256)
    extraction.check(checkpoint.kernels)
    (request,) = hub.requests
    assert request.status == 206
    assert len(pickle.content) / 2 <= request.body_bytes < len(pickle.content) / 2 + 1.1e6
    assert extraction.left == []


@pytest.mark.parametrize(
    "fault", [short_but_consistent, other_range, wrong_content_range, ignore_range, status(503)]
)
def test_a_resumed_download_may_fail_too(hub, source, checkpoint, extraction, waits, fault):
    extraction.stop_half_way(hub, source)
    hub.misbehave(ADDRESS, fault, times=1)
    extraction.run(source)
    extraction.check(checkpoint.kernels)
    assert extraction.left == []


def test_a_download_that_was_complete_but_not_renamed(hub, source, pickle, checkpoint, extraction):
    extraction.stop_half_way(hub, source)
    (partial,) = extraction.downloads.glob("*.partial")
    partial.write_bytes(pickle.content)
    extraction.run(source, sha256=pickle.sha256)
    extraction.check(checkpoint.kernels)
    assert hub.bytes_sent.bodies == 1


def test_a_file_that_has_changed_is_fetched_anew(hub, source, replace_file, extraction):
    extraction.stop_half_way(hub, source)
    replace_file(1_500_000)
    extraction.run(source)
    extraction.check(NEWER)
    (request,) = hub.requests
    assert (request.status, request.if_range is None) == (200, False)


def test_a_file_that_changes_during_one_run(hub, source, checkpoint, extraction, waits):
    hub.misbehave(ADDRESS, short_body, times=1)
    hub.misbehave(ADDRESS, change_etag, times=1)
    assert "changed on the server while it was read" in extraction.refusal(source)
    extraction.run(source)
    extraction.check(checkpoint.kernels)
    assert [r.status for r in hub.requests] == [200, 200, 200]


@pytest.mark.parametrize("n_zeros", [10, 1_500_000, 4_000_000])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"ETag": '"1"'}, {"ETag": '"2"'}),
        (OLD, {"Last-Modified": DATE.format(9, 0), "Date": DATE.format(20, 0)}),
    ],
    ids=["etag", "date"],
)
def test_a_changed_file_on_a_server_that_ignores_if_range(
    hub, source, replace_file, extraction, waits, n_zeros, before, after
):
    extraction.stop_half_way(hub, source, told_by(before, short_body))
    replace_file(n_zeros)
    hub.misbehave(ADDRESS, told_by(after, ignore_if_range))
    extraction.run(source)
    extraction.check(NEWER)
    assert [request.status for request in hub.requests] in ([206, 200], [416, 200])
    assert extraction.left == []


@pytest.mark.parametrize(
    "version",
    [RECENT, {"ETag": 'W/"1"'}, {"Last-Modified": OLD["Last-Modified"]}, {}],
    ids=["recent date", "weak ETag", "date of unknown age", "none"],
)
def test_without_a_strong_validator_a_download_starts_anew(
    hub, source, replace_file, extraction, version
):
    """The server describes both versions alike, such as two of the same second."""
    extraction.stop_half_way(hub, source, told_by(version, short_body))
    replace_file(4_000_000)
    hub.misbehave(ADDRESS, told_by(version, ignore_if_range))
    extraction.run(source)
    extraction.check(NEWER)
    assert [(request.range, request.status) for request in hub.requests] == [(None, 200)]


def test_a_date_a_minute_older_than_the_response_is_enough(hub, source, checkpoint, extraction):
    extraction.stop_half_way(hub, source, told_by(OLD, short_body))
    hub.misbehave(ADDRESS, told_by(OLD, ignore_if_range))
    extraction.run(source)
    extraction.check(checkpoint.kernels)
    assert [(r.status, r.if_range) for r in hub.requests] == [(206, OLD["Last-Modified"])]
