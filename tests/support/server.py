"""The HTTP server under the stand-in hub: it records requests and streams ranges of files."""

import os
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingTCPServer

CHUNK_BYTES = 1 << 20


@dataclass
class Request:
    """A request and what was sent for it: `hub.requests` is a list of these."""

    server: str  # "hub", or "cdn" for the origin that redirects lead to
    method: str
    path: str  # with its query
    range: str | None
    if_range: str | None
    authorization: str | None = field(repr=False)
    client_port: int  # one number per connection
    status: int = 0
    head_bytes: int = 0
    body_bytes: int = 0  # of the reply's body, so far

    @property
    def had_authorization(self) -> bool:
        """Whether the request carried a token, right or wrong."""
        return self.authorization is not None


@dataclass
class ServedFile:
    """A file on disk at an address of the stand-in hub."""

    path: Path
    etag: str  # without quotes
    next_etag: str  # which the fault change_etag puts in its place
    redirect: bool  # to the other origin, as the hub redirects requests for large files
    cdn_address: str

    @property
    def size(self) -> int:
        """Bytes of the file, holes included."""
        return self.path.stat().st_size


@dataclass
class Reply:
    """The answer to a request: a few bytes of `content`, or `length` bytes of a file."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""
    file: ServedFile | None = None
    start: int = 0
    length: int = 0
    cut: int | None = None  # the connection ends after this many bytes of the body,
    reset: bool = False  # and with a reset


Answer = Callable[[Request], Reply]


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """Start and length of a single range: length 0 if outside, None if it must be ignored."""
    unit, _, spec = header.partition("=")
    first, dash, last = spec.strip().partition("-")
    if unit != "bytes" or not dash or not (first or last) or not (first + last).isdigit():
        return None
    if not first:
        length = min(int(last), size)
        return size - length, length
    start, stop = int(first), min(int(last) + 1, size) if last else size
    if last and int(last) < start:
        return None
    return start, max(0, stop - start)


def serve_file(file: ServedFile, request: Request) -> Reply:
    """The whole file, or the range that was asked for."""
    size, etag = file.size, f'"{file.etag}"'
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Content-Type": "application/octet-stream",
    }
    found = None
    if request.method == "GET" and request.range and request.if_range in (None, etag):
        found = parse_range(request.range, size)
    if found is None:
        return Reply(200, headers, file=file, length=size)
    start, length = found
    if not length:
        return Reply(416, headers | {"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{size}"
    return Reply(206, headers, file=file, start=start, length=length)


class Server(ThreadingTCPServer):
    """A server on a free port of the loopback address, with a thread for each connection.

    `take` gets each request and returns the function that answers it.
    """

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, name: str, take: Callable[[Request], Answer]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.name, self.take = name, take
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self._connections: set[socket.socket] = set()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def process_request(self, request, client_address) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request) -> None:
        # the base class would shut down politely, which hides a reset
        self._connections.discard(request)
        self.close_request(request)

    def handle_error(self, request, client_address) -> None:
        pass  # the client has gone; do_GET answers other errors

    def stop(self) -> None:
        """End the server and its connections."""
        self.shutdown()
        self._thread.join()
        self.server_close()
        for connection in list(self._connections):
            with suppress(OSError):  # it may have ended by now
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or small replies wait for the client's acknowledgement

    def do_GET(self) -> None:
        request = Request(
            self.server.name,
            self.command,
            self.path,
            self.headers.get("Range"),
            self.headers.get("If-Range"),
            self.headers.get("Authorization"),
            self.client_address[1],
        )
        try:
            reply = self.server.take(request)(request)
        except Exception as error:  # a bug in the stand-in: show it to the test
            reply = Reply(500, content=f"stand-in hub: {error!r}".encode())
        self._send(request, reply)

    do_HEAD = do_GET

    def _send(self, request: Request, reply: Reply) -> None:
        length = len(reply.content) or reply.length
        headers = {"Content-Length": str(length)} | reply.headers
        lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        request.status, request.head_bytes = reply.status, len(head)
        self.connection.sendall(head)
        if request.method == "HEAD":
            return
        if reply.content:
            content = reply.content[: reply.cut]
            request.body_bytes = len(content)
            self.connection.sendall(content)
        elif length:
            with reply.file.path.open("rb") as file:
                stop = reply.start + (length if reply.cut is None else reply.cut)
                self._send_range(request, file.fileno(), reply.start, stop)
        if reply.cut is not None:
            self.close_connection = True
        if reply.reset:
            linger = struct.pack("ii", 1, 0)  # close() then sends a reset
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def _send_range(self, request: Request, file: int, start: int, stop: int) -> None:
        # sendfile copies nothing into this process, so that a hole costs nothing
        while start < stop:
            asked = min(stop - start, CHUNK_BYTES)
            request.body_bytes += asked  # counted before the client can see it
            sent = 0
            try:
                sent = os.sendfile(self.connection.fileno(), file, start, asked)
            finally:
                request.body_bytes -= asked - sent
            if not sent:
                raise ConnectionError("the file has become shorter")
            start += sent

    def log_message(self, *_) -> None:
        pass
