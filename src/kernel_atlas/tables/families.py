"""The table of families: each checkpoint counts once."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from kernel_atlas.tables.intervals import pool_by_depth
from kernel_atlas.tables.layers import COUNTS, SUMS, sum_up

PAPER = ["same_percent", "paper_percent", "difference"]  # for the models that the paper has
COLUMNS = ["family", "kernel_size", "n_models", *SUMS, *PAPER]


def pool_families(
    clustered: pd.DataFrame, counts: Mapping[tuple[str, int], pd.DataFrame]
) -> pd.DataFrame:
    """Sum up families, and all models; each checkpoint counts once.

    Parameters
    ----------
    clustered : DataFrame
        The table clustered.tsv.
    counts : mapping
        From model and kernel size to `count_layers`.

    Returns
    -------
    DataFrame
        One row per family and size, the family `all` last: the sums, the percentages with
        their intervals, and for the models that the paper has our `near_percent` and the
        paper's (`same_percent`, `paper_percent`), weighted by kernels, and their difference.
    """
    keys = clustered[["model", "kernel_size"]].itertuples(index=False, name=None)
    own = clustered[np.array([key in counts for key in keys], bool)]
    pooled = []
    for size, of_size in own.groupby("kernel_size"):
        groups = [*of_size.groupby("family", sort=False), ("all", of_size)]
        for family, rows in groups:
            if family == "":
                continue
            layers = pool_by_depth([counts[model, size] for model in rows["model"]])
            published = rows[rows["paper_percent"].notna() & rows["near_percent"].notna()]
            weights = published["n_kernels"] / max(1, published["n_kernels"].sum())
            same, paper = (
                (weights * published[name]).sum() if len(published) else float("nan")
                for name in ("near_percent", "paper_percent")
            )
            pooled.append(
                {"family": family, "kernel_size": size, "n_models": len(rows)}
                | sum_up(layers)
                | {"same_percent": same, "paper_percent": paper, "difference": same - paper}
            )
    return pd.DataFrame(pooled, columns=COLUMNS).astype(dict.fromkeys(COUNTS, "Int64"))
