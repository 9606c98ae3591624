"""The table of classes of one model and kernel size: one row per kernel (docs/results.md)."""

import pandas as pd

from kernel_atlas.classes.classifier import Classifier
from kernel_atlas.extraction.kernels import Kernels
from kernel_atlas.family.fit import fit_members
from kernel_atlas.family.names import DEAD, OTHER, order_classes


def tabulate(found: Kernels, classifier: Classifier) -> pd.DataFrame:
    """Classify kernels of one size, and fit the nearest members of the family.

    Returns
    -------
    DataFrame
        One row per kernel, in order; none if the classifier's codebook is empty. The
        categorical `layer`, `layer_index`, `channel`, then the columns of
        `Classifier.classify`, with `class` categorical, and of `fit_members`.
    """
    rows = slice(None) if len(classifier.codebook) else slice(0)
    kernels, layer, channel = found.kernels[rows], found.layer[rows], found.channel[rows]
    table = classifier.classify(kernels)
    table = table.join(fit_members(kernels, table["class"].to_numpy()))
    table.insert(0, "layer", pd.Categorical.from_codes(layer, found.layer_names))
    table.insert(1, "layer_index", layer)
    table.insert(2, "channel", channel)
    categories = order_classes({*classifier.labels, OTHER, DEAD})
    table["class"] = pd.Categorical(table["class"], categories)
    return table
