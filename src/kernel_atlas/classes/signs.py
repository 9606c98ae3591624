"""The class of a kernel with the sign that the network gives it (docs/sign.md)."""

import numpy as np

from kernel_atlas.classes.classifier import Classifier
from kernel_atlas.classes.table import Labels
from kernel_atlas.extraction.kernels import Kernels
from kernel_atlas.family.names import DEAD


def fold_classes(
    found: Kernels, own: Labels, classifier: Classifier, threads: int = 1
) -> tuple[np.ma.MaskedArray, Labels]:
    """Classify kernels with the signs of the gains behind them.

    Parameters
    ----------
    found : Kernels
    own : Labels
        Their classes by the paper's ruler without the signs.
    classifier : Classifier
    threads : int

    Returns
    -------
    gain_sign : masked array of shape (n,), int8
        Masked where it is not known.
    folded_class : Labels
        With the names of `own`: the class of kernel times sign, `dead` for a gain of 0, and
        none where the sign is not known.
    """
    sign = np.ma.masked_invalid(found.gain_sign).filled(0).astype(np.int8)
    gain_sign = np.ma.array(sign, mask=np.isnan(found.gain_sign))
    folded = np.where(np.ma.getmaskarray(gain_sign), -1, own.codes)
    turned = found.gain_sign < 0
    if turned.any():
        # the codebook need not hold the negative of each of its kernels
        folded[turned] = classifier.find_nearest(-found.kernels[turned], threads).label.codes
    folded[found.gain_sign == 0] = own.names.index(DEAD)
    return gain_sign, Labels(folded, own.names)
