"""What is measured of one model, for the tables of all models (tables/measures.py)."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kernel_atlas.atomic import replacing
from kernel_atlas.classes.controls import OWN
from kernel_atlas.extraction import store
from kernel_atlas.measures.layer import BANKS, Measured, pool
from kernel_atlas.measures.layers import CONTROLS, list_keys, measure_layers
from kernel_atlas.threads import one_blas_thread

ROWS = "rows"  # the entry of the file that is no matrix


def measure_model(path_to_group: str | Path, path_to_measures: str | Path) -> None:
    """Measure all kernels of a model, and its controls.

    Parameters
    ----------
    path_to_group : path
        The model's group in the store.
    path_to_measures : path
        Written: .npz. `rows` is JSON, with a list of rows for each of `models` (one per kernel
        size and kind of kernels), `layers` and `keys`. `k5` is `second_moment` of the live 5x5
        kernels, and so on for each size that has some.
    """
    rows: dict[str, list[dict[str, Any]]] = {"models": [], "layers": [], "keys": []}
    moments = {}
    for size in store.kernel_sizes(path_to_group):
        stored = store.read_kernels(path_to_group, size)
        facts = {"model": Path(path_to_group).name, "kernel_size": size}
        names = stored.layer_names
        # the matrices are too small for the threads that BLAS would start
        with one_blas_thread():
            measured = dict(measure_layers(stored))
        rows["layers"] += [
            facts | {"layer_index": index, "layer": names[index]} | found[OWN].to_row()
            for index, found in measured.items()
        ]
        for kind in (OWN, *CONTROLS):
            of_kind = [found[kind] for found in measured.values() if kind in found]
            if of_kind:
                rows["models"].append(facts | {"kernels": kind} | _sum_up(of_kind))
        whole = pool([found[OWN] for found in measured.values()])
        rows["keys"] += [facts | row for row in list_keys(whole)]
        if whole.n_live:
            moments[f"k{size}"] = whole.moment
    text = np.array(json.dumps(rows, default=lambda number: number.item()))
    with replacing(path_to_measures) as partial, partial.open("wb") as file:
        np.savez(file, **{ROWS: text}, **moments)  # type: ignore[arg-type]


def _sum_up(layers: Sequence[Measured]) -> dict[str, Any]:
    """A model's row: `pool` of its layers, and what each layer adds to the described ones."""
    counts = {
        bank: [
            (int(layer.described[bank].sum()), layer.n_live)
            for layer in layers
            if bank in layer.described
        ]
        for bank in BANKS
    }
    return {"n_layers": len(layers), "of_layers": counts} | pool(layers).to_row()
