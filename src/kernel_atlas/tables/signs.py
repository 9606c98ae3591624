"""The table of signs: on and off classes with and without the gain behind the layer."""

import pandas as pd

from kernel_atlas.classes.rulers import PAPER, class_by, rulers_of
from kernel_atlas.classes.signs import folded_by
from kernel_atlas.family.names import CLASSES, DEAD, opposite, order_classes

ALL = "all"  # the row of all live kernels
COLUMNS = [
    *("model", "kernel_size", "ruler", "class", "n", "n_known", "known_percent"),
    *("n_negative", "n_folded"),
]


def count_signs(classes: pd.DataFrame) -> pd.DataFrame:
    """Count the kernels of each class that has an opposite, with and without the signs of gains.

    Parameters
    ----------
    classes : DataFrame
        One row per kernel (`classes.tabulate`).

    Returns
    -------
    DataFrame
        By ruler and class, absent classes included, the class `all` last: `n` kernels, `n_known`
        with a known gain, and `known_percent`; of the known ones, `n_negative` with a negative
        gain, and `n_folded` that have the class once kernels are multiplied by the sign.
    """
    is_known = classes["gain_sign"].notna()
    is_negative = (classes["gain_sign"] < 0).fillna(False)
    rows = []
    for ruler in rulers_of(classes, PAPER):
        label = class_by(classes, ruler)
        folded = folded_by(classes, ruler)
        names = order_classes({*CLASSES, *label.cat.categories})
        for name in [*(x for x in names if opposite(x) != x), ALL]:
            is_class = label != DEAD if name == ALL else label == name
            is_folded = folded.notna() & (folded != DEAD) if name == ALL else folded == name
            n, n_known = int(is_class.sum()), int((is_class & is_known).sum())
            rows.append(
                {
                    "ruler": ruler,
                    "class": name,
                    "n": n,
                    "n_known": n_known,
                    "known_percent": 100 * n_known / n if n else float("nan"),
                    "n_negative": int((is_class & is_negative).sum()),
                    "n_folded": int(is_folded.sum()),
                }
            )
    return pd.DataFrame(rows, columns=COLUMNS[2:])
