"""The mean kernel of each class, and the nearest member of the DoG family to it.

Second derivatives are averaged by the axis along which they vary more, as the paper draws
them (Figure 12): the mean of bars that cross each other is a blob.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd

from kernel_atlas import sphere
from kernel_atlas.atomic import replacing, write_table
from kernel_atlas.classes.reading import read_class_table
from kernel_atlas.classes.sums import Sums
from kernel_atlas.extraction import store
from kernel_atlas.family.fit import PARAMETERS, fit_members, make_members
from kernel_atlas.family.names import DEAD, OTHER, order_classes

# A class whose mean is farther from the family than this is not quite what its name says.
MIN_CORRELATION = 0.9


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
    correlation : float
        Cosine of `mean` and `member`.
    mean : ndarray of shape (k, k), float32
        Mean of the kernels, each centred and of unit norm.
    member : ndarray of shape (k, k), float64
        The nearest member of the DoG family, of any class (`fit_members`).
    """

    label: str
    axis: str
    n_kernels: int
    percent: float
    correlation: float
    mean: np.ndarray
    member: np.ndarray


FIELDS = [field.name for field in fields(ClassMean)]


def average_classes(
    paths_to_groups: Sequence[str | Path],
    paths_to_classes: Sequence[str | Path],
    size: int,
    path_to_table: str | Path,
    path_to_means: str | Path,
) -> None:
    """Average the clustered kernels of each class over models.

    Parameters
    ----------
    paths_to_groups, paths_to_classes : sequence of path
        Groups in the store, and their tables of classes of this size.
    size : int
        Kernel size k.
    path_to_table : path
        Written: tab-separated, one row per mean, with its nearest member. In the order of
        tables; classes without kernels are left out.
    path_to_means : path
        Written: .npz, the same means for `read_means`.
    """
    sums = _sum_up(paths_to_groups, paths_to_classes, size)
    order = order_classes({label for label, _ in sums.totals})
    keys = sorted(sums.totals, key=lambda key: (order.index(key[0]), key[1]))
    means = np.array([sums.totals[key] / sums.counts[key] for key in keys])
    kernels = sphere.from_sphere(means.reshape(len(keys), size * size - 1), size)
    members = fit_members(kernels)
    table = pd.DataFrame(keys, columns=["class", "axis"])
    table["n_kernels"] = [sums.counts[key] for key in keys]
    table["percent"] = 100 * table["n_kernels"] / table["n_kernels"].sum()
    table["correlation"] = 1 - members["residual"].astype(float)
    write_table(table.join(members[["member", *PARAMETERS]]), path_to_table)
    columns = [np.array(column.to_list()) for _, column in table.items()]
    arrays = dict(zip(FIELDS, [*columns, kernels, make_members(members, size)], strict=True))
    with replacing(path_to_means) as path:
        np.savez(path, **arrays)  # type: ignore[arg-type]


def read_means(path_to_means: str | Path) -> list[ClassMean]:
    """Read the means that `average_classes` wrote, in the order of tables."""
    with np.load(path_to_means) as arrays:
        columns = [arrays[name] for name in FIELDS]
    rows = [column.tolist() if column.ndim == 1 else column for column in columns]
    return [ClassMean(*row) for row in zip(*rows, strict=True)]


def _sum_up(
    paths_to_groups: Sequence[str | Path], paths_to_classes: Sequence[str | Path], size: int
) -> Sums:
    sums = Sums()
    for path_to_group, path_to_classes in zip(paths_to_groups, paths_to_classes, strict=True):
        classes = read_class_table(path_to_classes)
        if not len(classes):
            continue
        kernels = store.read_kernel_array(path_to_group, size)
        for code, name in enumerate(classes.own.names):
            if name not in (OTHER, DEAD):
                sums.add(kernels[classes.own.codes == code], name)
    sums.merge_axes()
    return sums
