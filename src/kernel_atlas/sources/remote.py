"""A checkpoint on a server, of which only byte ranges cross the wire."""

import re
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit

from kernel_atlas.errors import AtlasError
from kernel_atlas.sources import http
from kernel_atlas.sources.http import RefusedError, ShortReadError

N_CONNECTIONS = 8
GAP_BYTES = 64 * 1024  # reading over such a gap costs less than another request

Range = tuple[int, int]  # start and stop, in bytes


class RemoteFile:
    """A file on a server, with the attributes of `local.LocalFile` except `path`.

    Its redirect is resolved once. Requests share the hub client's connections,
    several at once; those that fail are tried again.

    Parameters
    ----------
    url : str
    target : str, optional
        Where the url redirects to, if that is known.
    headers : dict, optional
        Sent to the url's own host only.
    size, revision, sha256 : optional
    """

    first_bytes = 100_000  # enough for the header of any of timm's checkpoints

    def __init__(
        self,
        url: str,
        target: str | None = None,
        headers: dict[str, str] | None = None,
        size: int | None = None,
        revision: str | None = None,
        sha256: str | None = None,
    ) -> None:
        self.url = url
        name = unquote(Path(urlsplit(url).path).name) or urlsplit(url).netloc
        self.name = re.sub(r"[^A-Za-z0-9._+ -]", "_", name)  # it becomes part of a path
        self.size = size
        self.revision = revision
        self.sha256 = sha256
        self.bytes_read = 0
        self._version: str | None = None  # ETag or date of the first response
        self._target = target or url
        self._headers = headers or {}
        self._takes_ranges = True
        self._lock = threading.Lock()

    def sibling(self, name: str) -> "RemoteFile":
        """The file of this name beside this one on the server, of the same revision."""
        url = urljoin(self.url.partition("?")[0], quote(name))
        return RemoteFile(url, headers=self._headers, revision=self.revision)

    def read(self, ranges: Sequence[Range]) -> list[bytes]:
        """The bytes of each range, fewer where the file ends earlier.

        Ranges close to each other are fetched in one request. If the server ignores
        ranges, its file is read from the start and only the ranges are kept.

        Raises
        ------
        AtlasError
            If the server refuses, cannot be reached, or sends something else.
        """
        merged = merge_ranges(ranges)
        with http.explained(self.name):
            chunks = self._get_all(merged) if self._takes_ranges else None
            if chunks is None:
                self._takes_ranges = False
                chunks = http.tried_again(self._pick)(merged)
        self.bytes_read += sum(map(len, chunks))
        pieces = []
        for start, stop in ranges:
            number = next(i for i, (low, high) in enumerate(merged) if low <= start <= high)
            low = merged[number][0]
            pieces.append(chunks[number][start - low : stop - low])
        return pieces

    @contextmanager
    def get(self, headers: dict[str, str]) -> Iterator[Any]:
        """A streamed GET of this file (httpx.Response).

        Raises
        ------
        AtlasError
            If the response names another version than the first one did.
        """
        target = self._target  # read once: another thread may change it
        own = self._headers if urlsplit(target)[:2] == urlsplit(self.url)[:2] else {}
        try:
            with http.streamed_get(target, {**own, **headers}) as response:
                self._target = str(response.url)
                version = response.headers.get("ETag") or response.headers.get("Last-Modified")
                with self._lock:
                    self._version = self._version or version
                if version != self._version:
                    raise AtlasError(
                        f"{self.name} changed on the server while it was read "
                        f"({self._version}, then {version}); run again"
                    )
                yield response
        except RefusedError as error:
            if error.status != 403 or target == self.url:
                raise
            self._target = self.url
            raise ShortReadError("the redirect has expired") from None

    def _get_all(self, merged: Sequence[Range]) -> list[bytes] | None:
        """The ranges, one request each; None if the server ignores ranges."""
        with ThreadPoolExecutor(N_CONNECTIONS) as pool:
            chunks = []
            for chunk in pool.map(http.tried_again(self._get), merged):
                if chunk is None:
                    return None
                chunks.append(chunk)
        return chunks

    def _get(self, part: Range) -> bytes | None:
        start, stop = part
        with self.get({"Range": f"bytes={start}-{stop - 1}"}) as response:
            if response.status_code == 200:
                return None
            first, size = http.content_range(response, self.name)
            if self.size not in (None, size):
                raise AtlasError(
                    f"{self.name} has {size:,} bytes now, not {self.size:,} as before; run again"
                )
            self.size = size
            wanted = max(min(stop, size) - start, 0)
            # one byte more shows that the body is too long; it may have no end
            body = next(response.iter_bytes(wanted + 1), b"")
        if first != start or len(body) != wanted:
            raise ShortReadError(
                f"asked for {wanted:,} bytes from {start:,}, got {len(body):,} from {first:,}"
            )
        return body

    def _pick(self, merged: Sequence[Range]) -> list[bytes]:
        """The ranges out of a stream of the whole file."""
        chunks = [bytearray() for _ in merged]
        position = 0
        with self.get({}) as response:
            if "Content-Length" in response.headers:
                self.size = int(response.headers["Content-Length"])
            for block in response.iter_bytes(1 << 20):
                for chunk, (start, stop) in zip(chunks, merged, strict=True):
                    chunk += block[max(start - position, 0) : max(stop - position, 0)]
                position += len(block)
                if position >= merged[-1][1]:
                    break
            else:
                self.size = position
        return [bytes(chunk) for chunk in chunks]


def merge_ranges(ranges: Sequence[Range]) -> list[Range]:
    """The ranges in ascending order, merged if at most `GAP_BYTES` lie between them."""
    from fsspec.utils import merge_offset_ranges

    starts, stops = ([part[i] for part in ranges] for i in (0, 1))
    _, *merged = merge_offset_ranges([""] * len(ranges), starts, stops, max_gap=GAP_BYTES)
    return list(zip(*merged, strict=True))
