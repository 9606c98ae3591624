"""The class of a kernel with the sign that the network gives it (docs/sign.md)."""

import numpy as np
import pandas as pd

from kernel_atlas.classes.classifier import Classifier
from kernel_atlas.extraction.kernels import Kernels
from kernel_atlas.family.names import DEAD


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
