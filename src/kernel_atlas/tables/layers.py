"""Kernels of each class counted by layer, and summed up by model and family."""

import pandas as pd

from kernel_atlas.classes.classifier import is_clustered
from kernel_atlas.family.names import DEAD
from kernel_atlas.tables.intervals import bootstrap_percent

NO_LAYERS = pd.DataFrame({"n_kernels": [], "n_dead": [], "n_clustered": []}, dtype=int)

SUMS = (*NO_LAYERS, "clustered_percent", "low_percent", "high_percent")


def count_layers(classes: pd.DataFrame) -> pd.DataFrame:
    """A row a layer: `n_kernels`, `n_dead` and `n_clustered`, from a table of classes."""
    flags = pd.DataFrame(
        {
            "n_kernels": 1,
            "n_dead": (classes["class"] == DEAD).astype(int),
            "n_clustered": is_clustered(classes["class"]).astype(int),
        }
    )
    return flags.groupby(classes["layer_index"]).sum()


def sum_up(layers: pd.DataFrame) -> dict[str, float]:
    """Sums over layers, the percentage of the live kernels (NaN without any), its interval."""
    n_kernels, n_dead, n_clustered = (int(layers[name].sum()) for name in NO_LAYERS)
    n_live = n_kernels - n_dead
    low, high = bootstrap_percent(
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
        A row a kernel, with `layer`, `layer_index`, the categorical `class`, `sigma` and
        `residual`.

    Returns
    -------
    DataFrame
        A row a layer and class, absent classes included: `layer_index`, `layer`,
        `class`, `n`, `percent` of the layer's kernels, which sums to 100, `median_sigma`
        (pixels) and `median_residual`, NaN where no kernel has them.
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
