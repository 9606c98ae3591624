"""A table of classes as arrays: what counts and figures need of it.

They are counted many times faster than a table of pandas, whose import alone takes as long as
drawing two figures. `rulers` does the same for tables of pandas, by what is here.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from kernel_atlas.family.names import DEAD, OTHER, order_classes

if TYPE_CHECKING:
    import pandas as pd

PAPER, FAMILY = RULERS = ("paper", "family")
COUNTS = ["n_kernels", "n_dead", "n_near", "n_clustered", "n_matched"]
COLUMNS = ["layer_index", "near", "class", "member", "matched", "sigma"]


@dataclass(frozen=True)
class Labels:
    """The classes of n kernels.

    Attributes
    ----------
    codes : ndarray of shape (n,), integer
        The place of each kernel's class in `names`; -1 for none.
    names : list of str
    """

    codes: np.ndarray
    names: list[str]

    @classmethod
    def of(cls, column: "pd.Series") -> "Labels":
        """From a categorical column of pandas."""
        return cls(column.cat.codes.to_numpy(), list(column.cat.categories))

    def to_series(self, index: "pd.Index") -> "pd.Series":
        """As a categorical column of pandas."""
        import pandas as pd

        return pd.Series(pd.Categorical.from_codes(self.codes, self.names), index)

    @classmethod
    def join(cls, parts: "Sequence[Labels]") -> "Labels":
        """Those of several tables, one after the other."""
        names = order_classes({name for part in parts for name in part.names})
        return cls(np.concatenate([part.renamed(part.names, names).codes for part in parts]), names)

    def __getitem__(self, rows: np.ndarray) -> "Labels":
        return Labels(self.codes[rows], self.names)

    def renamed(self, names: Collection[str], order: list[str]) -> "Labels":
        """With other names for `self.names`, one each, in this order."""
        places = np.array([*map(order.index, names), -1])  # a missing one stays missing
        return Labels(places[self.codes], order)

    def merged(self, merge: Mapping[str, str]) -> "Labels":
        """With some classes counted as others, as in Appendix J.2."""
        names = [merge.get(name, name) for name in self.names]
        return self.renamed(names, order_classes(set(names)))

    def isin(self, names: Collection[str]) -> np.ndarray:
        """Whether each kernel has one of these classes: shape (n,), bool."""
        return np.array([*(name in names for name in self.names), False])[self.codes]

    @property
    def is_clustered(self) -> np.ndarray:
        """Whether each kernel has a class that clustered kernels have: shape (n,), bool."""
        return self.isin(set(self.names) - {OTHER, DEAD})

    def count(self) -> dict[str, int]:
        """The number of kernels of each class, absent classes included."""
        numbers = np.bincount(self.codes[self.codes >= 0], minlength=len(self.names))
        return dict(zip(self.names, numbers.tolist(), strict=True))


def label_by(own: Labels, member: Labels, matched: np.ndarray, ruler: str) -> Labels:
    """The class of each kernel by one of the rulers (see `rulers.class_by`)."""
    names = order_classes({*own.names, *member.names, OTHER, DEAD})
    if ruler == PAPER:
        return own.renamed(own.names, names)
    places = np.array([*map(names.index, member.names), names.index(OTHER)])
    codes = places[np.where(matched, member.codes, -1)]
    codes[own.isin([DEAD])] = names.index(DEAD)
    return Labels(codes, names)


def order_rulers(has_codebook: bool, first: str) -> list[str]:
    """The rulers that kernels are measured by, `first` before the other."""
    return sorted(RULERS if has_codebook else (FAMILY,), key=lambda ruler: ruler != first)


@dataclass(frozen=True)
class ClassTable:
    """A table of classes, with the columns that were read of it.

    Attributes
    ----------
    layer : ndarray of shape (n,), int
        Index of each kernel's layer.
    near : ndarray of shape (n,), bool, or None
        None where the size has no codebook.
    own, member : Labels
        Class by the paper's ruler; class of the nearest member.
    matched : ndarray of shape (n,), bool
    sigma : ndarray of shape (n,), float
        Of the nearest member, in pixels.
    others : mapping
        More columns by name, NaN for missing numbers: `table["residual"]`.
    """

    layer: np.ndarray
    near: np.ndarray | None
    own: Labels
    member: Labels
    matched: np.ndarray
    sigma: np.ndarray
    others: Mapping[str, "np.ndarray | Labels"] = field(default_factory=dict)

    @classmethod
    def of(cls, classes: "pd.DataFrame") -> "ClassTable":
        """From a table of classes of pandas, with all its columns."""
        near = classes["near"]
        return cls(
            layer=classes["layer_index"].to_numpy(),
            near=None if near.isna().any() else near.to_numpy(bool),
            own=Labels.of(classes["class"]),
            member=Labels.of(classes["member"]),
            matched=classes["matched"].to_numpy(bool),
            sigma=classes["sigma"].to_numpy(),
            others={name: _to_array(classes[name]) for name in classes},
        )

    def __len__(self) -> int:
        return len(self.layer)

    def __getitem__(self, name: str) -> Any:
        return self.others[name]

    def merged(self, merge: Mapping[str, str]) -> "ClassTable":
        """With some classes counted as others, by either ruler."""
        return replace(self, own=self.own.merged(merge), member=self.member.merged(merge))

    def by(self, ruler: str) -> Labels:
        """The class of each kernel by one of the rulers."""
        return label_by(self.own, self.member, self.matched, ruler)

    def rulers(self, first: str) -> list[str]:
        """The rulers that the table can be read by, `first` before the other."""
        return order_rulers(self.near is not None, first)

    def count_layers(self) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The layers, ascending, and by name of `COUNTS` how many kernels each of them has.

        Without a codebook, there is neither `n_near` nor `n_clustered`.
        """
        flags = {
            "n_kernels": np.ones(len(self), bool),
            "n_dead": self.own.isin([DEAD]),
            "n_matched": self.matched,
        }
        if self.near is not None:
            flags |= {"n_near": self.near, "n_clustered": self.own.is_clustered}
        layers, row = np.unique(self.layer, return_inverse=True)
        counts = {
            name: np.bincount(row[flag], minlength=len(layers)) for name, flag in flags.items()
        }
        return layers, counts


def _to_array(column: "pd.Series") -> "np.ndarray | Labels":
    if column.dtype == "category":
        return Labels.of(column)
    if isinstance(column.dtype, np.dtype):
        return column.to_numpy()
    return column.to_numpy(float, na_value=np.nan)
