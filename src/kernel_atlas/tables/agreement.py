"""The table of agreement: which members the kernels of each class have."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from kernel_atlas.classes.table import FAMILY, PAPER, ClassTable
from kernel_atlas.family.names import OTHER, order_classes

NONE = "none"  # the class where the size has no codebook
UNMATCHED = "unmatched"  # in place of the member of a kernel that is far from it
COLUMNS = ["kernel_size", "class", "member", "n", "percent"]


def count_pairs(classes: ClassTable) -> pd.DataFrame:
    """Count the pairs of class and member.

    Returns
    -------
    DataFrame
        One row per pair that occurs: `class` by the paper's ruler, or `none`; `member` of
        the matched kernels, `unmatched` or `dead`; `n`.
    """
    own, member = classes.by(PAPER), classes.by(FAMILY)
    names = np.array([*own.names, NONE], object)
    # no class is the last one
    pairs = (own.codes % len(names)) * len(names) + member.codes
    found, n = np.unique(pairs, return_counts=True)
    members = np.where(names == OTHER, UNMATCHED, names)
    return pd.DataFrame(
        {"class": names[found // len(names)], "member": members[found % len(names)], "n": n}
    )


def tabulate_agreement(pairs: Iterable[tuple[int, pd.DataFrame]]) -> pd.DataFrame:
    """Pool `count_pairs` over models, each checkpoint once.

    Parameters
    ----------
    pairs : iterable of tuple
        A kernel size, and `count_pairs` of one model.

    Returns
    -------
    DataFrame
        With `COLUMNS`; `percent` is of the kernels of the class. By size and class, in the
        order of `order_classes`, with the most frequent members first.
    """
    tables = [table.assign(kernel_size=size) for size, table in pairs]
    joined = pd.concat([pd.DataFrame(columns=COLUMNS[:-1]), *tables]).infer_objects()
    keys = ["kernel_size", "class", "member"]
    pooled = joined.groupby(keys, sort=False, as_index=False)["n"].sum()
    classes = order_classes(set(pooled["class"]))
    place = pooled["class"].map({label: i for i, label in enumerate(classes)})
    order = pooled.assign(place=place, less=-pooled["n"]).sort_values(
        ["kernel_size", "place", "less", "member"], kind="stable"
    )
    of_class = order.groupby(["kernel_size", "class"])["n"].transform("sum")
    return order.assign(percent=100 * order["n"] / of_class)[COLUMNS]
