"""The table of classes of one model and kernel size: one row per kernel (docs/results.md)."""

import pandas as pd

from kernel_atlas.classes.classifier import Classifier
from kernel_atlas.classes.signs import fold_classes
from kernel_atlas.extraction.kernels import Kernels
from kernel_atlas.family.fit import find_matched, fit_members
from kernel_atlas.family.names import DEAD, OTHER, order_classes


def tabulate(found: Kernels, classifier: Classifier, threads: int = 1) -> pd.DataFrame:
    """Measure kernels of one size by both rulers. Threads do not change the result.

    Returns
    -------
    DataFrame
        One row per kernel, in order. The categorical `layer`, `layer_index`, `channel`, then
        the columns of `Classifier.classify`, with `class` categorical, and of `fit_members`;
        then `matched` (see `find_matched`), and last the columns of `fold_classes`.
    """
    members = fit_members(found.kernels, threads)
    table = classifier.classify(found.kernels, threads).join(members)
    table["matched"] = find_matched(table, classifier.threshold)
    table.insert(0, "layer", pd.Categorical.from_codes(found.layer, found.layer_names))
    table.insert(1, "layer_index", found.layer)
    table.insert(2, "channel", found.channel)
    categories = order_classes({*classifier.labels, OTHER, DEAD})
    table["class"] = pd.Categorical(table["class"], categories)
    return table.join(fold_classes(found, table["class"], classifier, threads))
