"""The mean kernel of each class, and the nearest member of the DoG family to it.

Second derivatives are averaged by the axis that their direction is nearer to, as the paper
draws them (Figure 12): bars that cross each other average to a blob.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from kernel_atlas import sphere
from kernel_atlas.atomic import replacing
from kernel_atlas.classes.classifier import is_clustered
from kernel_atlas.extraction import store
from kernel_atlas.family.fit import PARAMETERS, fit_members, make_members
from kernel_atlas.family.names import order_classes
from kernel_atlas.family.sums import Sums, add, merge_axes, name_axes


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
        axes = name_axes(classes["member"].astype(str), classes["direction"])
        directions = sphere.to_sphere(kernels[clustered])
        add(sums, directions, classes["class"].to_numpy(str), axes)
    sums = merge_axes(sums)
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
