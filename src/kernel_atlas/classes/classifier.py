"""The class of a kernel: the label of its nearest code (Section 4.2)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from kernel_atlas import sphere
from kernel_atlas.codebooks.codebook import codes_of, nearest_codes
from kernel_atlas.codebooks.kmeans import nearest_centres
from kernel_atlas.family.names import DEAD, OTHER, order_classes


@dataclass(frozen=True)
class Classifier:
    """All that decides the class of a kernel of one size.

    Attributes
    ----------
    codebook : ndarray of shape (n, k, k)
    labels : ndarray of shape (n,), str
        Class of each row of the codebook.
    threshold : float
        A kernel less dissimilar than this from its nearest code is clustered.
    is_kmeans : bool
        Whether the codebook holds k-means centres (nearest by their own metric).
    """

    codebook: np.ndarray
    labels: np.ndarray
    threshold: float
    is_kmeans: bool = False

    def classify(self, kernels: np.ndarray) -> pd.DataFrame:
        """Classify kernels of shape (n, k, k).

        Returns
        -------
        DataFrame
            n rows: `code` float32 and `dissimilarity` float32 (NaN for dead
            kernels), `class` str: the label of the code's interval, `other` or `dead`.
        """
        live = ~sphere.find_dead(kernels)
        code = np.full(len(kernels), np.nan, np.float32)
        dissimilarity = np.full(len(kernels), np.nan, np.float32)
        label = np.full(len(kernels), DEAD, dtype=object)
        if live.any():
            if self.is_kmeans:
                rows, dissimilarity[live] = nearest_centres(kernels[live], self.codebook)
            else:
                directions = sphere.to_sphere(kernels[live])
                rows, dissimilarity[live] = nearest_codes(directions, self.codebook)
            code[live] = codes_of(self.codebook)[rows]
            clustered = dissimilarity[live] < self.threshold
            label[live] = np.where(clustered, self.labels[rows], OTHER)
        return pd.DataFrame({"code": code, "dissimilarity": dissimilarity, "class": label})


def is_clustered(labels: pd.Series) -> pd.Series:
    """Whether each class is given to clustered kernels, bool."""
    return ~labels.isin([OTHER, DEAD])


def merge_classes(classes: pd.DataFrame, merge: Mapping[str, str]) -> pd.DataFrame:
    """A table of classes with some classes counted as others, as in Appendix J.2.

    Parameters
    ----------
    classes : DataFrame
        With the categorical `class`.
    merge : mapping
        From a class to the one that it is counted as.
    """
    merged = classes["class"].astype(str).replace(dict(merge))
    names = {merge.get(name, name) for name in classes["class"].cat.categories}
    return classes.assign(**{"class": pd.Categorical(merged, order_classes(names))})
