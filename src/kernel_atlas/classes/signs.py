"""The class of a kernel with the sign that the network gives it (docs/sign.md)."""

import numpy as np
import pandas as pd

from kernel_atlas.classes.classifier import Classifier
from kernel_atlas.classes.rulers import FAMILY, PAPER, class_by
from kernel_atlas.extraction.kernels import Kernels
from kernel_atlas.family.names import DEAD, opposite


def fold_classes(
    found: Kernels, classes: pd.Series, classifier: Classifier, threads: int = 1
) -> pd.DataFrame:
    """Classify kernels with the signs of the gains behind them.

    Parameters
    ----------
    found : Kernels
    classes : Series
        Their classes by the paper's ruler without the signs, categorical.
    classifier : Classifier
    threads : int

    Returns
    -------
    DataFrame
        n rows: `gain_sign`, Int8, missing where it is not known; `folded_class`, with the
        categories of `classes`: the class of kernel times sign, `dead` for a gain of 0, and
        missing where the sign is.
    """
    sign = found.gain_sign
    folded = classes.astype(object).where(~np.isnan(sign), None)
    turned = sign < 0
    if turned.any():
        # the codebook need not hold the negative of each of its kernels
        again = classifier.classify(-found.kernels[turned], threads)
        folded[turned] = again["class"].to_numpy()
    folded[sign == 0] = DEAD
    return pd.DataFrame(
        {
            "gain_sign": pd.array(sign, dtype="Int8"),
            "folded_class": pd.Categorical(folded, classes.cat.categories),
        }
    )


def folded_by(classes: pd.DataFrame, ruler: str) -> pd.Series:
    """`class_by` with the signs of the gains, of shape (n,), object; None where unknown.

    The negative of a member is the member of the opposite class, with the same residual.
    """
    if ruler == PAPER:
        return classes["folded_class"].astype(object)
    sign = classes["gain_sign"]
    label = class_by(classes, FAMILY).astype(object)
    label = label.where(~(sign < 0).fillna(False), label.map(opposite))
    return label.mask((sign == 0).fillna(False), DEAD).where(sign.notna(), None)
