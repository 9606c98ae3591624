"""What was found in a checkpoint: each candidate weight, counted or not, and why."""

from collections.abc import Sequence
from typing import NamedTuple

from kernel_atlas.checkpoints.layer import Layer
from kernel_atlas.errors import one_line

MAX_NAMED = 5  # in one message


class Candidate(NamedTuple):
    """A weight that might be one of depthwise kernels (for role ``compare``: a sample)."""

    name: str  # of its layer
    shape: tuple[int, ...]
    counted: bool
    in_doubt: bool  # a user should look at it
    why: str


class Reading(NamedTuple):
    """The layers of a checkpoint, and all candidates, both in the file's order."""

    layers: list[Layer]
    inventory: list[Candidate]


def describe_doubts(inventory: Sequence[Candidate]) -> str:
    """One line on what is in doubt, or an empty string."""
    doubts = [row for row in inventory if row.in_doubt]
    if not doubts:
        return ""
    by_reason: dict[tuple[bool, str], list[Candidate]] = {}
    for row in doubts:
        by_reason.setdefault((row.counted, row.why), []).append(row)
    parts = []
    for (counted, why), rows in by_reason.items():
        names = ", ".join(row.name for row in rows[:MAX_NAMED])
        more = f" and {len(rows) - MAX_NAMED} more" if len(rows) > MAX_NAMED else ""
        parts.append(f"{names}{more} {'counted' if counted else 'not counted'}: {why}")
    return one_line("; ".join(parts))
