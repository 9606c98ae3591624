"""Label tables: which interval of the code has which class.

A person can edit a table. It is tab-separated, with columns `start`, `stop` and `class`;
`match`, `matched`, `purity`, `mostly` and `note` are for information. Codes that no interval
covers are `other`.
"""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from kernel_atlas.atomic import write_rows
from kernel_atlas.codebooks.codebook import Codebook
from kernel_atlas.errors import AtlasError
from kernel_atlas.family.names import DEAD, OTHER

# An interval with a smaller share of members of its class is mixed.
MIN_PURITY = 0.7
# Where fewer of the near kernels are matched, their members say too little of them.
MIN_MATCHED = 0.5

_CLASS_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Interval:
    """Codes from `start` up to `stop` belong to class `label`.

    Of the near kernels there, `match` is the mean cosine with their members, `matched` the
    share that the family's ruler matches, `mostly` the class of most members, and `purity`
    the share of these. In a table made by hand they are NaN and empty.
    """

    start: float
    stop: float
    label: str
    match: float = float("nan")
    matched: float = float("nan")
    purity: float = float("nan")
    mostly: str = ""

    @property
    def note(self) -> str:
        """Why the class is in doubt, if it is."""
        if self.purity < MIN_PURITY:
            return "mixed"
        return "unmatched" if self.matched < MIN_MATCHED else ""


def label_rows(intervals: list[Interval], codebook: Codebook) -> np.ndarray:
    """The class of each row of a codebook, an array of str of shape (n,)."""
    codes = codebook.codes
    labels = np.full(len(codes), OTHER, dtype=object)
    for interval in intervals:
        inside = (codes >= interval.start) & (codes < interval.stop)
        labels[inside | ((codes == 1) & (interval.stop == 1))] = interval.label
    return labels


def write_labels(intervals: list[Interval], path_to_labels: str | Path) -> None:
    """Write a label table; what is not known of an interval stays empty."""
    rows = []
    for row in intervals:
        shares = (row.match, row.matched, row.purity)
        facts = ["" if np.isnan(x) else f"{x:.3f}" for x in shares]
        rows.append(
            [f"{row.start:.6g}", f"{row.stop:.6g}", row.label, *facts, row.mostly, row.note]
        )
    columns = ["start", "stop", "class", "match", "matched", "purity", "mostly", "note"]
    write_rows([columns, *rows], path_to_labels)


def read_labels(path: str | Path) -> list[Interval]:
    """Read and check a label table.

    Raises
    ------
    AtlasError
        If a column is missing, a code is not a number within [0, 1], a class is not a
        plain name, or intervals overlap. The message names file, line and column.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise AtlasError(f"label table {path}: cannot be read ({error})") from None
    rows = csv.DictReader(text.splitlines(), delimiter="\t")
    for column in ("start", "stop", "class"):
        if column not in (rows.fieldnames or ()):
            raise AtlasError(f"label table {path}: column {column!r} is missing (tab-separated)")
    return check_rows(((f"line {rows.line_num}", row) for row in rows), f"label table {path}")


def check_rows(rows: Iterable[tuple[str, Mapping[str, Any]]], table: str) -> list[Interval]:
    """The intervals of a label table's rows, in order of the code.

    Parameters
    ----------
    rows : iterable of (place, row)
        For example ("line 2", {"start": "0", "stop": "0.5", "class": "spot"}).
    table : str
        For messages.

    Raises
    ------
    AtlasError
        As `read_labels`.
    """
    intervals: list[Interval] = []
    for line, row in rows:
        place = f"{table}, {line}"
        start, stop = (_code(row, column, place) for column in ("start", "stop"))
        if start >= stop:
            raise AtlasError(f"{place}, column stop: {stop:g} is not above start {start:g}")
        label = str(row["class"] or "").strip()
        if not _CLASS_NAME.fullmatch(label) or label == DEAD:
            raise AtlasError(
                f"{place}, column class: {label!r} is not a class name (a letter, then "
                f"letters, digits, '_' or '-'; '{DEAD}' is reserved)"
            )
        match, matched, purity = (
            _number(row, column, place) if row.get(column) else float("nan")
            for column in ("match", "matched", "purity")
        )
        mostly = str(row.get("mostly") or "")
        intervals.append(Interval(start, stop, label, match, matched, purity, mostly))
    intervals.sort(key=lambda interval: interval.start)
    for left, right in pairwise(intervals):
        if right.start < left.stop:
            raise AtlasError(
                f"{table}: interval {right.start:g} to {right.stop:g} "
                f"({right.label}) overlaps {left.start:g} to {left.stop:g} ({left.label})"
            )
    return intervals


def _number(row: Mapping[str, Any], column: str, place: str) -> float:
    try:
        return float(row[column])
    except (TypeError, ValueError):
        raise AtlasError(f"{place}, column {column}: {row[column]!r} is not a number") from None


def _code(row: Mapping[str, Any], column: str, place: str) -> float:
    code = _number(row, column, place)
    if not 0 <= code <= 1:
        raise AtlasError(f"{place}, column {column}: code {code:g} is not within 0 to 1")
    return code
