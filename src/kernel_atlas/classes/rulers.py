"""The two rulers: a kernel's class by the paper's, its code, and by the family's, its member."""

from typing import TYPE_CHECKING

from kernel_atlas.classes.table import FAMILY, PAPER, RULERS, Labels, label_by

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FAMILY", "PAPER", "RULERS", "SHARE", "SOUGHT", "class_by", "has_codebook"]

SOUGHT = {PAPER: "nearest code", FAMILY: "nearest member"}
SHARE = {PAPER: "clustered", FAMILY: "matched"}  # what kernels with a class are called


def has_codebook(classes: "pd.DataFrame") -> bool:
    """Whether the size of a table of classes has a codebook: without one, `near` is missing."""
    return not classes["near"].isna().any()


def class_by(classes: "pd.DataFrame", ruler: str) -> "pd.Series":
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
    own, member = (Labels.of(classes[column]) for column in ("class", "member"))
    return label_by(own, member, classes["matched"].to_numpy(bool), ruler).to_series(classes.index)
