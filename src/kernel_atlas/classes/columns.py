"""The columns of a model's table of classes, one row per kernel, without pandas."""

from typing import NamedTuple

import numpy as np

from kernel_atlas.classes.classifier import Classifier, Nearest
from kernel_atlas.classes.signs import fold_classes
from kernel_atlas.classes.table import Labels
from kernel_atlas.extraction.kernels import Kernels
from kernel_atlas.family.names import CLASSES
from kernel_atlas.family.search import NUMBERS, Members, find_members

Column = np.ndarray | np.ma.MaskedArray | Labels


class Columns(NamedTuple):
    """What both rulers say of kernels of one size.

    Attributes
    ----------
    nearest : Nearest
    members : Members
    table : dict
        From the names of the columns of `tabulate.tabulate` to arrays of shape (n,), masked
        where values can be missing; `Labels` where they are categorical.
    """

    nearest: Nearest
    members: Members
    table: dict[str, Column]


def measure(found: Kernels, classifier: Classifier, threads: int = 1) -> Columns:
    """Measure kernels of one size by both rulers. Threads do not change the result."""
    nearest = classifier.find_nearest(found.kernels, threads)
    members = find_members(found.kernels, threads)
    near = np.ma.masked_all(len(found.kernels), bool) if nearest.near is None else nearest.near
    sign, folded = fold_classes(found, nearest.label, classifier, threads)
    table: dict[str, Column] = {
        "layer": Labels(found.layer, found.layer_names),
        "layer_index": found.layer,
        "channel": found.channel,
        "code": nearest.code,
        "dissimilarity": nearest.dissimilarity,
        "near": np.ma.asarray(near),
        "class": nearest.label,
        "member": Labels(members.member, list(CLASSES)),
        **dict(zip(NUMBERS, members.numbers.T, strict=True)),
        "matched": members.weighed < classifier.threshold,
        "gain_sign": sign,
        "folded_class": folded,
    }
    return Columns(nearest, members, table)
