"""Kernels counted by layer and class, by either ruler, and summed up over layers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from kernel_atlas.classes.table import COUNTS, FAMILY, PAPER, ClassTable, Labels
from kernel_atlas.tables.intervals import percent_interval

COUNTED_BY = {PAPER: "n", FAMILY: "n_members"}  # the columns of either ruler
OTHERS = ["layer", "residual"]  # what `count_by_layer` needs besides
NO_LAYERS = pd.DataFrame(columns=COUNTS, dtype="Int64")


@dataclass(frozen=True)
class Share:
    """A count that is given in percent, with an interval and controls.

    Attributes
    ----------
    title : str
        What it is a percentage of, in the heads of tables and figures.
    method : str
        The method of the controls that counts the same.
    of_all : bool
        Of all kernels, as the paper counts, or of the live ones.
    """

    title: str
    method: str
    of_all: bool = False


SHARES = {
    "near": Share("near, of all kernels", "near", of_all=True),
    "clustered": Share("clustered, of live kernels", "codebook"),
    "matched": Share("matched, of live kernels", "family"),
}
SUMS = [
    *COUNTS,
    "near_live_percent",
    *(f"{name}{end}_percent" for name in SHARES for end in ("", "_low", "_high")),
]
COLUMNS = [
    "model",
    "kernel_size",
    "layer_index",
    "layer",
    "class",
    "n",
    "percent",
    "n_members",
    "members_percent",
    "median_sigma",
    "median_residual",
]


def count_layers(classes: ClassTable) -> pd.DataFrame:
    """Count the kernels of each layer.

    Returns
    -------
    DataFrame
        One row per layer, with `COUNTS` as Int64; `n_near` and `n_clustered` are missing where
        the size has no codebook.
    """
    layers, numbers = classes.count_layers()
    return pd.DataFrame(numbers, pd.Index(layers, name="layer_index"), COUNTS, dtype="Int64")


def sum_up(layers: pd.DataFrame) -> dict[str, Any]:
    """Sum up `count_layers`: `SUMS` by name.

    `near_percent` is of all kernels, as the paper counts; the other percentages are of the live
    ones, and NaN where there are none. What is near and clustered is unknown without a codebook,
    and what is matched too without any layer: NaN, and None as a count.
    """
    n_kernels = layers["n_kernels"].to_numpy(int)
    n_live = n_kernels - layers["n_dead"].to_numpy(int)
    sums = {name: layers[name].sum(skipna=False) for name in COUNTS}
    facts: dict[str, Any] = dict.fromkeys(SUMS, float("nan"))
    facts |= {name: None if n is pd.NA else int(n) for name, n in sums.items()}
    if layers.empty:
        facts |= {f"n_{name}": None for name in SHARES}
    for name, share in SHARES.items():
        if facts[f"n_{name}"] is None:
            continue
        hits = layers[f"n_{name}"].to_numpy(int)
        of = n_kernels if share.of_all else n_live
        facts[f"{name}_percent"] = _percent(hits, of)
        ends = percent_interval(hits, of)
        facts[f"{name}_low_percent"], facts[f"{name}_high_percent"] = ends
    if facts["n_near"] is not None:
        facts["near_live_percent"] = _percent(layers["n_near"].to_numpy(int), n_live)
    return facts


def _percent(hits: np.ndarray, of: np.ndarray) -> float:
    return 100 * hits.sum() / of.sum() if of.sum() else float("nan")


def count_by_layer(classes: ClassTable) -> pd.DataFrame:
    """Count each class in each layer, by either ruler.

    Parameters
    ----------
    classes : ClassTable
        With the columns `OTHERS`.

    Returns
    -------
    DataFrame
        One row per layer and class, absent classes included: `layer_index`, `layer`,
        `class`; `n` and `percent` of the layer's kernels by the paper's ruler, missing where
        the size has no codebook; `n_members` and `members_percent`, the same by the
        family's; `median_sigma` (pixels) and `median_residual` of the matched kernels whose
        member is the class, NaN where there is none.
    """
    layers, first, row = np.unique(classes.layer, return_index=True, return_inverse=True)
    own, member = classes.by(PAPER), classes.by(FAMILY)
    names, n_cells = member.names, len(layers) * len(member.names)

    def count(labels: Labels) -> np.ndarray:
        cells = row * len(names) + labels.codes
        return np.bincount(cells[labels.codes >= 0], minlength=n_cells)

    n_kernels = np.repeat(np.bincount(row), len(names))
    n, n_members = count(own), count(member)
    cells = (row * len(names) + member.codes)[classes.matched]
    medians = {
        f"median_{name}": _find_medians(values[classes.matched], cells, n_cells)
        for name, values in (("sigma", classes.sigma), ("residual", classes["residual"]))
    }
    known = classes.near is not None
    layer = classes["layer"]
    return pd.DataFrame(
        {
            "layer_index": np.repeat(layers, len(names)),
            "layer": np.repeat(np.array(layer.names, object)[layer.codes[first]], len(names)),
            "class": names * len(layers),
            "n": pd.array(n if known else [pd.NA] * n_cells, "Int64"),
            "percent": 100 * n / n_kernels if known else np.nan,
            "n_members": n_members,
            "members_percent": 100 * n_members / n_kernels,
            **medians,
        }
    )


def _find_medians(values: np.ndarray, cells: np.ndarray, n_cells: int) -> np.ndarray:
    """The median of the values in each cell, NaN in empty ones: shape (n_cells,)."""
    ordered = values[np.lexsort((values, cells))]
    counts = np.bincount(cells, minlength=n_cells)
    has_values = counts > 0
    n, start = counts[has_values], (np.cumsum(counts) - counts)[has_values]
    low, high = (ordered[start + middle].astype(float) for middle in ((n - 1) // 2, n // 2))
    medians = np.full(n_cells, np.nan, values.dtype)
    medians[has_values] = (low + high) / 2
    return medians


def list_by_model(
    models: pd.DataFrame,
    counts: Mapping[tuple[str, int], pd.DataFrame],
    sizes: Sequence[int],
    columns: Sequence[str] = COLUMNS,
) -> pd.DataFrame:
    """List `count_by_layer`, or other counts, given by model and kernel size, for models.tsv.

    A duplicate has the counts of its first.
    """
    found = [
        (name, size, counts[first or name, size])
        for name, first in zip(models["model"], models["duplicate_of"], strict=True)
        for size in sizes
        if (first or name, size) in counts
    ]
    names, of_sizes, tables = zip(*found, strict=True) if found else ((), (), ())
    lengths = [len(table) for table in tables]
    joined = pd.concat([pd.DataFrame(), *tables])
    joined = joined.assign(
        model=np.repeat(np.array(names, object), lengths),
        kernel_size=np.repeat(np.array(of_sizes, int), lengths),
    )
    return joined.reindex(columns=list(columns))
