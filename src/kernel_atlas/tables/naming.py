"""What the codebook of one seed, with labels of its own, says of kernels."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from kernel_atlas.classes.classifier import Classifier
from kernel_atlas.codebooks.codebook import Codebook
from kernel_atlas.family import names
from kernel_atlas.family.fit import find_matched
from kernel_atlas.family.names import OTHER
from kernel_atlas.labels.proposal import propose_labels
from kernel_atlas.labels.table import MIN_MATCHED, label_rows

CLASSES = list(names.CLASSES)  # which pandas takes as labels
# purity says little of an interval with fewer near kernels
FEW = 20


@dataclass(frozen=True)
class Naming:
    """What the codebook of one seed, with labels of its own, says of n kernels.

    Attributes
    ----------
    near : ndarray of shape (n,), bool
    classes : ndarray of shape (n,), str
    n_named : Series
        By class: intervals of the code with this label.
    best_purity : Series
        By class: the largest share that its members have of an interval's near kernels,
        whatever the interval's label, where these are `FEW` or more and matched enough for a
        class; else 0.
    """

    near: np.ndarray
    classes: np.ndarray
    n_named: pd.Series
    best_purity: pd.Series


def name_kernels(
    codebook: Codebook,
    kernels: np.ndarray,
    members: pd.DataFrame,
    threshold: float,
    min_purity: float,
) -> Naming:
    """Propose labels for a codebook and classify kernels by them.

    Parameters
    ----------
    codebook : Codebook
        Neighbouring rows are alike.
    kernels : ndarray of shape (n, k, k)
        None of them dead.
    members : DataFrame
        `fit_members` of the kernels.
    threshold, min_purity : float
        As for `propose_labels`.
    """
    intervals = propose_labels(codebook, kernels, members, threshold, min_purity)
    found = Classifier(codebook, label_rows(intervals, codebook), threshold).classify(kernels)
    near = found["near"].to_numpy(bool)
    number = np.searchsorted([interval.start for interval in intervals], found["code"], "right")
    counts = pd.crosstab(number[near], members["member"].astype(object).to_numpy()[near])
    matched = find_matched(members, threshold)[near]
    share = pd.Series(matched, dtype=float).groupby(number[near]).mean()
    counts = counts[(counts.sum(axis=1) >= FEW) & (share >= MIN_MATCHED)]
    n_named = pd.Series([interval.label for interval in intervals]).value_counts()
    return Naming(
        near,
        found["class"].to_numpy(),
        n_named.reindex(CLASSES, fill_value=0),
        counts.div(counts.sum(axis=1), axis=0).max().reindex(CLASSES, fill_value=0.0),
    )


def name_matched(members: pd.DataFrame, threshold: float) -> np.ndarray:
    """The member of each kernel, or `other` where it is not matched: shape (n,), str."""
    is_matched = find_matched(members, threshold)
    return members["member"].astype(object).where(is_matched, OTHER).to_numpy()
