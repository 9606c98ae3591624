"""The table of signs: on and off classes with and without the gain behind the layer."""

import numpy as np
import pandas as pd

from kernel_atlas.classes.table import PAPER, ClassTable, Labels
from kernel_atlas.family.names import CLASSES, DEAD, opposite, order_classes

ALL = "all"  # the row of all live kernels
OTHERS = ["gain_sign", "folded_class"]  # what `count_signs` needs besides
COLUMNS = [
    *("model", "kernel_size", "ruler", "class", "n", "n_known", "known_percent"),
    *("n_negative", "n_folded"),
]


def count_signs(classes: ClassTable) -> pd.DataFrame:
    """Count the kernels of each class that has an opposite, with and without the signs of gains.

    Parameters
    ----------
    classes : ClassTable
        With the columns `OTHERS`.

    Returns
    -------
    DataFrame
        By ruler and class, absent classes included, the class `all` last: `n` kernels, `n_known`
        with a known gain, and `known_percent`; of the known ones, `n_negative` with a negative
        gain, and `n_folded` that have the class once kernels are multiplied by the sign.
    """
    sign = classes["gain_sign"]
    rows = []
    for ruler in classes.rulers(PAPER):
        label = classes.by(ruler)
        of_all, known, negative = (
            _count(kernels) for kernels in (label, label[~np.isnan(sign)], label[sign < 0])
        )
        folded = _count(_fold(classes, ruler))
        names = order_classes({*CLASSES, *label.names})
        for name in [*(x for x in names if opposite(x) != x), ALL]:
            n, n_known = of_all.get(name, 0), known.get(name, 0)
            rows.append(
                {
                    "ruler": ruler,
                    "class": name,
                    "n": n,
                    "n_known": n_known,
                    "known_percent": 100 * n_known / n if n else float("nan"),
                    "n_negative": negative.get(name, 0),
                    "n_folded": folded.get(name, 0),
                }
            )
    return pd.DataFrame(rows, columns=COLUMNS[2:])


def _count(labels: Labels) -> dict[str, int]:
    """`Labels.count`, and how many are alive."""
    counts = labels.count()
    return counts | {ALL: sum(counts.values()) - counts.get(DEAD, 0)}


def _fold(classes: ClassTable, ruler: str) -> Labels:
    """The classes with the signs of the gains; none where these are unknown.

    The negative of a member is the member of the opposite class, with the same residual.
    """
    if ruler == PAPER:
        return classes["folded_class"]
    sign, label = classes["gain_sign"], classes.by(ruler)
    opposites = [opposite(name) for name in label.names]
    order = order_classes({*label.names, *opposites})
    turned, same = label.renamed(opposites, order), label.renamed(label.names, order)
    codes = np.where(sign < 0, turned.codes, np.where(sign > 0, same.codes, -1))
    return Labels(np.where(sign == 0, order.index(DEAD), codes), order)
