"""Propose a label table: an interval's class is what its kernels are by the family's ruler.

Each training kernel votes, at its nearest code, for the class of its member; where most are
not matched, there is no class. What the decoder draws counts only where there is no kernel.
"""

import logging
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter1d

from kernel_atlas.codebooks.codebook import Codebook, read_codebook
from kernel_atlas.codebooks.training_set import sample_training_set
from kernel_atlas.family.fit import find_matched, fit_members
from kernel_atlas.family.names import CLASSES, OTHER
from kernel_atlas.labels.table import (
    MIN_MATCHED,
    MIN_PURITY,
    Interval,
    read_labels,
    write_labels,
)

logger = logging.getLogger(__name__)

# Votes are pooled along the code by a Gaussian of this standard deviation.
POOLING_LENGTH = 0.003
# A class needs this share of the pooled votes; a code where none has it is `other`.
MIN_SHARE = 0.5
# A shorter interval (half a step of the spectrum) is merged with a neighbour.
MIN_LENGTH = 0.001
# The weight of a code's own vote beside that of a kernel: it decides only without kernels.
WEIGHT_OF_CODES = 1e-6


def label_codebook(
    path_to_codebook: str | Path,
    paths_to_groups: Sequence[str | Path],
    threshold: float,
    min_purity: float,
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
    min_purity : float
        An interval with a smaller share of members of its class is `other`.
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
        intervals = propose_labels(codebook, kernels, fit_members(kernels), threshold, min_purity)
    write_labels(intervals, path_to_labels)


def propose_labels(
    codebook: Codebook,
    kernels: np.ndarray,
    members: pd.DataFrame,
    threshold: float,
    min_purity: float = MIN_PURITY,
) -> list[Interval]:
    """Label each code by the members of the kernels near it; equal neighbours are one interval.

    Votes are pooled along an ordered codebook. The centres of k-means have no order, so
    each is labelled on its own.

    Parameters
    ----------
    codebook : Codebook
    kernels : ndarray of shape (m, k, k)
        Live kernels, such as the codebook was fitted to. If there are none, the codes
        themselves decide.
    members : DataFrame
        `fit_members` of these kernels.
    threshold : float
        Kernels less dissimilar than this from their nearest code are near; see also
        `find_matched`.
    min_purity : float
        An interval becomes `other` if a smaller share of its near kernels have a member of
        its class, or if fewer than `MIN_MATCHED` of them are matched.

    Returns
    -------
    list of Interval
        Covering [0, 1] without gaps; empty for an empty codebook.
    """
    n_codes = len(codebook)
    if not n_codes:
        return []
    rows, dissimilarity = codebook.nearest(kernels)
    is_near = dissimilarity < threshold
    # fits take time: two voters in the shortest interval do
    step = max(1, round(MIN_LENGTH * n_codes) // 2) if codebook.is_ordered else 1
    voters = np.arange(0, n_codes, step)
    rows = np.concatenate([rows[is_near], voters])
    weights = np.repeat([1, WEIGHT_OF_CODES], [is_near.sum(), len(voters)])
    found = pd.concat([members[is_near], fit_members(codebook.kernels[voters])], ignore_index=True)
    residual = found["residual"].to_numpy()
    is_matched = find_matched(found, threshold)
    votes = np.zeros((n_codes, len(CLASSES) + 1))
    np.add.at(votes, (rows, found["member"].cat.codes), weights)
    np.add.at(votes[:, -1], rows, weights * is_matched)
    winner = _count(votes, codebook.is_ordered)

    codes = codebook.codes
    borders = np.concatenate([[0.0], (codes[1:] + codes[:-1]) / 2, [1.0]])
    intervals = []
    for first, end in _runs(winner):
        inside = (rows >= first) & (rows < end)
        match = 1 - np.average(residual[inside], weights=weights[inside])
        *shares, matched = votes[first:end].sum(axis=0) / weights[inside].sum()
        purity, mostly = max(zip(shares, CLASSES, strict=True), key=itemgetter(0))
        label = mostly if purity >= min_purity and matched >= MIN_MATCHED else OTHER
        facts = (match, matched, purity, mostly)
        intervals.append(Interval(borders[first], borders[end], label, *facts))
    return intervals


def _count(votes: np.ndarray, is_ordered: bool) -> np.ndarray:
    """The column that wins at each code, shape (n,): the last (`other`) where none does."""
    n_codes, n_columns = votes.shape
    pooled = votes
    if is_ordered:
        pooled = gaussian_filter1d(votes, POOLING_LENGTH * n_codes, axis=0, mode="constant")
    *_, matched = pooled.T
    cast = pooled[:, :-1]
    n_cast = cast.sum(axis=1)
    wins = (cast.max(axis=1) >= MIN_SHARE * n_cast) & (matched >= MIN_MATCHED * n_cast)
    winner = np.where(wins, cast.argmax(axis=1), n_columns - 1)
    return _merge_slivers(winner, round(MIN_LENGTH * n_codes)) if is_ordered else winner


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
