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
    sums: dict[tuple[str, str], np.ndarray] = {}
    counts: dict[tuple[str, str], int] = {}
    for path_to_group, path_to_classes in zip(paths_to_groups, paths_to_classes, strict=True):
        classes = pd.read_parquet(path_to_classes, columns=["class", "member", "direction"])
        if classes.empty:
            continue
        kernels = store.read_kernels(path_to_group, size).kernels
        is_bar = classes["member"].astype(str).str.contains("second_derivative")
        towards_y = classes["direction"].between(45, 135)
        axes = np.where(is_bar, np.where(towards_y, "y", "x"), "")
        labels = classes["class"].astype(str).where(is_clustered(classes["class"]), "")
        for key in set(zip(labels, axes, strict=True)):
            label, axis = key
            if label:
                directions = sphere.to_sphere(kernels[(labels == label) & (axes == axis)])
                sums[key] = sums.get(key, 0) + directions.sum(axis=0, dtype=np.float64)
                counts[key] = counts.get(key, 0) + len(directions)
    order = order_classes({label for label, _ in sums})
    keys = sorted(sums, key=lambda key: (order.index(key[0]), key[1]))
    if not keys:
        return []
    means = sphere.from_sphere(np.array([sums[key] / counts[key] for key in keys]), size)
    parameters = fit_members(means, np.array([label for label, _ in keys]))
    n_clustered = sum(counts.values())
    return [
        ClassMean(*key, counts[key], 100 * counts[key] / n_clustered, mean, member, row)
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
