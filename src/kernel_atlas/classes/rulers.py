"""The two rulers: a kernel's class by the paper's, its code, and by the family's, its member."""

import numpy as np
import pandas as pd

from kernel_atlas.family.names import DEAD, OTHER, order_classes

PAPER, FAMILY = RULERS = ("paper", "family")
SOUGHT = {PAPER: "nearest code", FAMILY: "nearest member"}
SHARE = {PAPER: "clustered", FAMILY: "matched"}  # what kernels with a class are called


def has_codebook(classes: pd.DataFrame) -> bool:
    """Whether the size of a table of classes has a codebook: without one, `near` is missing."""
    return not classes["near"].isna().any()


def rulers_of(classes: pd.DataFrame, first: str) -> list[str]:
    """The rulers that a table of classes can be read by, `first` before the other."""
    known = RULERS if has_codebook(classes) else (FAMILY,)
    return sorted(known, key=lambda ruler: ruler != first)


def class_by(classes: pd.DataFrame, ruler: str) -> pd.Series:
    """The class of each kernel by one of the rulers.

    Parameters
    ----------
    classes : DataFrame
        One row per kernel: the categorical `class` and `member`, and `matched`.
    ruler : str
        `PAPER`: the column `class`. `FAMILY`: the `member` of matched kernels; `other` for
        those that are live and not matched, `dead` for the others.

    Returns
    -------
    Series
        Categorical, with the same categories for both rulers; missing by the paper's ruler
        where the size has no codebook and the kernel is live.
    """
    own, member = classes["class"], classes["member"].cat
    categories = order_classes({*own.cat.categories, *member.categories, OTHER, DEAD})
    if ruler == PAPER:
        return own.cat.set_categories(categories)
    # by their places: as texts, those of a million kernels take half a second
    places = np.array([categories.index(name) for name in [*member.categories, OTHER]])
    codes = places[np.where(classes["matched"], member.codes, -1)]
    codes[own == DEAD] = categories.index(DEAD)
    return pd.Series(pd.Categorical.from_codes(codes, categories), classes.index)
