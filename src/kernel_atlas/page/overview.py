"""What the page knows about the run as a whole: models, layers, sizes, classes, their colours."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd

from kernel_atlas import __version__
from kernel_atlas.codebooks.codebook import Codebook
from kernel_atlas.family.names import CLASSES, DEAD, OTHER, order_classes
from kernel_atlas.figures import style
from kernel_atlas.labels.table import Interval, label_rows
from kernel_atlas.page.samples import quantise
from kernel_atlas.tables.reading import read_table

SHADES = 255  # of the colour map
FACTS = ["n_kernels", "n_dead", "near_percent", "clustered_percent", "matched_percent"]
CONTROLS = [
    f"{control}_{share}_percent"
    for control in ("random", "phase_randomised")
    for share in ("near", "clustered", "matched")
]


def describe_run(
    path_to_models: str | Path,
    path_to_clustered: str | Path,
    path_to_layers: str | Path,
    sheets: Sequence[str],
    ruler: str,
    colours: str,
    labels: Iterable[str] = (),
) -> dict[str, Any]:
    """Describe a run in values that JSON can hold; what is missing is None.

    Parameters
    ----------
    path_to_models, path_to_clustered, path_to_layers : path
        The tables of the run (docs/results.md).
    sheets : sequence of str
        Names of the model sheets.
    ruler : str
        The one that the page shows first.
    colours : str
        Those of kernels, a key of `style.COLOUR_MAPS`.
    labels : iterable of str
        Classes of the label tables, which the codes need although no kernel may have them.
    """
    models, clustered, layers = map(read_table, (path_to_models, path_to_clustered, path_to_layers))
    names = order_classes({*CLASSES, OTHER, DEAD, *layers["class"], *labels})
    # a model that failed or was never released may have rows without layers
    sizes = clustered.assign(layers=_count_layers(clustered, layers, names))
    sizes = sizes[sizes["layers"].map(len) > 0].astype({"kernel_size": int})
    columns = ["model", "kernel_size", *FACTS, *CONTROLS, "paper_percent", "layers"]
    by_model: dict[str, list[dict[str, Any]]] = {}
    for row in _records(sizes, columns):
        by_model.setdefault(row.pop("model"), []).append(row)
    shades = mpl.colormaps[style.COLOUR_MAPS[colours]](np.linspace(0, 1, SHADES))
    return {
        "version": __version__,
        "sheets": list(sheets),
        "ruler": ruler,
        "zero_in_the_middle": colours != "grey",
        "shades": np.rint(255 * shades[:, :3]).astype(int).ravel().tolist(),
        "classes": [
            {"name": name, "title": style.title_of(name), "colour": style.colour_of(name, names)}
            for name in names
        ],
        "members": CLASSES,
        "models": [
            {**facts, "sizes": by_model.get(facts["model"], [])}
            for facts in _records(models, ["model", "source", "role", "family", "outcome", "note"])
            if facts["role"] != "compare"
        ],
    }


def describe_code(
    codebook: Codebook, intervals: list[Interval], names: list[str]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Describe the codes of one size: those of its spectrum.

    Returns
    -------
    facts : dict
        Whether neighbouring codes are alike, and the intervals that have a class.
    arrays : dict
        To pack: `codes`, the kernels that they stand for, and their classes, places in `names`.
    """
    rows = codebook.spectrum_rows
    labels = pd.Categorical(label_rows(intervals, codebook)[rows], names)
    facts = {
        "ordered": codebook.is_ordered,
        "intervals": [
            {
                "start": interval.start,
                "stop": interval.stop,
                "label": interval.label,
                "purity": None if np.isnan(interval.purity) else interval.purity,
                "note": interval.note,
            }
            for interval in intervals
        ],
    }
    return facts, {
        "codes": codebook.codes[rows].astype(np.float32),
        "kernels": quantise(codebook.kernels[rows]),
        "labels": labels.codes.astype(np.uint8),
    }


def _records(table: pd.DataFrame, columns: Sequence[str]) -> list[dict[str, Any]]:
    chosen = table.reindex(columns=columns).astype(object)
    return chosen.where(chosen.notna(), None).to_dict("records")


def _count_layers(
    clustered: pd.DataFrame, layers: pd.DataFrame, names: Sequence[str]
) -> list[list[dict[str, Any]]]:
    """For each model and size the list of layers: index, name, and counts of all classes."""
    place = ["model", "kernel_size", "layer_index", "layer"]
    wide = layers.pivot(index=place, columns="class", values=["n", "n_members"])  # noqa: PD010
    paper, family = (wide[column].reindex(columns=names) for column in ("n", "n_members"))
    by_size: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for (model, size, index, name), own, members, is_known in zip(
        wide.index,
        paper.fillna(0).to_numpy(int).tolist(),
        family.fillna(0).to_numpy(int).tolist(),
        paper.notna().any(axis=1),
        strict=True,
    ):
        row = {"index": index, "name": name, "paper": own if is_known else None, "family": members}
        by_size.setdefault((model, size), []).append(row)
    keys = zip(clustered["model"], clustered["kernel_size"], strict=True)
    return [by_size.get(key, []) for key in keys]
