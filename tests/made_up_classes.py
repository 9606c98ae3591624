"""Tables of classes that a test writes out in words."""

import numpy as np
import pandas as pd

from kernel_atlas.labels import order_classes


def classes_of(**layers: str) -> pd.DataFrame:
    """A table of classes, by layer: its classes in a string of words, in the order given."""
    rows = [(name, label) for name, labels in layers.items() for label in labels.split()]
    names, labels = zip(*rows, strict=True) if rows else ((), ())
    index = [list(layers).index(name) for name in names]
    categories = order_classes({*labels, "on_cross", "other", "dead"})
    return pd.DataFrame(
        {
            "layer": pd.Categorical.from_codes(np.array(index, int), list(layers)),
            "layer_index": np.array(index, np.int32),
            "class": pd.Categorical(labels, categories),
        }
    )
