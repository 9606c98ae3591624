"""The table of measures and class proportions by relative depth, families pooled."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kernel_atlas.atomic import write_table
from kernel_atlas.family.names import DEAD, OTHER
from kernel_atlas.measures.layer import BANKS, MEANS, weighted_mean
from kernel_atlas.tables.intervals import percent_interval
from kernel_atlas.tables.layers import COUNTED_BY
from kernel_atlas.tables.reading import read_table

N_DEPTHS = 5  # a network of 20 layers has four of them at each
KEYS = ["model", "kernel_size", "layer_index"]
COLUMNS = [
    *("family", "kernel_size", "depth", "n_models", "n_kernels"),
    *("ruler", "quantity", "value", "low", "high"),
]


def pool_depths(
    path_to_models: str | Path,
    path_to_layers: str | Path,
    path_to_measures: str | Path,
    path_to_table: str | Path,
) -> None:
    """Write how measures and class proportions go with relative depth (docs/measures.md).

    Parameters
    ----------
    path_to_models, path_to_layers, path_to_measures : path
        models.tsv, layers.tsv and measures_layers.tsv.
    path_to_table : path
        Written.
    """
    models = read_table(path_to_models).set_index("model")
    measures = read_table(path_to_measures)
    measures["n"] = measures["n_kernels"] - measures["n_dead"]
    measures["depth"] = find_depths(measures, N_DEPTHS)
    classes = read_table(path_to_layers, [*KEYS, "class", *COUNTED_BY.values()])
    classes = classes[classes["class"] != DEAD].merge(measures[[*KEYS, "depth"]], on=KEYS)
    of_family = models["family"].dropna().groupby(models["family"].dropna()).groups
    everything = {**of_family, "all": models.index}
    by_depth = ["kernel_size", "depth"]
    of_classes = dict(list(classes.groupby(by_depth)))
    rows = [
        {"family": family, "kernel_size": size, "depth": (depth + 0.5) / N_DEPTHS} | row
        for family, names in everything.items()
        for (size, depth), found in _of(measures, names).groupby(by_depth)
        for row in _pool(found, _of(of_classes.get((size, depth), classes[:0]), names))
    ]
    write_table(pd.DataFrame(rows, columns=COLUMNS), path_to_table)


def find_depths(layers: pd.DataFrame, n_depths: int) -> pd.Series:
    """The bin of each row's layer, from 0 for the first of `n_depths` equal parts of its model.

    Layers of all sizes in the table count, as the network has them one after the other.
    """
    n_layers = 1 + layers.groupby("model")["layer_index"].transform("max")
    return to_depths(layers["layer_index"], n_layers, n_depths)


def to_depths(
    layer_index: pd.Series, n_layers: int | pd.Series, n_depths: int = N_DEPTHS
) -> pd.Series:
    """The bin, from 0, of layers of networks with this many layers."""
    return ((layer_index + 0.5) * n_depths // n_layers).astype(int)


def _of(table: pd.DataFrame, models: pd.Index) -> pd.DataFrame:
    return table[table["model"].isin(models)]


def _pool(measures: pd.DataFrame, classes: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The rows of one family, kernel size and depth."""
    models, model = np.unique(measures["model"].to_numpy(object), return_inverse=True)
    n_live = measures["n"].to_numpy()
    n = np.bincount(model, n_live)
    facts = {"n_models": len(n), "n_kernels": n_live.sum()}
    for name in (*MEANS, "isotropy"):
        weights = measures["n_kernels" if name == "sparsity" else "n"].to_numpy()
        yield facts | {"quantity": name, "value": weighted_mean(measures[name].to_numpy(), weights)}
    for name in (f"{bank}_percent" for bank in BANKS):
        if measures[name].notna().any():
            hits = np.bincount(model, np.nan_to_num(n_live * measures[name].to_numpy() / 100))
            yield facts | {"quantity": name} | _share(hits, n)
    model = np.searchsorted(models, classes["model"].to_numpy(object))
    code, labels = pd.factorize(classes["class"])
    cells = model * len(labels) + code
    for ruler, column in COUNTED_BY.items():
        if classes[column].isna().any() or not classes[column].any():
            continue
        counts = np.bincount(cells, classes[column], len(models) * len(labels))
        for name, hits in zip(labels, counts.reshape(len(models), -1).T, strict=True):
            if name != OTHER:
                yield facts | {"ruler": ruler, "quantity": name} | _share(hits, n)


def _share(hits: np.ndarray, n: np.ndarray) -> dict[str, float]:
    """Percent of the kernels of all models, and the interval for other models like these."""
    low, high = percent_interval(hits, n)
    value = 100 * hits.sum() / n.sum() if n.sum() else np.nan
    return {"value": value, "low": low, "high": high}
