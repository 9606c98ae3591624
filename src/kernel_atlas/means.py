"""The mean kernel of each class, and the nearest member of the DoG family to it.

Second derivatives are averaged by the axis that their direction is nearer to, as the paper
draws them (Figure 12): bars that cross each other average to a blob.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from kernel_atlas import sphere, store
from kernel_atlas.classify import is_clustered
from kernel_atlas.files import replacing
from kernel_atlas.labels import order_classes
from kernel_atlas.members import PARAMETERS, fit_members, make_members

# What a class's mean kernel and its nearest member must have in common, as a cosine.
MIN_CORRELATION = 0.9
# An axis with a smaller share of a class has no mean of its own.
MIN_AXIS_SHARE = 0.1

# By class and axis: the sum of directions, shape (k*k,), and their number.
Sums = dict[tuple[str, str], tuple[np.ndarray, int]]


@dataclass(frozen=True)
class ClassMean:
    """The mean of a class's kernels of one size, or of those along one axis.

    Attributes
    ----------
    label : str
        The class.
    axis : str
        ``x`` or ``y`` for second derivatives, else empty.
    n_kernels : int
    percent : float
        Of the clustered kernels of this size.
    mean : ndarray of shape (k, k)
        Mean of the kernels, each centred and of unit norm.
    member : ndarray of shape (k, k)
        The nearest member of the class in the DoG family (`members.fit_members`).
    parameters : Series
        Those of `member`.
    """

    label: str
    axis: str
    n_kernels: int
    percent: float
    mean: np.ndarray
    member: np.ndarray
    parameters: pd.Series

    @property
    def correlation(self) -> float:
        """Of `mean` and `member`."""
        return 1 - self.parameters["residual"]


def average_classes(
    paths_to_groups: Sequence[str | Path], paths_to_classes: Sequence[str | Path], size: int
) -> list[ClassMean]:
    """Average the clustered kernels of each class over models.

    Parameters
    ----------
    paths_to_groups, paths_to_classes : sequence of path
        Groups in the store, and their tables of classes of this size.
    size : int
        Kernel size k.

    Returns
    -------
    list of ClassMean
        In the order of tables; classes without kernels are left out.
    """
    sums: Sums = {}
    for path_to_group, path_to_classes in zip(paths_to_groups, paths_to_classes, strict=True):
        classes = pd.read_parquet(path_to_classes, columns=["class", "member", "direction"])
        if classes.empty:
            continue
        kernels = store.read_kernels(path_to_group, size).kernels
        clustered = is_clustered(classes["class"]).to_numpy()
        classes = classes[clustered]
        axes = _name_axes(classes["member"].astype(str), classes["direction"])
        directions = sphere.to_sphere(kernels[clustered])
        _add(sums, directions, classes["class"].to_numpy(str), axes)
    sums = _merge_axes(sums)
    order = order_classes({label for label, _ in sums})
    keys = sorted(sums, key=lambda key: (order.index(key[0]), key[1]))
    if not keys:
        return []
    means = sphere.from_sphere(np.array([sums[key][0] / sums[key][1] for key in keys]), size)
    parameters = fit_members(means, np.array([label for label, _ in keys]))
    n_clustered = sum(count for _, count in sums.values())
    return [
        ClassMean(*key, sums[key][1], 100 * sums[key][1] / n_clustered, mean, member, row)
        for key, mean, member, (_, row) in zip(
            keys, means, make_members(parameters, size), parameters.iterrows(), strict=True
        )
    ]


def find_unlike(kernels: np.ndarray, intervals: np.ndarray, names: np.ndarray) -> set[int]:
    """Intervals to give up, so that the mean kernel of each class looks like its name.

    Of a class whose mean has a cosine below `MIN_CORRELATION` with its nearest member, those
    intervals go that are least like it, one by one.

    Parameters
    ----------
    kernels : ndarray of shape (n, k, k)
        Clustered kernels.
    intervals : ndarray of shape (n,), int
        The interval that each lies in.
    names : ndarray of str
        The class of each interval, one of the DoG family.
    """
    size = kernels.shape[-1]
    labels = names[intervals]
    angles = np.full(len(kernels), np.nan)
    is_bar = np.char.find(labels, "second_derivative") >= 0
    angles[is_bar] = fit_members(kernels[is_bar], labels[is_bar])["direction"]
    axes = _name_axes(pd.Series(labels), pd.Series(angles))
    directions = sphere.to_sphere(kernels)
    given_up: set[int] = set()
    for label in np.unique(labels):
        own = np.unique(intervals[labels == label])
        sums = [directions[intervals == interval].sum(axis=0) for interval in own]
        likeness = dict(zip(own.tolist(), _correlate(sums, label, size), strict=True))
        while likeness:
            rows = np.isin(intervals, list(likeness))
            by_axis: Sums = {}
            _add(by_axis, directions[rows], labels[rows], axes[rows])
            by_axis = _merge_axes(by_axis)
            found = _correlate([total for total, _ in by_axis.values()], label, size)
            if found.min() >= MIN_CORRELATION:
                break
            axis = list(by_axis)[found.argmin()][1]
            at_fault = set(intervals[rows & (axes == axis)].tolist())
            worst = min(at_fault, key=likeness.__getitem__)
            given_up.add(worst)
            del likeness[worst]
    return given_up


def write_means(means: Sequence[ClassMean], path_to_means: str | Path) -> None:
    """Write a row a mean, with its nearest member (docs/tables.md has the columns)."""
    rows = [
        {
            "class": mean.label, "axis": mean.axis, "n_kernels": mean.n_kernels,
            "percent": mean.percent, "correlation": mean.correlation,
            **mean.parameters[["member", *PARAMETERS]],
        }
        for mean in means
    ]  # fmt: skip
    columns = ["class", "axis", "n_kernels", "percent", "correlation", "member", *PARAMETERS]
    with replacing(path_to_means) as path:
        pd.DataFrame(rows, columns=columns).to_csv(
            path, sep="\t", index=False, float_format="%.4f", lineterminator="\n"
        )


def _name_axes(members: pd.Series, degrees: pd.Series) -> np.ndarray:
    """The axis that a second derivative's direction is nearer to, empty for other members."""
    axes = np.where(degrees.between(45, 135), "y", "x")
    return np.where(members.str.contains("second_derivative"), axes, "")


def _add(sums: Sums, directions: np.ndarray, labels: np.ndarray, axes: np.ndarray) -> None:
    for key in set(zip(labels.tolist(), axes.tolist(), strict=True)):
        chosen = directions[(labels == key[0]) & (axes == key[1])]
        total, count = sums.get(key, (0, 0))
        sums[key] = total + chosen.sum(axis=0, dtype=np.float64), count + len(chosen)


def _merge_axes(sums: Sums) -> Sums:
    """Count the few second derivatives along one axis with the many along the other."""
    merged = dict(sums)
    for label in {label for label, axis in sums if axis}:
        few, many = sorted(("x", "y"), key=lambda axis: sums.get((label, axis), (0, 0))[1])
        if (label, few) not in sums:
            continue
        (total, count), (other, n_others) = sums[label, few], sums[label, many]
        if count < MIN_AXIS_SHARE * (count + n_others):
            merged[label, many] = total + other, count + n_others
            del merged[label, few]
    return merged


def _correlate(sums: Sequence[np.ndarray], label: str, size: int) -> np.ndarray:
    """Cosines of kernels, given as directions of any length, with their nearest members."""
    kernels = sphere.from_sphere(np.array(sums), size)
    return 1 - fit_members(kernels, np.array([label] * len(kernels)))["residual"].to_numpy()
