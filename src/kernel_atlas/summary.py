"""Kernels of each class counted by layer, and summed up by model and family."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from kernel_atlas.classify import is_clustered
from kernel_atlas.labels import DEAD
from kernel_atlas.uncertainty import bootstrap_percent

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


def pool_families(
    clustered: pd.DataFrame, counts: Mapping[tuple[str, int], pd.DataFrame]
) -> pd.DataFrame:
    """Families summed up, and all models, each checkpoint once.

    Parameters
    ----------
    clustered : DataFrame
        The table clustered.tsv.
    counts : mapping
        From model and kernel size to `count_layers`.

    Returns
    -------
    DataFrame
        A row a family and size, the family `all` last: the sums, the percentage with its
        interval, and, of those of its models that the paper has, the percentages of both
        weighted by their live kernels (`same_percent`, `paper_percent`) and their difference.
    """
    keys = clustered[["model", "kernel_size"]].itertuples(index=False, name=None)
    own = clustered[np.array([key in counts for key in keys], bool)]
    pooled = []
    for size, of_size in own.groupby("kernel_size"):
        groups = [*of_size.groupby("family", sort=False), ("all", of_size)]
        for family, rows in groups:
            if family == "":
                continue
            layers = pd.concat([counts[model, size] for model in rows["model"]])
            published = rows[rows["paper_percent"].notna() & rows["clustered_percent"].notna()]
            n_live = published["n_kernels"] - published["n_dead"]
            weights = n_live / max(1, n_live.sum())
            same, paper = (
                (weights * published[name]).sum() if len(published) else float("nan")
                for name in ("clustered_percent", "paper_percent")
            )
            pooled.append(
                {"family": family, "kernel_size": size, "n_models": len(rows)}
                | sum_up(layers)
                | {"same_percent": same, "paper_percent": paper, "difference": same - paper}
            )
    columns = [
        "family", "kernel_size", "n_models", *SUMS, "same_percent", "paper_percent", "difference",
    ]  # fmt: skip
    return pd.DataFrame(pooled, columns=columns)


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
