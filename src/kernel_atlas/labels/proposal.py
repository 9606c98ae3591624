"""Propose a label table: which interval of the code matches which class of the DoG family.

Each training kernel votes, at its nearest code, for the class that matches it best. What
the decoder draws there counts only where there is no kernel.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d

from kernel_atlas.codebooks.codebook import Codebook, read_codebook
from kernel_atlas.codebooks.training_set import sample_training_set
from kernel_atlas.family.names import OTHER
from kernel_atlas.family.templates import make_templates
from kernel_atlas.labels.table import Interval, read_labels, write_labels
from kernel_atlas.labels.unlike import find_unlike
from kernel_atlas.sphere import to_sphere

logger = logging.getLogger(__name__)

# A kernel farther than this from its nearest code does not vote: the paper's narrower threshold.
MAX_DISSIMILARITY = 0.2
# Votes are pooled along the code by a Gaussian of this standard deviation.
POOLING_LENGTH = 0.003
# A class needs this share of the votes; a code where none has it is `other`.
MIN_SHARE = 0.5
# A shorter interval (half a step of the spectrum) is merged with a neighbour.
MIN_LENGTH = 0.001
# A class with a smaller cosine does not match; a kernel that no class matches votes for `other`.
MIN_MATCH = 0.45
# Wide centres and shifted edges nearly match a second derivative. Near ties go to the simpler
# shape, or each seed would decide them differently (docs/method.md): the dissimilarity from a
# class's best template is multiplied by this factor,
HANDICAP = {"first_derivative": 0.67, "cross": 1.35, "second_derivative": 1.75}
# after this is added, so that a nearly perfect match is not decided by a tiny difference.
SLACK = 0.04
# A class farther than this does not match either: a second derivative needs a cosine of 0.70.
MAX_DISTANCE = 0.6
FAR = 10.0  # beyond any distance, handicap included
# The weight of a code's own vote beside that of a kernel: it decides only without kernels.
WEIGHT_OF_CODES = 1e-6

_BATCH = 4096


def label_codebook(
    path_to_codebook: str | Path,
    paths_to_groups: Sequence[str | Path],
    threshold: float,
    path_to_own_labels: str | Path | None,
    path_to_labels: str | Path,
) -> None:
    """Write a size's label table: the user's own if there is one, else the proposal.

    Parameters
    ----------
    path_to_codebook : path
    paths_to_groups : sequence of path
        The train models' groups in the store.
    threshold : float
        The one in force for this size.
    path_to_own_labels : path or None
    path_to_labels : path
        Written: a label table.

    Raises
    ------
    AtlasError
        If the user's table is malformed.
    """
    if path_to_own_labels:
        intervals = read_labels(path_to_own_labels)
        logger.info(f"labels taken from {path_to_own_labels}")
    else:
        codebook = read_codebook(path_to_codebook)
        kernels = sample_training_set(paths_to_groups, codebook.kernels.shape[-1])
        intervals = propose_labels(codebook, kernels, threshold)
    write_labels(intervals, path_to_labels)


def propose_labels(
    codebook: Codebook, kernels: np.ndarray, threshold: float = MAX_DISSIMILARITY
) -> list[Interval]:
    """Label each code by the votes of the kernels near it; equal neighbours are one interval.

    Votes are pooled along an ordered codebook. The centres of k-means have no order, so
    each is labelled on its own.

    Parameters
    ----------
    codebook : Codebook
    kernels : ndarray of shape (m, k, k)
        Live kernels, such as the codebook was fitted to. If there are none, the codes
        themselves decide.
    threshold : float
        A kernel less dissimilar than this from its nearest code is near. Intervals become
        `other` where the mean of a class's near kernels would not look like its name.

    Returns
    -------
    list of Interval
        Covering [0, 1] without gaps; empty for an empty codebook.
    """
    n_codes = len(codebook)
    if not n_codes:
        return []
    nearest, dissimilarity = codebook.nearest(kernels)
    is_voter = dissimilarity < MAX_DISSIMILARITY
    rows = np.concatenate([nearest[is_voter], np.arange(n_codes)])
    weights = np.concatenate([np.ones(is_voter.sum()), np.full(n_codes, WEIGHT_OF_CODES)])
    classes, match = match_classes(np.concatenate([kernels[is_voter], codebook.kernels]))
    names = [*classes, OTHER]
    votes = np.zeros((n_codes, len(names)))
    np.add.at(votes, (rows, _nearest_class(classes, match)), weights)
    winner = _count(votes, codebook.is_ordered)
    near = dissimilarity < threshold
    winner = _drop_unlike(winner, names, kernels[near], nearest[near])

    codes = codebook.codes
    borders = np.concatenate([[0.0], (codes[1:] + codes[:-1]) / 2, [1.0]])
    intervals = []
    for first, end in _runs(winner):
        own = winner[first]
        share = votes[first:end].sum(axis=0) / votes[first:end].sum()
        margin = share[own] - np.delete(share, own).max()
        inside = (rows >= first) & (rows < end)
        cosine = match[inside].max(axis=1) if names[own] == OTHER else match[inside, own]
        mean_match = np.average(cosine, weights=weights[inside])
        intervals.append(Interval(borders[first], borders[end], names[own], mean_match, margin))
    return intervals


def match_classes(kernels: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Measure how well each class of the DoG family matches each kernel.

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
    bank: dict[str, list[np.ndarray]] = {}
    for name, template in make_templates(kernels.shape[-1]):
        bank.setdefault(name, []).append(template)
    banks = [to_sphere(np.array(templates)).T for templates in bank.values()]
    directions = to_sphere(kernels)
    match = np.empty((len(kernels), len(banks)), np.float32)
    for start in range(0, len(kernels), _BATCH):
        rows = slice(start, start + _BATCH)
        for column, templates in enumerate(banks):
            match[rows, column] = (directions[rows] @ templates).max(axis=1)
    return list(bank), match


def _nearest_class(classes: list[str], match: np.ndarray) -> np.ndarray:
    """Index of each kernel's class; len(classes) if no class matches."""
    distance = (1 + SLACK - match) * [_handicap(name) for name in classes]
    is_none = (match < MIN_MATCH) | (distance > MAX_DISTANCE)
    nearest = (distance + FAR * is_none).argmin(axis=1)
    return np.where(is_none.all(axis=1), len(classes), nearest)


def _count(votes: np.ndarray, is_ordered: bool) -> np.ndarray:
    """The column that wins at each code, shape (n,): the last (`other`) without a majority."""
    n_codes, n_names = votes.shape
    pooled = votes
    if is_ordered:
        pooled = gaussian_filter1d(votes, POOLING_LENGTH * n_codes, axis=0, mode="constant")
    has_majority = pooled.max(axis=1) >= MIN_SHARE * pooled.sum(axis=1)
    winner = np.where(has_majority, pooled.argmax(axis=1), n_names - 1)
    return _merge_slivers(winner, round(MIN_LENGTH * n_codes)) if is_ordered else winner


def _drop_unlike(
    winner: np.ndarray, names: list[str], kernels: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Turn into `other` the intervals that make a class unlike its name (`find_unlike`)."""
    runs = _runs(winner)
    labels = np.array([names[winner[first]] for first, _ in runs])
    intervals = np.repeat(np.arange(len(runs)), [end - first for first, end in runs])[rows]
    named = labels[intervals] != OTHER
    winner = winner.copy()
    for interval in find_unlike(kernels[named], intervals[named], labels):
        winner[slice(*runs[interval])] = names.index(OTHER)
    return winner


def _handicap(label: str) -> float:
    return next((factor for part, factor in HANDICAP.items() if part in label), 1.0)


def _runs(labels: np.ndarray) -> list[tuple[int, int]]:
    """First row and end of every run of equal labels."""
    changes = (np.flatnonzero(labels[1:] != labels[:-1]) + 1).tolist()
    return list(zip([0, *changes], [*changes, len(labels)], strict=True))


def _merge_slivers(labels: np.ndarray, min_rows: int) -> np.ndarray:
    """Merge runs shorter than `min_rows` with their longer neighbour, shortest first."""
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
