"""Propose a label table: which interval of the code matches which class of the DoG family."""

import logging
from pathlib import Path

import numpy as np

from kernel_atlas import family
from kernel_atlas.codebook import codes_of, read_codebook
from kernel_atlas.labels import OTHER, Interval, read_labels, write_labels
from kernel_atlas.sphere import to_sphere

logger = logging.getLogger(__name__)

# A class that matches a code with a smaller cosine is none for it; without any, it is `other`.
MIN_MATCH = 0.55
# A shorter interval (a step of the spectrum) is taken for a passage between its neighbours.
MIN_LENGTH = 0.002
# Near ties go to the simpler shape: wide centres and shifted edges all but match a second
# derivative, and where nothing decides, another seed decides otherwise (docs/method.md).
# Factors of the dissimilarity from a class's best template,
HANDICAP = {"first_derivative": 0.67, "second_derivative": 1.65}
# to which this is added before, so that no near perfect match decides by a hair.
SLACK = 0.05
# A class farther than this is none either: a second derivative needs a cosine of 0.66.
MAX_DISTANCE = 0.65
FAR = 10.0  # beyond any distance, handicap included


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
    write_labels(intervals, path_to_labels)


def propose_labels(codebook: np.ndarray) -> list[Interval]:
    """Label each code by the DoG family's best match, and join equal neighbours to intervals.

    The best match is the least dissimilarity from a class's templates, times `HANDICAP`.

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
    classes, match = match_classes(codebook)
    distance = (1 + SLACK - match) * [_handicap(name) for name in classes]
    is_none = (match < MIN_MATCH) | (distance > MAX_DISTANCE)
    best = (distance + FAR * is_none).argmin(axis=1)
    labels = np.where(is_none.all(axis=1), OTHER, np.array(classes)[best])
    labels = _merge_slivers(labels, round(MIN_LENGTH * len(labels)))
    codes = codes_of(codebook)
    borders = np.concatenate([[0.0], (codes[1:] + codes[:-1]) / 2, [1.0]])
    intervals = []
    for first, end in _runs(labels):
        label = str(labels[first])
        rows = np.arange(first, end)
        own = best[rows] if label == OTHER else classes.index(label)
        others = distance[rows].copy()
        others[np.arange(len(rows)), own] = np.inf
        margin = 1 - distance[rows, own] / others.min(axis=1)
        facts = float(match[rows, own].mean()), float(margin.mean())
        intervals.append(Interval(borders[first], borders[end], label, *facts))
    return intervals


def match_classes(kernels: np.ndarray) -> tuple[list[str], np.ndarray]:
    """How well each class of the DoG family matches each kernel.

    Parameters
    ----------
    kernels : ndarray of shape (n, k, k)
        None of them dead.

    Returns
    -------
    classes : list of str
    match : ndarray of shape (n, len(classes)), float32
        The largest cosine with a template of the class.
    """
    names, templates = zip(*family.templates(kernels.shape[-1]), strict=True)
    cosine = to_sphere(kernels) @ to_sphere(np.array(templates)).T
    classes = list(dict.fromkeys(names))
    belongs = [np.array(names) == name for name in classes]
    return classes, np.stack([cosine[:, part].max(axis=1) for part in belongs], axis=1)


def _handicap(label: str) -> float:
    return next((factor for part, factor in HANDICAP.items() if part in label), 1.0)


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
