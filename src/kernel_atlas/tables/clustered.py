"""The table of percentages by either ruler: one row per model and kernel size."""

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from kernel_atlas.atomic import replacing
from kernel_atlas.sheet import PAPER_TABLE_SIZES
from kernel_atlas.tables.layers import COUNTS, NO_LAYERS, SHARES, SUMS, sum_up

SHOWN_CONTROLS = ("random", "phase_randomised")
COLUMNS = [
    "model",
    "family",
    "kernel_size",
    *SUMS,
    *(f"{kernels}_{name}_percent" for kernels in SHOWN_CONTROLS for name in SHARES),
    "paper_percent",
    "difference",
    "note",
]
NAN = float("nan")

_STYLE = """<style>
body {font: 14px sans-serif; margin: 2em}
table {border-collapse: collapse}
th, td {padding: 0.3em 0.8em; text-align: right; border-bottom: 1px solid #ddd}
th:nth-child(-n+2), td:nth-child(-n+2), th:last-child, td:last-child {text-align: left}
</style>
"""


def list_clustered(
    models: pd.DataFrame,
    counts: Mapping[tuple[str, int], pd.DataFrame],
    controls: pd.DataFrame,
    sizes: Sequence[int],
) -> pd.DataFrame:
    """List how many kernels of each model and size are near, clustered and matched.

    Parameters
    ----------
    models : DataFrame
        The rows of models.tsv to list. A duplicate has the results of its first; a model
        without results is listed if the paper has it.
    counts : mapping
        From model and kernel size to `count_layers`.
    controls : DataFrame
        `at_thresholds`.
    sizes : sequence of int

    Returns
    -------
    DataFrame
        With `COLUMNS`.
    """
    chance = controls.set_index(["model", "kernel_size", "kernels", "method"])["percent"]
    rows = []
    for model in models.itertuples():
        of = model.duplicate_of or model.model
        has_results = model.outcome in ("extracted", "duplicate")
        for size in sizes:
            published = NAN
            if model.paper_percent and PAPER_TABLE_SIZES[model.paper_table] == size:
                published = float(model.paper_percent)
            if (of, size) not in counts and (has_results or np.isnan(published)):
                continue
            row = {"model": model.model, "family": model.family, "kernel_size": size}
            row |= sum_up(counts.get((of, size), NO_LAYERS))
            for kernels, (name, share) in product(SHOWN_CONTROLS, SHARES.items()):
                percent = chance.get((of, size, kernels, share.method), NAN)
                row[f"{kernels}_{name}_percent"] = percent
            row["paper_percent"] = published
            row["difference"] = row["near_percent"] - published
            rows.append(row | {"note": model.note})
    return pd.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys(COUNTS, "Int64"))


def write_page(clustered: pd.DataFrame, path_to_page: str | Path) -> None:
    """Write the table as an HTML page: the columns of each count under one head."""
    facts = ["model", "family", "kernel_size", "n_kernels", "n_dead"]
    columns = {("", name.removeprefix("n_").replace("_", " ")): clustered[name] for name in facts}
    for name, share in SHARES.items():
        ends = clustered[[f"{name}_low_percent", f"{name}_high_percent"]]
        pairs = ends.itertuples(index=False, name=None)
        head = f"{share.title} %"
        columns |= {
            (head, name): clustered[f"{name}_percent"],
            (head, "95 % interval"): [
                "" if low != low else f"{low:.1f} to {high:.1f}" for low, high in pairs
            ],
            (head, "random"): clustered[f"random_{name}_percent"],
            (head, "random phases"): clustered[f"phase_randomised_{name}_percent"],
        }
    columns |= {("published", "%"): clustered["paper_percent"]}
    columns |= {("published", name): clustered[name] for name in ("difference", "note")}
    rows = pd.DataFrame(columns).to_html(
        index=False, na_rep="", border=0, float_format="{:.2f}".format
    )
    with replacing(path_to_page) as path:
        path.write_text(f"<!DOCTYPE html><meta charset='utf-8'>{_STYLE}{rows}\n", encoding="utf-8")
