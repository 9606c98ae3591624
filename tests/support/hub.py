"""A stand-in for the model hub, and for any web server, on the loopback address.

It answers the requests of huggingface_hub, counts requests and bytes, and misbehaves on
demand (`support.misbehaviour`). As the hub does, it serves large files from a second origin,
so that a test can see that no token goes there.
"""

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest
from support.misbehaviour import Fault
from support.repositories import SIGNATURE, Repo, answer_file, answer_repo, refuse
from support.server import Answer, Reply, Request, ServedFile, Server, serve_file


class BytesSent(NamedTuple):
    """Bytes of the replies: of their bodies, and of their heads (status line and headers)."""

    bodies: int
    heads: int


@dataclass
class _Misbehaviour:
    matches: Callable[[Request], bool]
    fault: Fault
    after: int
    times: int | None


class StandInHub:
    """A hub at `url`, the value of HF_ENDPOINT, within a ``with`` block.

    Redirects lead to `cdn_url`. Each reply waits for `delay_s` seconds.
    """

    def __init__(self, delay_s: float = 0) -> None:
        self.delay_s = delay_s
        self.url = self.cdn_url = ""
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._repos: dict[str, Repo] = {}
        self._files: dict[str, ServedFile] = {}  # by path, on the hub's own origin
        self._cdn_files: dict[str, ServedFile] = {}
        self._misbehaviours: list[_Misbehaviour] = []

    def __enter__(self) -> "StandInHub":
        self._servers = [Server(name, self._take) for name in ("hub", "cdn")]
        self.url, self.cdn_url = (server.url for server in self._servers)
        return self

    def __exit__(self, *_) -> None:
        for server in self._servers:
            server.stop()

    def add_repo_file(
        self,
        repo: str,
        filename: str,
        path: Path,
        *,
        commit: str | None = None,
        gated: bool = False,
        redirect: bool = True,
        etag: str | None = None,
    ) -> ServedFile:
        """Serve a file of a model repository ("owner/name") at a commit, which "main" then names.

        The hub redirects requests for large files; small files it sends itself (`redirect`). A
        gated repository requires `support.repositories.TOKEN`. The default `etag` looks like a
        checksum.
        """
        commit = commit or hashlib.sha1(repo.encode()).hexdigest()
        address = f"/{quote(repo)}/{commit}/{quote(filename)}"
        file = self._add(address, Path(path), redirect, etag)
        entry = self._repos.setdefault(repo, Repo(repo))
        entry.gated = entry.gated or gated
        entry.commits.setdefault(commit, {})[filename] = file
        entry.revisions["main"] = commit
        return file

    def add_revision(self, repo: str, revision: str, commit: str | None = None) -> None:
        """Add a tag or branch of a repository, at "main" or another commit."""
        entry = self._repos[repo]
        entry.revisions[revision] = commit or entry.revisions["main"]

    def add_file(
        self, address: str, path: Path, *, redirect: bool = False, etag: str | None = None
    ) -> ServedFile:
        """Serve a file at `url` + `address`, as a plain web server does."""
        self._files[address] = self._add(address, Path(path), redirect, etag)
        return self._files[address]

    def _add(self, address: str, path: Path, redirect: bool, etag: str | None) -> ServedFile:
        facts = path.stat()
        version = f"{address} {facts.st_size} {facts.st_mtime_ns}"
        made_up, other = (hashlib.sha256(f"{version} {n}".encode()).hexdigest() for n in range(2))
        file = ServedFile(path, etag or made_up, other, redirect, "/cdn" + address)
        self._cdn_files[file.cdn_address] = file
        return file

    @property
    def requests(self) -> list[Request]:
        """The requests since the last `reset_counts`, in order of arrival."""
        with self._lock:
            return list(self._requests)

    @property
    def bytes_sent(self) -> BytesSent:
        """The bytes sent since the last `reset_counts`."""
        requests = self.requests
        return BytesSent(sum(r.body_bytes for r in requests), sum(r.head_bytes for r in requests))

    def reset_counts(self) -> None:
        """Forget the requests."""
        with self._lock:
            self._requests.clear()

    def misbehave(
        self,
        match: str | Callable[[Request], bool],
        fault: Fault,
        times: int | None = None,
        *,
        method: str | None = None,
        after: int = 0,
    ) -> None:
        """Answer matching requests with a fault of `support.misbehaviour`.

        `match` is a part of the path or a predicate. The first `after` matching requests are
        answered properly; the next `times` requests, or all (None), are not. Of several
        misbehaviours that match, the first that is not used up applies.
        """

        def matches(request: Request) -> bool:
            found = match in request.path if isinstance(match, str) else match(request)
            return found and method in (None, request.method)

        self._misbehaviours.append(_Misbehaviour(matches, fault, after, times))

    def behave(self) -> None:
        """End all misbehaviour."""
        self._misbehaviours.clear()

    def _take(self, request: Request) -> Answer:
        with self._lock:
            self._requests.append(request)
            fault = self._due_fault(request)
        time.sleep(self.delay_s)
        return self._answer if fault is None else lambda request: fault(request, self._answer)

    def _due_fault(self, request: Request) -> Fault | None:
        for misbehaviour in self._misbehaviours:
            if misbehaviour.times == 0 or not misbehaviour.matches(request):
                continue
            if misbehaviour.after:
                misbehaviour.after -= 1
                continue
            if misbehaviour.times is not None:
                misbehaviour.times -= 1
            return misbehaviour.fault
        return None

    def _answer(self, request: Request) -> Reply:
        path, _, query = request.path.partition("?")
        if request.server == "hub":
            if path in self._files:
                return answer_file(self._files[path], request, self.cdn_url)
            return answer_repo(self._repos, request, self.cdn_url)
        if query != SIGNATURE:
            return refuse(403, "AccessDenied", "The link is not signed")
        file = self._cdn_files.get(path)
        return serve_file(file, request) if file else refuse(404, "NoSuchKey", "No such file")


def environment(hub: StandInHub, home: Path) -> dict[str, str]:
    """The environment variables of a process whose hub is the stand-in, with `home` as HF_HOME.

    The user's own settings of the hub, tokens and proxies are removed.
    """
    ours = {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "NO_PROXY": "127.0.0.1,localhost",
    }
    kept = {name: value for name, value in os.environ.items() if not _is_of_the_hub(name)}
    return kept | ours


@contextmanager
def client_in_process(hub: StandInHub, home: Path) -> Iterator[None]:
    """Make the huggingface_hub of this process, which reads the environment once, use the stand-in.

    Functions such as `huggingface_hub.model_info` keep the old endpoint: use
    ``HfApi(endpoint=hub.url)``.
    """
    import huggingface_hub
    from huggingface_hub import constants

    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if _is_of_the_hub(name)]:
            patch.delenv(name)
        patch.setenv("NO_PROXY", "127.0.0.1,localhost")
        patch.setattr(constants, "ENDPOINT", hub.url)
        template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        patch.setattr(constants, "HF_HOME", str(home))
        patch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
        patch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
        patch.setattr(constants, "HF_HUB_OFFLINE", False)
        patch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
        huggingface_hub.close_session()  # the next session reads the proxies again
        yield
        huggingface_hub.close_session()


def _is_of_the_hub(name: str) -> bool:
    name = name.upper()
    return name.startswith(("HF_", "HUGGING", "TRANSFORMERS_")) or name.endswith("_PROXY")
