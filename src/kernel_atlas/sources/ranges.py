"""Byte ranges: which to ask for together, and which a server says it has sent."""

import re
from collections.abc import Sequence
from typing import Any

from kernel_atlas.errors import AtlasError

Range = tuple[int, int]  # start and stop, in bytes

GAP_BYTES = 64 * 1024  # reading over such a gap costs less than another request


def merge_ranges(ranges: Sequence[Range], gap: int = GAP_BYTES) -> list[Range]:
    """The ranges in ascending order, those with at most `gap` bytes between them made one."""
    merged: list[Range] = []
    for start, stop in sorted(ranges):
        if merged and start - merged[-1][1] <= gap:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged


def content_range(response: Any, name: str) -> tuple[int, int]:
    """First byte of a partial response, and the size of the whole file.

    Raises
    ------
    AtlasError
        If the response does not say.
    """
    text = response.headers.get("Content-Range", "")
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", text)
    if response.status_code != 206 or not match:
        raise AtlasError(
            f"{name}: the server answered a request for a range with status "
            f"{response.status_code} and Content-Range {text!r}"
        )
    return int(match[1]), int(match[2])
