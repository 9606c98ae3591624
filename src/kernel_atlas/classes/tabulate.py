"""The table of classes of one model and kernel size: one row per kernel (docs/results.md)."""

import numpy as np
import pandas as pd

from kernel_atlas.classes.classifier import Classifier
from kernel_atlas.classes.columns import Column, measure
from kernel_atlas.classes.table import Labels
from kernel_atlas.extraction.kernels import Kernels


def tabulate(found: Kernels, classifier: Classifier, threads: int = 1) -> pd.DataFrame:
    """Measure kernels of one size by both rulers. Threads do not change the result.

    Returns
    -------
    DataFrame
        One row per kernel, in order. The categorical `layer`, `layer_index`, `channel`, then
        the columns of `Classifier.classify`, with `class` categorical, and of `fit_members`;
        then `matched` (see `find_matched`), and last the columns of `fold_classes`.
    """
    columns = measure(found, classifier, threads).table
    return pd.DataFrame({name: _to_pandas(column) for name, column in columns.items()})


def _to_pandas(column: Column) -> object:
    if isinstance(column, Labels):
        return pd.Categorical.from_codes(column.codes, column.names)
    if isinstance(column, np.ma.MaskedArray):
        make = pd.arrays.BooleanArray if column.dtype == bool else pd.arrays.IntegerArray
        return make(column.data, np.ma.getmaskarray(column))
    return column
