"""Signed addresses that expire, and files that are no whole checkpoint by their names."""

import pytest
from support.misbehaviour import reset_mid_body, status


@pytest.mark.parametrize("n_well_answered", [0, 1, 2])
def test_an_expired_redirect_is_resolved_again(
    hub, serve, checkpoint, extraction, waits, n_well_answered
):  # fmt: skip
    source = serve()
    hub.misbehave("/cdn/", status(403), times=1, after=n_well_answered)
    extraction.run(source)
    extraction.check(checkpoint.kernels)
    # by the connection that met the 403, and by one that begins before its answer has come
    resolved = [r.status for r in hub.requests if r.server == "hub" and r.method == "GET"]
    assert resolved in ([302], [302, 302])


def test_an_expired_redirect_of_a_download(hub, pickle, checkpoint, extraction, waits):
    hub.add_file("/releases/net.pth", pickle.path, redirect=True)
    hub.misbehave("/cdn/", reset_mid_body, times=1)
    hub.misbehave("/cdn/", status(403), times=1)
    extraction.run(f"{hub.url}/releases/net.pth")
    extraction.check(checkpoint.kernels)


def test_what_is_forbidden_for_good_is_an_error(hub, serve, extraction, waits):
    source = serve()
    hub.misbehave("/cdn/", status(403))
    assert "model.safetensors: the server answered 403, not allowed" in extraction.refusal(source)


def test_a_part_of_a_checkpoint_is_refused(serve, extraction):
    source = serve("model-00001-of-00002.safetensors")
    message = extraction.refusal(f"{source}:model-00001-of-00002.safetensors")
    assert "is one of 2 parts of a checkpoint" in message


@pytest.mark.parametrize(
    "address", ["https://[bad/x.pth", "https://a..b/x.pth", "http://h:p/x.pth"]
)
def test_what_is_no_address(extraction, address):
    assert "no address" in extraction.refusal(address)
