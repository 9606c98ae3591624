"""The class of a kernel: the label of its nearest code (Section 4.2)."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kernel_atlas import sphere
from kernel_atlas.classes.table import Labels
from kernel_atlas.codebooks.codebook import Codebook
from kernel_atlas.family.names import DEAD, OTHER, order_classes

if TYPE_CHECKING:
    import pandas as pd


class Nearest(NamedTuple):
    """The nearest code to each of n kernels (`Classifier.classify` as arrays).

    Attributes
    ----------
    row : ndarray of shape (n,), int64
        Of the codebook; -1 for dead kernels, or without codes.
    code, dissimilarity : ndarray of shape (n,), float32
        NaN for dead kernels, or without codes.
    near : ndarray of shape (n,), bool, or None
        None without codes.
    label : Labels
        In the order of tables; none for live kernels without codes.
    """

    row: np.ndarray
    code: np.ndarray
    dissimilarity: np.ndarray
    near: np.ndarray | None
    label: Labels

    def of(self, which: np.ndarray) -> "Nearest":
        """Those of some of the kernels."""
        near = None if self.near is None else self.near[which]
        label = Labels(self.label.codes[which], self.label.names)
        return Nearest(self.row[which], self.code[which], self.dissimilarity[which], near, label)


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

    def find_nearest(self, kernels: np.ndarray, threads: int = 1) -> Nearest:
        """Find the nearest code to each kernel of shape (n, k, k), as `classify`."""
        live = ~sphere.find_dead(kernels)
        row = np.full(len(kernels), -1)
        code = np.full(len(kernels), np.nan, np.float32)
        dissimilarity = np.full(len(kernels), np.nan, np.float32)
        names = self.rows.names
        label = np.full(len(kernels), -1)
        label[~live] = names.index(DEAD)
        has_codes = len(self.codebook) > 0
        if live.any() and has_codes:
            row[live], dissimilarity[live] = self.codebook.nearest(kernels[live], threads)
            code[live] = self.codebook.codes[row[live]]
        near = dissimilarity < self.threshold
        if has_codes:
            label[live] = np.where(near, self.rows.codes[row], names.index(OTHER))[live]
        return Nearest(row, code, dissimilarity, near if has_codes else None, Labels(label, names))

    def classify(self, kernels: np.ndarray, threads: int = 1) -> "pd.DataFrame":
        """Classify kernels of shape (n, k, k). Threads do not change the result.

        Returns
        -------
        DataFrame
            n rows: `code` float32 and `dissimilarity` float32 (NaN for dead
            kernels), `near` boolean, `class` str: the label of the code's interval, `other` or
            `dead`. Without codes, `near` is missing, and live kernels have no code and no
            class.
        """
        import pandas as pd

        _, code, dissimilarity, near, label = self.find_nearest(kernels, threads)
        is_near = pd.array(np.zeros(len(kernels), bool) if near is None else near, dtype="boolean")
        if near is None:
            is_near[:] = pd.NA
        names = np.array([*label.names, None], object)[label.codes]
        return pd.DataFrame(
            {"code": code, "dissimilarity": dissimilarity, "near": is_near, "class": names}
        )

    @cached_property
    def rows(self) -> Labels:
        """The classes of the codebook's rows, among all that kernels can have."""
        names = order_classes({*self.labels, OTHER, DEAD})
        return Labels(np.array([*map(names.index, self.labels)], int), names)
