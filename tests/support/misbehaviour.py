"""Faults of the stand-in hub: functions for `StandInHub.misbehave`.

A fault gets the request and the function that would answer it properly, and returns the reply
that is sent.
"""

from collections.abc import Callable
from dataclasses import replace

from support.server import Answer, Reply, Request

Fault = Callable[[Request, Answer], Reply]


def status(code: int, retry_after: int | None = None, error_code: str | None = None) -> Fault:
    """Answer with this status; `retry_after` is in seconds, `error_code` goes into X-Error-Code."""
    headers = {"Retry-After": retry_after, "X-Error-Code": error_code}
    headers = {name: str(value) for name, value in headers.items() if value is not None}
    return lambda request, answer: Reply(code, headers, content=b"out of order")


def reset_mid_body(request: Request, answer: Answer) -> Reply:
    """Send half of the body, then reset the connection."""
    return replace(short_body(request, answer), reset=True)


def short_body(request: Request, answer: Answer) -> Reply:
    """Promise the length that was asked for, send half of it, and close the connection."""
    reply = answer(request)
    return replace(reply, cut=(len(reply.content) or reply.length) // 2)


def short_but_consistent(request: Request, answer: Answer) -> Reply:
    """Serve half of the range, and say so in Content-Length and Content-Range."""
    reply = answer(request)
    if reply.status != 206:
        return reply
    return _with_range(reply, reply.start, reply.length // 2)


def ignore_range(request: Request, answer: Answer) -> Reply:
    """Send the whole file with status 200."""
    return answer(replace(request, range=None))


def ignore_if_range(request: Request, answer: Answer) -> Reply:
    """Send the range even of a file that has changed."""
    return answer(replace(request, if_range=None))


def told_by(headers: dict[str, str], fault: Fault | None = None) -> Fault:
    """Tell the file's version by these headers instead of its ETag, besides another fault."""

    def answer_so(request: Request, answer: Answer) -> Reply:
        reply = fault(request, answer) if fault else answer(request)
        kept = {name: text for name, text in reply.headers.items() if name != "ETag"}
        return replace(reply, headers=kept | headers)

    return answer_so


def compressed(request: Request, answer: Answer) -> Reply:
    """Say that the body is compressed."""
    reply = answer(request)
    return replace(reply, headers=reply.headers | {"Content-Encoding": "gzip"})


def change_etag(request: Request, answer: Answer) -> Reply:
    """Give the file another ETag from now on, at each of its addresses."""
    file = answer(request).file
    if file:
        file.etag = file.next_etag
    return answer(request)


def wrong_content_range(request: Request, answer: Answer) -> Reply:
    """Send the right bytes with a Content-Range that is off by 8 bytes."""
    reply = answer(request)
    if reply.status != 206:
        return reply
    return replace(_with_range(reply, reply.start + 8, reply.length), start=reply.start)


def other_range(request: Request, answer: Answer) -> Reply:
    """Send another range of the same length, 8 bytes away, and say so."""
    reply = answer(request)
    if reply.status != 206:
        return reply
    inside = reply.start + reply.length + 8 <= reply.file.size
    return _with_range(reply, max(0, reply.start + (8 if inside else -8)), reply.length)


def _with_range(reply: Reply, start: int, length: int) -> Reply:
    content_range = f"bytes {start}-{start + length - 1}/{reply.file.size}"
    headers = reply.headers | {"Content-Range": content_range}
    return replace(reply, headers=headers, start=start, length=length)
