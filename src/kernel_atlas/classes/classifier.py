"""The class of a kernel: the label of its nearest code (Section 4.2)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from kernel_atlas import sphere
from kernel_atlas.classes.table import Labels
from kernel_atlas.codebooks.codebook import Codebook
from kernel_atlas.family.names import DEAD, OTHER


@dataclass(frozen=True)
class Classifier:
    """All that decides the class of a kernel of one size.

    Attributes
    ----------
    codebook : Codebook
        Empty where the size has none: only the family's ruler measures it then.
    labels : ndarray of shape (n,), str
        Class of each row of the codebook.
    threshold : float
        A kernel less dissimilar than this from its nearest code is near.
    """

    codebook: Codebook
    labels: np.ndarray
    threshold: float

    def classify(self, kernels: np.ndarray, threads: int = 1) -> pd.DataFrame:
        """Classify kernels of shape (n, k, k). Threads do not change the result.

        Returns
        -------
        DataFrame
            n rows: `code` float32 and `dissimilarity` float32 (NaN for dead
            kernels), `near` boolean, `class` str: the label of the code's interval, `other` or
            `dead`. Without codes, `near` is missing, and live kernels have no code and no
            class.
        """
        live = ~sphere.find_dead(kernels)
        code = np.full(len(kernels), np.nan, np.float32)
        dissimilarity = np.full(len(kernels), np.nan, np.float32)
        label = np.full(len(kernels), None, dtype=object)
        label[~live] = DEAD
        if live.any() and len(self.codebook):
            rows, dissimilarity[live] = self.codebook.nearest(kernels[live], threads)
            code[live] = self.codebook.codes[rows]
            label[live] = np.where(dissimilarity[live] < self.threshold, self.labels[rows], OTHER)
        near = pd.array(dissimilarity < self.threshold, dtype="boolean")
        if not len(self.codebook):
            near[:] = pd.NA
        return pd.DataFrame(
            {"code": code, "dissimilarity": dissimilarity, "near": near, "class": label}
        )

    def label(self, codes: pd.Series) -> pd.Series:
        """The class of the interval that each code lies in, however near the kernel is."""
        rows = np.rint(codes * (len(self.codebook) - 1)).astype(int)
        return pd.Series(self.labels[rows], codes.index)


def is_clustered(labels: pd.Series) -> pd.Series:
    """Whether each class is one that clustered kernels have, bool; False where it is missing."""
    return pd.Series(Labels.of(labels.astype("category")).is_clustered, labels.index)


def merge_classes(classes: pd.DataFrame, merge: Mapping[str, str]) -> pd.DataFrame:
    """Count some classes as others in a table of classes, as in Appendix J.2.

    Parameters
    ----------
    classes : DataFrame
        With the categorical `class` and `member`.
    merge : mapping
        From a class to the one that it is counted as, by either ruler.
    """
    merged = {
        column: Labels.of(classes[column]).merged(merge).to_series(classes.index)
        for column in ("class", "member")
    }
    return classes.assign(**merged)
