"""A checkpoint on a server, of which only byte ranges cross the wire."""

import re
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from kernel_atlas.errors import AtlasError
from kernel_atlas.sources import http
from kernel_atlas.sources.http import RefusedError, ShortReadError
from kernel_atlas.sources.ranges import Range, content_range, merge_ranges

N_CONNECTIONS = 8


class RemoteFile:
    """A file on a server, with the attributes of `file.LocalFile` except `path`.

    Its redirect is resolved once. Requests share the hub client's connections,
    several at once; those that fail are tried again.

    Parameters
    ----------
    url : str
    target : str, optional
        Where the url redirects to, if that is known.
    headers : dict, optional
        For the url's own host alone.
    size, revision, sha256 : optional
    """

    first_bytes = 100_000  # holds the header of any of timm's checkpoints

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
        self.version: str | None = None  # ETag or date of the first response
        self._target = target or url
        self._headers = headers or {}
        self._takes_ranges = True
        self._lock = threading.Lock()

    def read(self, ranges: Sequence[Range]) -> list[bytes]:
        """The bytes of each range, fewer where the file ends before.

        Near ranges are fetched in one request. A server that sends the whole file
        instead of a range is read from the start, keeping the ranges alone.

        Raises
        ------
        AtlasError
            If the server refuses, cannot be reached, or sends what was not asked for.
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
        """A streamed GET of this file (httpx2.Response), checked to be of the same version."""
        target = self._target  # read once: another thread may change it
        own = self._headers if urlsplit(target)[:2] == urlsplit(self.url)[:2] else {}
        try:
            with http.streamed_get(target, {**own, **headers}) as response:
                self._target = str(response.url)
                version = response.headers.get("ETag") or response.headers.get("Last-Modified")
                with self._lock:
                    self.version = self.version or version
                if version != self.version:
                    raise AtlasError(
                        f"{self.name} changed on the server while it was read "
                        f"({self.version}, then {version}); run again"
                    )
                yield response
        except RefusedError as error:
            if error.status != 403 or target == self.url:
                raise
            self._target = self.url
            raise ShortReadError("the redirect has expired") from None

    def _get_all(self, merged: Sequence[Range]) -> list[bytes] | None:
        """The ranges, each in a request; None if the server ignores ranges."""
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
            first, size = content_range(response, self.name)
            if self.size not in (None, size):
                raise AtlasError(
                    f"{self.name} has {size:,} bytes now, not {self.size:,} as before; run again"
                )
            self.size = size
            wanted = max(min(stop, size) - start, 0)
            # one byte more than was asked for is enough to see: it may have no end
            body = next(response.iter_bytes(wanted + 1), b"")
        if first != start or len(body) != wanted:
            raise ShortReadError(
                f"{len(body):,} bytes from {first:,} came for {wanted:,} from {start:,}"
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
