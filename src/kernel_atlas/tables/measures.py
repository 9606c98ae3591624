"""The tables of measures: by model, layer and key, and how similar models are."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kernel_atlas.atomic import write_table
from kernel_atlas.measures.layer import BANKS, MEANS
from kernel_atlas.measures.model import ROWS
from kernel_atlas.measures.moments import similarity
from kernel_atlas.tables.intervals import percent_interval

SHARES = [f"{bank}{kind}_percent" for bank in BANKS for kind in ("", "_positive")]
ENDS = [f"{bank}_{end}_percent" for bank in BANKS for end in ("low", "high")]
MEASURES = [*MEANS, "isotropy", *SHARES]
COUNTS = ["n_kernels", "n_dead"]
COLUMNS = ["model", "kernel_size", "kernels", "n_layers", *COUNTS, *MEASURES, *ENDS]
LAYER_COLUMNS = ["model", "kernel_size", "layer_index", "layer", *COUNTS, *MEASURES]
KEY_COLUMNS = ["model", "kernel_size", "bank", "key", "n_described", "n_turned"]
SIMILARITY_COLUMNS = ["kernel_size", "model", "other_model", "similarity"]


def gather_measures(paths_to_measures: Sequence[str | Path], folder: str | Path) -> None:
    """Write the tables of all models.

    Parameters
    ----------
    paths_to_measures : sequence of path
        What `measure_model` wrote of each model, in the order of the sheet.
    folder : path
        Written there: measures.tsv and measures_{layers,keys,similarity}.tsv (docs/measures.md).
    """
    models: list[dict[str, Any]] = []
    layers: list[dict[str, Any]] = []
    keys: list[dict[str, Any]] = []
    moments: dict[int, dict[str, np.ndarray]] = {}
    for path in paths_to_measures:
        with np.load(path) as found:
            rows = json.loads(found[ROWS].item())
            models += [row | _find_ends(row["of_layers"]) for row in rows["models"]]
            layers += rows["layers"]
            keys += rows["keys"]
            for row in rows["models"]:
                if (entry := f"k{row['kernel_size']}") in found:
                    moments.setdefault(row["kernel_size"], {})[row["model"]] = found[entry]
    folder = Path(folder)
    write_table(_table(models, COLUMNS), folder / "measures.tsv")
    write_table(_table(layers, LAYER_COLUMNS), folder / "measures_layers.tsv")
    write_table(_table(keys, KEY_COLUMNS), folder / "measures_keys.tsv")
    pairs = [row for size in sorted(moments) for row in list_similarities(size, moments[size])]
    write_table(_table(pairs, SIMILARITY_COLUMNS), folder / "measures_similarity.tsv")


def _find_ends(of_layers: Mapping[str, Sequence[tuple[int, int]]]) -> dict[str, float]:
    """The intervals of the described shares over other layers."""
    ends: dict[str, float] = {}
    for bank, counts in of_layers.items():
        hits, n_live = np.array(counts, dtype=int).reshape(-1, 2).T
        low, high = percent_interval(hits, n_live)
        ends |= {f"{bank}_low_percent": low, f"{bank}_high_percent": high}
    return ends


def list_similarities(size: int, moments: Mapping[str, np.ndarray]) -> Iterator[dict[str, Any]]:
    """The `similarity` of each pair of models, in the order of the sheet."""
    for one, other in combinations(moments, 2):
        value = similarity(moments[one], moments[other])
        yield {"kernel_size": size, "model": one, "other_model": other, "similarity": value}


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(columns))
