"""Kernels counted by layer and class, and summed up over layers."""

from collections.abc import Mapping, Sequence

import pandas as pd

from kernel_atlas.classes.classifier import is_clustered
from kernel_atlas.family.names import DEAD
from kernel_atlas.tables.intervals import percent_interval

NO_LAYERS = pd.DataFrame({"n_kernels": [], "n_dead": [], "n_clustered": []}, dtype=int)

SUMS = (*NO_LAYERS, "clustered_percent", "low_percent", "high_percent")

COLUMNS = [
    "model",
    "kernel_size",
    "layer_index",
    "layer",
    "class",
    "n",
    "percent",
    "median_sigma",
    "median_residual",
]


def count_layers(classes: pd.DataFrame) -> pd.DataFrame:
    """Count `n_kernels`, `n_dead` and `n_clustered` of a table of classes: one row per layer."""
    flags = pd.DataFrame(
        {
            "n_kernels": 1,
            "n_dead": (classes["class"] == DEAD).astype(int),
            "n_clustered": is_clustered(classes["class"]).astype(int),
        }
    )
    return flags.groupby(classes["layer_index"]).sum()


def sum_up(layers: pd.DataFrame) -> dict[str, float]:
    """Sum up `count_layers`: sums, the clustered percentage of live kernels, its interval.

    Percentages are NaN without live kernels.
    """
    n_kernels, n_dead, n_clustered = (int(layers[name].sum()) for name in NO_LAYERS)
    n_live = n_kernels - n_dead
    low, high = percent_interval(
        layers["n_clustered"].to_numpy(), (layers["n_kernels"] - layers["n_dead"]).to_numpy()
    )
    return {
        "n_kernels": n_kernels,
        "n_dead": n_dead,
        "n_clustered": n_clustered,
        "clustered_percent": 100 * n_clustered / n_live if n_live else float("nan"),
        "low_percent": low,
        "high_percent": high,
    }


def count_by_layer(classes: pd.DataFrame) -> pd.DataFrame:
    """Count each class in each layer.

    Parameters
    ----------
    classes : DataFrame
        One row per kernel: `layer`, `layer_index`, the categorical `class`, `sigma` and
        `residual`.

    Returns
    -------
    DataFrame
        One row per layer and class, absent classes included: `layer_index`, `layer`,
        `class`, `n`, `percent` of the layer's kernels, `median_sigma` (pixels) and
        `median_residual`; the medians are NaN where no kernel has a member.
    """
    counts = (
        classes.groupby(["layer_index", "layer"], observed=True)["class"]
        .value_counts(sort=False)
        .rename("n")
        .reset_index()
        .sort_values(["layer_index", "class"], kind="stable")
    )
    medians = classes.groupby(["layer_index", "class"], observed=True)[["sigma", "residual"]]
    counts = counts.join(medians.median().add_prefix("median_"), on=["layer_index", "class"])
    counts["percent"] = 100 * counts["n"] / counts.groupby("layer_index")["n"].transform("sum")
    return counts.reset_index(drop=True)


def list_layers(
    models: pd.DataFrame, layers: Mapping[tuple[str, int], pd.DataFrame], sizes: Sequence[int]
) -> pd.DataFrame:
    """List `count_by_layer`, given by model and kernel size, for the rows of models.tsv.

    A duplicate has the layers of its first.
    """
    tables = [pd.DataFrame()]
    for name, first in zip(models["model"], models["duplicate_of"], strict=True):
        for size in sizes:
            table = layers.get((first or name, size))
            if table is not None:
                tables.append(table.assign(model=name, kernel_size=size))
    return pd.concat(tables).reindex(columns=COLUMNS)
