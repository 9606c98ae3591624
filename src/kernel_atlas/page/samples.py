"""Which kernels the page holds: samples of each layer and class, and a pool of all models."""

from collections.abc import Mapping

import numpy as np

from kernel_atlas.classes.table import RULERS, ClassTable, Labels
from kernel_atlas.family.fit import PARAMETERS
from kernel_atlas.family.names import DEAD, OTHER

MAX_KERNELS = 500_000  # of all models: keeps the page of a hundred models below 30 MB
MAX_SAMPLES = 24  # of a class in a layer, by either ruler
N_BINS = 500  # parts of the code
MAX_PER_BIN = 8  # near kernels in the pool, from each part
MAX_PER_CLASS = 250  # kernels in the pool, from each class by the family's ruler

# of a table of classes, besides those that every `ClassTable` has
COLUMNS = [*("channel", "code", "dissimilarity"), *PARAMETERS, *("residual", "lead")]


def label_kernels(classes: ClassTable, merge: Mapping[str, str]) -> dict[str, Labels]:
    """The class of each kernel by each ruler, merged."""
    merged = classes.merged(merge)
    return {ruler: merged.by(ruler) for ruler in RULERS}


def choose_samples(
    layer: np.ndarray, labels: Mapping[str, Labels], limit: int, seed: int
) -> np.ndarray:
    """Draw kernels of each layer and class, by either ruler, at random.

    Parameters
    ----------
    layer : ndarray of shape (n,), int
        Index of each kernel's layer.
    labels : mapping
        `label_kernels`.
    limit : int
        Kernels of each layer and class by each ruler, or all if there are fewer. Kernels drawn
        for one ruler may add to a class by the other.
    seed : int

    Returns
    -------
    ndarray of shape (n,), int64
        Rows, ascending.
    """
    order = np.random.default_rng(seed).permutation(len(layer))
    chosen = np.zeros(len(layer), bool)
    for label in labels.values():
        part = layer * (len(label.names) + 1) + label.codes + 1
        chosen |= (label.codes[order] >= 0) & (_rank(part[order]) < limit)
    return np.flatnonzero(chosen[np.argsort(order)])


def _rank(groups: np.ndarray) -> np.ndarray:
    """The place of each item among those of its group, from 0, in their order."""
    groups = groups.astype(np.min_scalar_type(groups.max(initial=0)))  # small ones sort faster
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    place = np.arange(len(groups))
    starts = np.where(np.diff(ordered, prepend=ordered[:1] + 1) != 0, place, 0)
    rank = np.empty(len(groups), int)
    rank[order] = place - np.maximum.accumulate(starts)
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


def choose_pool(code: np.ndarray, near: np.ndarray, family: Labels, seed: int = 0) -> np.ndarray:
    """Draw kernels evenly over the code, and over the classes by the family's ruler.

    Parameters
    ----------
    code : ndarray of shape (n,), float
        Of all kernels of one size, of all models.
    near : ndarray of shape (n,), bool
    family : Labels
    seed : int

    Returns
    -------
    ndarray of shape (n,), int64
        Rows, ascending.
    """
    order = np.random.default_rng(seed).permutation(len(code))
    close = order[near[order]]
    bins = np.floor(code[close] * N_BINS).astype(np.int16)
    named = order[~family.isin([OTHER, DEAD])[order]]
    chosen = np.zeros(len(code), bool)
    chosen[close[_rank(bins) < MAX_PER_BIN]] = True
    chosen[named[_rank(family.codes[named]) < MAX_PER_CLASS]] = True
    return np.flatnonzero(chosen)


def quantise(kernels: np.ndarray) -> np.ndarray:
    """Scale each kernel's largest absolute value to 127: int8. Dead kernels may be all zero."""
    peaks = np.abs(kernels).max(axis=(1, 2), keepdims=True)
    return np.rint(127 * kernels / np.where(peaks > 0, peaks, 1)).astype(np.int8)


def columns_of(
    kernels: np.ndarray,
    rows: np.ndarray,
    classes: ClassTable,
    labels: Mapping[str, Labels],
    names: list[str],
    with_member: bool = False,
) -> dict[str, np.ndarray]:
    """What the page knows of some kernels of a model, as arrays to pack.

    Parameters
    ----------
    kernels : ndarray of shape (n, k, k)
        All kernels of the model and size.
    rows : ndarray of int
        Those to pack.
    classes : ClassTable
        With `COLUMNS`.
    labels : mapping
        `label_kernels`.
    names : list of str
        All classes; `paper`, `family` and `member` are places in it, or 255 if missing.
    with_member : bool
        Also the parameters of the members, so that these can be drawn.
    """
    known = ["code", "dissimilarity", "residual", "lead", *(PARAMETERS if with_member else ())]
    near = np.zeros(len(classes), bool) if classes.near is None else classes.near
    places = {**labels, "member": classes.member}
    return {
        "kernels": quantise(kernels[rows]),
        "layer": classes.layer[rows].astype(np.uint16),
        "channel": classes["channel"][rows].astype(np.uint32),
        **{name: _find_places(label, names)[rows] for name, label in places.items()},
        "near": near[rows].astype(np.uint8),
        "matched": classes.matched[rows].astype(np.uint8),
        **{name: classes[name][rows].astype(np.float32) for name in known},
    }


def _find_places(labels: Labels, names: list[str]) -> np.ndarray:
    """The place of each class in `names`, uint8; 255 if it is missing."""
    return np.array([*map(names.index, labels.names), 255], np.uint8)[labels.codes]
