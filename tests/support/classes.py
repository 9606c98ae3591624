"""Tables of classes that a test writes out in words."""

import numpy as np
import pandas as pd

from kernel_atlas.family.names import CLASSES, DEAD, OTHER, order_classes


def classes_of(**layers: str) -> pd.DataFrame:
    """A table of classes, by layer: its classes in a string of words, in the order given."""
    rows = [(name, label) for name, labels in layers.items() for label in labels.split()]
    names, labels = zip(*rows, strict=True) if rows else ((), ())
    index = [list(layers).index(name) for name in names]
    categories = order_classes({*labels, "on_cross", OTHER, DEAD})
    classes = pd.DataFrame(
        {
            "layer": pd.Categorical.from_codes(np.array(index, int), list(layers)),
            "layer_index": np.array(index, np.int32),
            "class": pd.Categorical(labels, categories),
        }
    )
    return with_members(classes)


def with_members(classes: pd.DataFrame) -> pd.DataFrame:
    """Classes beside made-up members: sigma 1, 2, ... by row, residuals a hundredth of it.

    The members have the classes' own names, those of own classes are on-centres; what is not
    clustered has none.
    """
    labels = classes["class"].astype(str)
    is_none = labels.isin([OTHER, DEAD])
    member = labels.where(labels.isin(CLASSES), "on_centre").mask(is_none)
    number = pd.Series(np.arange(1, 1 + len(classes), dtype=np.float32)).mask(is_none)
    is_derivative = labels.str.endswith("_second_derivative")
    return classes.assign(
        member=pd.Categorical(member, CLASSES),
        sigma=number,
        ratio=np.float32("nan"),
        direction=np.where(is_derivative, np.float32(0), np.float32("nan")),
        aspect=np.where(is_derivative, np.float32(1), np.float32("nan")),
        shift_x=0 * number,
        shift_y=0 * number,
        residual=number / np.float32(100),
    )
