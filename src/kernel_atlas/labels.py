"""Label tables: which interval of the code is which class.

A table is what a person edits: tab-separated, with columns `start`, `stop`,
`class` and, for information, `match`. Codes that no interval covers are `other`.
"""

import csv
import logging
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from kernel_atlas import family
from kernel_atlas.codebook import codes_of, read_codebook
from kernel_atlas.errors import AtlasError
from kernel_atlas.files import replacing
from kernel_atlas.sphere import to_sphere

logger = logging.getLogger(__name__)

OTHER = "other"  # not clustered
DEAD = "dead"  # no direction, so neither clustered nor other

# A code whose best match with the family has a smaller cosine is labelled `other`.
MIN_MATCH = 0.6
# A shorter interval (three steps of the spectrum) is taken for a passage between its neighbours.
MIN_LENGTH = 0.006

_CLASS_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Interval:
    """Codes from `start` up to `stop` belong to class `label`.

    `match` is the mean cosine of the interval's codes with their best match in
    the DoG family, or NaN in a table made by hand.
    """

    start: float
    stop: float
    label: str
    match: float = float("nan")


def propose_labels(codebook: np.ndarray) -> list[Interval]:
    """Label each code by the DoG family's best match, and join equal neighbours to intervals.

    Parameters
    ----------
    codebook : ndarray of shape (n, k, k)

    Returns
    -------
    list of Interval
        Covering [0, 1] without gaps; empty if n is 0.
    """
    if not len(codebook):
        return []
    names, kernels = zip(*family.templates(codebook.shape[-1]), strict=True)
    cosine = to_sphere(codebook) @ to_sphere(np.array(kernels)).T
    match = cosine.max(axis=1)
    labels = np.where(match < MIN_MATCH, OTHER, np.array(names)[cosine.argmax(axis=1)])
    labels = _merge_slivers(labels, round(MIN_LENGTH * len(labels)))
    codes = codes_of(codebook)
    borders = np.concatenate([[0.0], (codes[1:] + codes[:-1]) / 2, [1.0]])
    return [
        Interval(borders[first], borders[end], str(labels[first]), float(match[first:end].mean()))
        for first, end in _runs(labels)
    ]


def label_rows(intervals: list[Interval], codebook: np.ndarray) -> np.ndarray:
    """The class of each row of a codebook, an array of str of shape (n,)."""
    codes = codes_of(codebook)
    labels = np.full(len(codes), OTHER, dtype=object)
    for interval in intervals:
        inside = (codes >= interval.start) & (codes < interval.stop)
        labels[inside | ((codes == 1) & (interval.stop == 1))] = interval.label
    return labels


def label_codebook(
    path_to_codebook: str | Path, path_to_own_labels: str | Path | None, path_to_labels: str | Path
) -> None:
    """Write a size's label table: the user's own if there is one, else the proposal.

    Raises
    ------
    AtlasError
        If the user's table is not well formed; file, line and column are named.
    """
    if path_to_own_labels:
        intervals = read_labels(path_to_own_labels)
        logger.info("labels taken from %s", path_to_own_labels)
    else:
        intervals = propose_labels(read_codebook(path_to_codebook))
    with replacing(path_to_labels) as path, path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(["start", "stop", "class", "match"])
        for row in intervals:
            match = "" if np.isnan(row.match) else f"{row.match:.3f}"
            writer.writerow([f"{row.start:.6g}", f"{row.stop:.6g}", row.label, match])


def read_labels(path: str | Path) -> list[Interval]:
    """Read and check a label table.

    Raises
    ------
    AtlasError
        Naming file, line and column, if a column is missing, a number is none
        or outside [0, 1], a class is no plain name, or intervals overlap.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise AtlasError(f"label table {path}: cannot be read ({error})") from None
    rows = csv.DictReader(text.splitlines(), delimiter="\t")
    for column in ("start", "stop", "class"):
        if column not in (rows.fieldnames or ()):
            raise AtlasError(f"label table {path}: column {column!r} is missing (tab-separated)")
    intervals: list[Interval] = []
    for row in rows:
        place = f"label table {path}, line {rows.line_num}"
        start, stop = (_code(row, column, place) for column in ("start", "stop"))
        if start >= stop:
            raise AtlasError(f"{place}, column stop: {stop:g} is not above start {start:g}")
        label = (row["class"] or "").strip()
        if not _CLASS_NAME.fullmatch(label) or label == DEAD:
            raise AtlasError(
                f"{place}, column class: {label!r} is no class name (a letter, then letters, "
                f"digits, '_' or '-'; '{DEAD}' is taken)"
            )
        match = _number(row, "match", place) if row.get("match") else float("nan")
        intervals.append(Interval(start, stop, label, match))
    intervals.sort(key=lambda interval: interval.start)
    for left, right in pairwise(intervals):
        if right.start < left.stop:
            raise AtlasError(
                f"label table {path}: interval {right.start:g} to {right.stop:g} "
                f"({right.label}) overlaps {left.start:g} to {left.stop:g} ({left.label})"
            )
    return intervals


def order_classes(labels: set[str]) -> list[str]:
    """Classes in the order of tables and figures: the family, own classes, other, dead."""
    own = sorted(labels - set(family.CLASSES) - {OTHER, DEAD})
    return [name for name in (*family.CLASSES, *own, OTHER, DEAD) if name in labels]


def _number(row: dict[str, str], column: str, place: str) -> float:
    try:
        return float(row[column])
    except (TypeError, ValueError):
        raise AtlasError(f"{place}, column {column}: {row[column]!r} is no number") from None


def _code(row: dict[str, str], column: str, place: str) -> float:
    code = _number(row, column, place)
    if not 0 <= code <= 1:
        raise AtlasError(f"{place}, column {column}: code {code:g} is not within 0 to 1")
    return code


def _runs(labels: np.ndarray) -> list[tuple[int, int]]:
    """First row and end of each run of equal labels."""
    changes = (np.flatnonzero(labels[1:] != labels[:-1]) + 1).tolist()
    return list(zip([0, *changes], [*changes, len(labels)], strict=True))


def _merge_slivers(labels: np.ndarray, min_rows: int) -> np.ndarray:
    """Give each run shorter than `min_rows`, shortest first, to its longer neighbour."""
    labels = labels.copy()
    while True:
        runs = _runs(labels)
        lengths = [end - first for first, end in runs]
        shortest = int(np.argmin(lengths))
        if len(runs) == 1 or lengths[shortest] >= min_rows:
            return labels
        neighbours = [i for i in (shortest - 1, shortest + 1) if 0 <= i < len(runs)]
        winner = max(neighbours, key=lambda i: lengths[i])
        labels[slice(*runs[shortest])] = labels[runs[winner][0]]
