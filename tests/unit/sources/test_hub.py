"""``hf:``: default files, revisions, tokens, the hub's own cache, and no network at all."""

import logging

import pytest
from huggingface_hub import constants, hf_hub_download
from support.misbehaviour import status
from support.repositories import SIGNATURE, TOKEN

from kernel_atlas.sources import http, schemes

REPO = "timm/a_model.a_tag"
FILE = "model.safetensors"
COMMITS = [f"{number:040x}" for number in (0xC0FFEE, 0xBEEF)]
SHA256 = "0123456789abcdef" * 4


@pytest.mark.parametrize("repo", ["own--er/repo", "owner/re..po", "owner/repo.git"])
def test_a_name_that_the_hub_client_refuses(hub, extraction, repo):
    assert repo.split("/")[1] in extraction.refusal(f"hf:{repo}")
    assert hub.requests == []


def test_a_group_records_its_source(hub, serve, extraction):
    assert extraction.run(serve(etag="c0ffee"))["sha256"] is None  # not a checksum
    facts = extraction.run(serve(commit=COMMITS[0], etag=SHA256))
    expected = {
        "source": f"hf:{REPO}",
        "revision": COMMITS[0],
        "sha256": SHA256,
        "url": f"{hub.url}/{REPO}/resolve/{COMMITS[0]}/{FILE}",
        "timm": None,
        "convolutions": "depthwise",
    }
    assert facts | expected == facts


@pytest.mark.parametrize(
    ("revision", "commit"),
    [("", 1), ("@main", 1), ("@v1.0", 0), ("@refs/pr/1", 0), ("@" + COMMITS[0], 0)],
)
def test_a_revision_is_pinned_to_its_commit(hub, serve, checkpoint, extraction, revision, commit):
    serve(commit=COMMITS[0])
    for tag in ("v1.0", "refs/pr/1"):
        hub.add_revision(REPO, tag)
    serve(commit=COMMITS[1])  # main has moved on
    facts = extraction.run(f"hf:{REPO}{revision}")
    extraction.check(checkpoint.kernels)
    assert facts["revision"] == COMMITS[commit]
    assert COMMITS[commit] in facts["url"]
    assert {COMMITS[commit] in r.path for r in hub.requests if r.method == "GET"} == {True}


@pytest.mark.parametrize("name", ["weights/net.safetensors", "model-00001-of-2.safetensors"])
def test_a_named_file(serve, checkpoint, extraction, name):
    serve(name)
    facts = extraction.run(f"{serve('another.safetensors')}:{name}")
    extraction.check(checkpoint.kernels)
    assert facts["url"].endswith(f"/{name}")


def test_default_files(serve, checkpoint, pickle, extraction):
    source = serve("config.json")
    assert (
        "has no model.safetensors or model.safetensors.index.json or pytorch_model.bin at main"
        in extraction.refusal(source)
    )
    serve("pytorch_model.bin", path=pickle.path, etag=pickle.sha256)
    facts = extraction.run(source)
    assert facts["url"].endswith("pytorch_model.bin")
    assert facts["sha256"] == pickle.sha256
    extraction.check(checkpoint.kernels)
    serve(FILE)
    assert extraction.run(source)["url"].endswith(FILE)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("hf:timm/absent", "no such repository, or it is private"),
        (f"hf:{REPO}@v9", "no such revision"),
        (f"hf:{REPO}:absent.pth", "has no absent.pth at main"),
        (f"hf:{REPO}@{COMMITS[0]}:absent.pth", f"has no absent.pth at {COMMITS[0]}"),
    ],
)
def test_what_the_hub_does_not_have(serve, extraction, source, message):
    serve(commit=COMMITS[0])
    assert message in extraction.refusal(source)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (status(500), "the server answered 500"),
        (status(429, retry_after=9), "answered 429, too many requests"),
        (status(403), "answered 403, not allowed"),
    ],
)
def test_a_hub_that_keeps_refusing(hub, serve, extraction, waits, fault, message):
    source = serve()
    hub.misbehave("/resolve/", fault)
    assert message in extraction.refusal(source)


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_wait_is_logged_without_signed_addresses(
    hub, serve, extraction, waits, caplog, monkeypatch, method
):
    # as in a process that has made no request yet
    http._take_over_hub_messages.cache_clear()
    monkeypatch.setattr(logging.getLogger("huggingface_hub"), "handlers", [])
    hub.misbehave(FILE, status(429, retry_after=7), times=1, method=method)
    with caplog.at_level("INFO", "kernel_atlas"):
        extraction.run(serve())
    said = [r.getMessage() for r in caplog.records if r.name.startswith("kernel_atlas")]
    assert any("Rate limited. Waiting 8.0s" in message for message in said)
    assert not any(SIGNATURE in message for message in said)
    assert waits == [8]


def test_a_server_that_is_not_a_hub(hub, serve, extraction):
    def without_commit(request, answer):
        reply = answer(request)
        reply.headers.pop("X-Repo-Commit")
        return reply

    source = serve()
    hub.misbehave("/resolve/", without_commit)
    assert "does not name a commit, so the server is not a hub" in extraction.refusal(source)


@pytest.fixture(params=["variable", "file"])
def give_token(request, tmp_path, monkeypatch):
    """A function that puts a token into one of the hub's usual places."""

    def give(token):
        if request.param == "variable":
            monkeypatch.setenv("HF_TOKEN", token)
        else:
            (tmp_path / "home").mkdir(exist_ok=True)
            (tmp_path / "home" / "token").write_text(token)

    return give


@pytest.fixture
def everything_logged(caplog, monkeypatch):
    """The records of all loggers from DEBUG on, also of those that do not propagate."""
    for name in [*logging.root.manager.loggerDict, "huggingface_hub", "httpx2", "httpcore2"]:
        logger = logging.getLogger(name)
        monkeypatch.setattr(logger, "propagate", True)
        monkeypatch.setattr(logger, "disabled", False)
        monkeypatch.setattr(logger, "level", logging.DEBUG)
        logger._cache.clear()
    caplog.set_level(logging.DEBUG)
    return caplog


@pytest.mark.parametrize("token", [None, "hf_of_another_user"])
def test_a_gated_repository_without_the_right_token(
    hub, serve, extraction, give_token, everything_logged, token
):
    if token:
        give_token(token)
    message = extraction.refusal(serve(gated=True))
    assert "gated repository: ask for access" in message
    assert "HF_TOKEN" in message
    assert token is None or token not in message + everything_logged.text
    assert [request.status for request in hub.requests] == [401]


@pytest.mark.parametrize("redirect", [True, False])
def test_a_token_is_sent_to_the_hub_alone_and_never_logged(
    hub, serve, checkpoint, extraction, give_token, everything_logged, redirect, capfd
):
    give_token(TOKEN)
    facts = extraction.run(serve(gated=True, redirect=redirect))
    extraction.check(checkpoint.kernels)
    for request in hub.requests:
        assert request.had_authorization == (request.server == "hub")
    assert {r.server for r in hub.requests} == ({"hub", "cdn"} if redirect else {"hub"})
    records = everything_logged.records
    assert {record.name.partition(".")[0] for record in records} >= {"httpx2", "kernel_atlas"}
    said = "\n".join(f"{record.getMessage()} {vars(record)}" for record in records)
    assert TOKEN not in said + str(facts) + "".join(capfd.readouterr())
    # nor is the signed address recorded, which opens the file to anybody
    assert SIGNATURE not in str(facts)


@pytest.mark.parametrize(
    ("name", "revision"), [(FILE, None), (FILE, COMMITS[0]), ("weights/net.safetensors", "v1.0")]
)
def test_the_hubs_cache_is_used_instead_of_the_network(
    hub, serve, checkpoint, extraction, monkeypatch, name, revision
):
    source = serve(name, commit=COMMITS[0])
    hub.add_revision(REPO, "v1.0")
    cached = hf_hub_download(REPO, name, revision=revision)
    source += f"@{revision}" if revision else ""
    source += f":{name}" if "/" in name else ""
    hub.reset_counts()
    for offline in (False, True):
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
        facts = extraction.run(source)
        extraction.check(checkpoint.kernels)
        assert (facts["revision"], facts["url"]) == (COMMITS[0], None)
    assert hub.requests == []
    assert schemes.locate(source).path.samefile(cached)  # and not deleted


def test_another_revision_than_the_cached_is_fetched(hub, serve, extraction):
    source = serve(commit=COMMITS[0])
    hf_hub_download(REPO, FILE)
    serve(commit=COMMITS[1])
    hub.add_revision(REPO, "v2.0")
    assert extraction.run(f"{source}@v2.0")["revision"] == COMMITS[1]


def test_safetensors_on_the_hub_win_over_a_cached_pickle(serve, pickle, checkpoint, extraction):
    source = serve("pytorch_model.bin", path=pickle.path)
    hf_hub_download(REPO, "pytorch_model.bin")
    assert extraction.run(source)["url"] is None
    serve()
    assert extraction.run(source)["url"].endswith(FILE)
    extraction.check(checkpoint.kernels)


@pytest.mark.parametrize("name", ["", f":{FILE}", "@v1.0"])
def test_offline_and_not_in_the_cache(hub, serve, extraction, monkeypatch, name):
    source = serve()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    message = extraction.refusal(source + name)
    assert f"{REPO}: {FILE}" in message
    assert "is not on this machine, and HF_HUB_OFFLINE forbids fetching it" in message
    assert hub.requests == []


@pytest.mark.parametrize("name", ["net.safetensors", "net.pth"])
def test_offline_forbids_a_plain_address_too(hub, checkpoint, extraction, monkeypatch, name):
    hub.add_file(f"/{name}", checkpoint.path)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert f"{name} is not on this machine" in extraction.refusal(f"{hub.url}/{name}")


def test_no_server_at_all(hub, serve, extraction, waits):
    source = serve()
    hub.__exit__()
    assert f"{REPO}: {FILE} cannot be fetched" in extraction.refusal(source)
