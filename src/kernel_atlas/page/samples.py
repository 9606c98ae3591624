"""Which kernels the page holds: samples of each layer and class, and a pool of all models."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from kernel_atlas.classes.classifier import merge_classes
from kernel_atlas.classes.rulers import RULERS, class_by
from kernel_atlas.family.fit import PARAMETERS
from kernel_atlas.family.names import DEAD, OTHER

MAX_KERNELS = 500_000  # of all models: keeps the page of a hundred models below 30 MB
MAX_SAMPLES = 24  # of a class in a layer, by either ruler
N_BINS = 500  # parts of the code
MAX_PER_BIN = 8  # near kernels in the pool, from each part
MAX_PER_CLASS = 250  # kernels in the pool, from each class by the family's ruler

COLUMNS = [
    *("layer_index", "channel", "code", "dissimilarity", "near", "class"),
    *("member", *PARAMETERS, "residual", "lead", "matched"),
]


def label_kernels(classes: pd.DataFrame, merge: Mapping[str, str]) -> pd.DataFrame:
    """Add the class by each ruler, merged: columns `paper` and `family`, categorical."""
    merged = merge_classes(classes, merge)
    return classes.assign(**{ruler: class_by(merged, ruler) for ruler in RULERS})


def choose_samples(classes: pd.DataFrame, limit: int, seed: int) -> np.ndarray:
    """Draw kernels of each layer and class, by either ruler, at random.

    Parameters
    ----------
    classes : DataFrame
        One row per kernel, of `label_kernels`.
    limit : int
        Kernels of each layer and class by each ruler, or all if there are fewer. Kernels drawn
        for one ruler may add to a class by the other.
    seed : int

    Returns
    -------
    ndarray of shape (n,), int64
        Rows, ascending.
    """
    order = np.random.default_rng(seed).permutation(len(classes))
    layer = classes["layer_index"].to_numpy()[order]
    chosen = np.zeros(len(classes), bool)
    for ruler in RULERS:
        own = classes[ruler].cat
        code = own.codes.to_numpy(int)[order]
        chosen |= (code >= 0) & (_rank(layer * len(own.categories) + code) < limit)
    return np.sort(order[chosen])


def _rank(groups: np.ndarray) -> np.ndarray:
    """The place of each item among those of its group, from 0, in their order."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    rank = np.empty(len(groups), int)
    rank[order] = np.arange(len(groups)) - np.searchsorted(ordered, ordered)
    return rank


def find_limit(counts: np.ndarray) -> int:
    """The largest number of samples for which all together are no more than `MAX_KERNELS`.

    Parameters
    ----------
    counts : ndarray of int
        Kernels of each layer and class, by each ruler.
    """
    limits = range(1, MAX_SAMPLES + 1)
    return max(
        (n for n in limits if np.minimum(counts, n).sum() <= MAX_KERNELS), default=limits.start
    )


def choose_pool(classes: pd.DataFrame, seed: int = 0) -> np.ndarray:
    """Draw kernels evenly over the code, and over the classes by the family's ruler.

    Parameters
    ----------
    classes : DataFrame
        All kernels of one size, of all models.
    seed : int

    Returns
    -------
    ndarray of shape (n,), int64
        Rows, ascending.
    """
    order = np.random.default_rng(seed).permutation(len(classes))
    near = order[classes["near"].fillna(False).to_numpy(bool)[order]]
    bins = np.floor(classes["code"].to_numpy()[near] * N_BINS).astype(np.int16)
    has_class = ~classes["family"].isin([OTHER, DEAD]).to_numpy()
    named = order[has_class[order]]
    names = classes["family"].cat.codes.to_numpy(np.int16)[named]
    return np.union1d(near[_rank(bins) < MAX_PER_BIN], named[_rank(names) < MAX_PER_CLASS])


def quantise(kernels: np.ndarray) -> np.ndarray:
    """Scale each kernel's largest absolute value to 127: int8. Dead kernels may be all zero."""
    peaks = np.abs(kernels).max(axis=(1, 2), keepdims=True)
    return np.rint(127 * kernels / np.where(peaks > 0, peaks, 1)).astype(np.int8)


def columns_of(
    kernels: np.ndarray, classes: pd.DataFrame, names: list[str], with_member: bool = False
) -> dict[str, np.ndarray]:
    """What the page knows of these kernels, as arrays to pack.

    Parameters
    ----------
    kernels : ndarray of shape (n, k, k)
    classes : DataFrame of n rows
    names : list of str
        All classes; `paper`, `family` and `member` are places in it, or 255 if missing.
    with_member : bool
        Also the parameters of the members, so that these can be drawn.
    """
    known = ["code", "dissimilarity", "residual", "lead", *(PARAMETERS if with_member else ())]
    labels = {column: _find_places(classes[column], names) for column in (*RULERS, "member")}
    return {
        "kernels": quantise(kernels),
        "layer": classes["layer_index"].to_numpy(np.uint16),
        "channel": classes["channel"].to_numpy(np.uint32),
        **labels,
        "near": classes["near"].fillna(False).to_numpy(np.uint8),
        "matched": classes["matched"].to_numpy(np.uint8),
        **{column: classes[column].to_numpy(np.float32) for column in known},
    }


def _find_places(labels: pd.Series, names: list[str]) -> np.ndarray:
    """The place of each class in `names`, uint8; 255 if it is missing."""
    places = np.array([*map(names.index, labels.cat.categories), 255], np.uint8)
    return places[labels.cat.codes]
