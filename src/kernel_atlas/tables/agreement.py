"""The table of agreement: which members the kernels of each class have."""

from collections.abc import Iterable

import pandas as pd

from kernel_atlas.classes.rulers import FAMILY, PAPER, class_by
from kernel_atlas.family.names import OTHER, order_classes

NONE = "none"  # the class where the size has no codebook
UNMATCHED = "unmatched"  # in place of the member of a kernel that is far from it
COLUMNS = ["kernel_size", "class", "member", "n", "percent"]


def count_pairs(classes: pd.DataFrame) -> pd.DataFrame:
    """Count the pairs of class and member in a table of classes.

    Returns
    -------
    DataFrame
        One row per pair that occurs: `class` by the paper's ruler, or `none`; `member` of
        the matched kernels, `unmatched` or `dead`; `n`.
    """
    pairs = pd.DataFrame(
        {
            "class": class_by(classes, PAPER).astype(object).fillna(NONE),
            "member": class_by(classes, FAMILY).astype(object).replace(OTHER, UNMATCHED),
        }
    )
    return pairs.value_counts().rename("n").reset_index()


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
