"""The tables of measures: by model, layer and key, and how similar models are."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from kernel_atlas.atomic import write_table
from kernel_atlas.classes.controls import OWN
from kernel_atlas.extraction import store
from kernel_atlas.measures.layer import BANKS, MEANS, Measured, pool
from kernel_atlas.measures.layers import CONTROLS, list_keys, measure_layers
from kernel_atlas.measures.moments import similarity
from kernel_atlas.tables.intervals import percent_interval

logger = logging.getLogger(__name__)

SHARES = [f"{bank}{kind}_percent" for bank in BANKS for kind in ("", "_positive")]
ENDS = [f"{bank}_{end}_percent" for bank in BANKS for end in ("low", "high")]
MEASURES = [*MEANS, "isotropy", *SHARES]
COUNTS = ["n_kernels", "n_dead"]
COLUMNS = ["model", "kernel_size", "kernels", "n_layers", *COUNTS, *MEASURES, *ENDS]
LAYER_COLUMNS = ["model", "kernel_size", "layer_index", "layer", *COUNTS, *MEASURES]
KEY_COLUMNS = ["model", "kernel_size", "bank", "key", "n_described", "n_turned"]
SIMILARITY_COLUMNS = ["kernel_size", "model", "other_model", "similarity"]


def measure_models(paths_to_groups: Mapping[str, str | Path], folder: str | Path) -> None:
    """Measure all kernels of all models, one model in memory at a time, and write the tables.

    Parameters
    ----------
    paths_to_groups : mapping
        From model to its group in the store.
    folder : path
        Written there: measures.tsv and measures_{layers,keys,similarity}.tsv (docs/measures.md).
    """
    models: list[dict[str, Any]] = []
    layers: list[dict[str, Any]] = []
    keys: list[dict[str, Any]] = []
    moments: dict[int, dict[str, np.ndarray]] = {}
    for model, group in paths_to_groups.items():
        for size in store.kernel_sizes(group):
            stored = store.read_kernels(group, size)
            facts = {"model": model, "kernel_size": size}
            names = stored.layer_names
            # the matrices are too small for the threads that BLAS would start
            with threadpool_limits(1, "blas"):
                measured = dict(measure_layers(stored))
            layers += [
                facts | {"layer_index": index, "layer": names[index]} | found[OWN].to_row()
                for index, found in measured.items()
            ]
            own = [found[OWN] for found in measured.values()]
            for kind in (OWN, *CONTROLS):
                of_kind = [found[kind] for found in measured.values() if kind in found]
                if of_kind:
                    models.append(facts | {"kernels": kind} | sum_up(of_kind))
            whole = pool(own)
            keys += [facts | row for row in list_keys(whole)]
            if whole.n_live:
                moments.setdefault(size, {})[model] = whole.moment
        logger.info(f"measured {model}")
    folder = Path(folder)
    write_table(_table(models, COLUMNS), folder / "measures.tsv")
    write_table(_table(layers, LAYER_COLUMNS), folder / "measures_layers.tsv")
    write_table(_table(keys, KEY_COLUMNS), folder / "measures_keys.tsv")
    pairs = [row for size in sorted(moments) for row in list_similarities(size, moments[size])]
    write_table(_table(pairs, SIMILARITY_COLUMNS), folder / "measures_similarity.tsv")


def sum_up(layers: Sequence[Measured]) -> dict[str, Any]:
    """A model's row: `pool` of its layers, and the intervals of the shares over other layers."""
    row = {"n_layers": len(layers)} | pool(layers).to_row()
    for bank in BANKS:
        known = [layer for layer in layers if bank in layer.described]
        hits = np.array([layer.described[bank].sum() for layer in known])
        ends = percent_interval(hits, np.array([layer.n_live for layer in known]))
        row[f"{bank}_low_percent"], row[f"{bank}_high_percent"] = ends
    return row


def list_similarities(size: int, moments: Mapping[str, np.ndarray]) -> Iterator[dict[str, Any]]:
    """The `similarity` of each pair of models, in the order of the sheet."""
    for one, other in combinations(moments, 2):
        value = similarity(moments[one], moments[other])
        yield {"kernel_size": size, "model": one, "other_model": other, "similarity": value}


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(columns))
