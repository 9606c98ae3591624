"""The tables across models: how much is clustered, and what in which layer."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from kernel_atlas.atomic import replacing
from kernel_atlas.classes.classifier import merge_classes
from kernel_atlas.classes.controls import CONTROL_COLUMNS
from kernel_atlas.sheet import PAPER_TABLE_SIZES
from kernel_atlas.tables.families import pool_families
from kernel_atlas.tables.layers import NO_LAYERS, SUMS, count_by_layer, count_layers, sum_up

logger = logging.getLogger(__name__)

# controls that stand in the table of clustered percentages itself
SHOWN_CONTROLS = ("random", "phase_randomised")
COLUMNS = [
    "model", "family", "kernel_size", *SUMS, *(f"{name}_percent" for name in SHOWN_CONTROLS),
    "paper_percent", "note",
]  # fmt: skip

_STYLE = """<style>
body {font: 14px sans-serif; margin: 2em}
table {border-collapse: collapse}
th, td {padding: 0.3em 0.8em; text-align: right; border-bottom: 1px solid #ddd}
th:nth-child(-n+2), td:nth-child(-n+2), th:last-child, td:last-child {text-align: left}
</style>
"""


def summarise_classes(
    listed: Sequence[str],
    results_of: Sequence[str],
    families: Sequence[str],
    paper_tables: Sequence[str],
    paper_percents: Sequence[str],
    notes: Sequence[str],
    thresholds: Mapping[int, float],
    merge: Mapping[str, str],
    paths_to_classes: Mapping[tuple[str, int], str | Path],
    paths_to_controls: Mapping[str, str | Path],
    folder: str | Path,
) -> None:
    """Write the tables across models (docs/tables.md has their columns).

    Parameters
    ----------
    listed, results_of : sequences of str
        A model's id and that of the model whose results are its own: another's for
        duplicates. In the order of the sheet.
    families, paper_tables, paper_percents, notes : sequences of str
        Of the same models; each may be empty. One that has no results is listed
        with the note if the paper has it.
    thresholds : mapping
        From kernel size to the threshold in force.
    merge : mapping
        From a class to the one that it is counted as, by layer.
    paths_to_classes : mapping
        From model and kernel size to that table of classes.
    paths_to_controls : mapping
        From model to its table of controls.
    folder : path
        Written there: clustered.tsv and .html (a row a model and size), families.tsv,
        layers.tsv (a row a layer and class), controls.tsv (a row a model, size, method
        and kind of kernels) and sweep.tsv (the same, of all models, over thresholds).
    """
    counts: dict[tuple[str, int], pd.DataFrame] = {}
    layers_of: dict[tuple[str, int], pd.DataFrame] = {}
    unknown = set(merge)
    for (model, size), path in paths_to_classes.items():
        classes = pd.read_parquet(path)
        unknown -= set(classes["class"].cat.categories)
        if not classes.empty:
            counts[model, size] = count_layers(classes)
            layers_of[model, size] = count_by_layer(merge_classes(classes, merge))
    for name in sorted(unknown):
        logger.warning("config: merge.%s: no label table has this class", name)
    sweeps = [pd.DataFrame(columns=["model", *CONTROL_COLUMNS]).astype(CONTROL_COLUMNS)]
    for model, path in paths_to_controls.items():
        sweeps.append(pd.read_csv(path, sep="\t", dtype=CONTROL_COLUMNS).assign(model=model))
    sweep = _with_percent(pd.concat(sweeps))
    at_threshold = sweep[sweep["threshold"] == sweep["kernel_size"].map(thresholds)]
    by_codebook = at_threshold[at_threshold["method"] == "codebook"]
    chance = by_codebook.set_index(["model", "kernel_size", "kernels"])["percent"]
    clustered = []
    layers = [pd.DataFrame()]
    rows = zip(listed, results_of, families, paper_tables, paper_percents, notes, strict=True)
    for name, model, family, table, percent, note in rows:
        has_results = any((model, size) in paths_to_classes for size in thresholds)
        for size in thresholds:
            is_published = bool(percent) and PAPER_TABLE_SIZES[table] == size
            if (model, size) not in counts and (has_results or not is_published):
                continue
            found = counts.get((model, size), NO_LAYERS)
            about = {"model": name, "family": family, "kernel_size": size}
            if len(found):
                layers.append(layers_of[model, size].assign(model=name, kernel_size=size))
            beside = {
                f"{kernels}_percent": chance.get((model, size, kernels), float("nan"))
                for kernels in SHOWN_CONTROLS
            }
            published = float(percent) if is_published else float("nan")
            clustered.append(
                about | sum_up(found) | beside | {"paper_percent": published, "note": note}
            )
    table = pd.DataFrame(clustered, columns=COLUMNS)
    table["difference"] = table["clustered_percent"] - table["paper_percent"]
    table = table[[*COLUMNS[:-1], "difference", "note"]]
    folder = Path(folder)
    _write(table, folder / "clustered.tsv")
    _write_html(table, folder / "clustered.html")
    _write(pool_families(table, counts), folder / "families.tsv")
    columns = [
        "model", "kernel_size", "layer_index", "layer", "class", "n", "percent",
        "median_sigma", "median_residual",
    ]  # fmt: skip
    _write(pd.concat(layers).reindex(columns=columns), folder / "layers.tsv")
    columns = ["model", "kernel_size", "method", "kernels", "n_kernels", "n_clustered", "percent"]
    _write(at_threshold[columns], folder / "controls.tsv")
    keys = ["kernel_size", "method", "kernels", "threshold"]
    pooled = sweep.groupby(keys, sort=False)[["n_kernels", "n_clustered"]].sum().reset_index()
    _write(_with_percent(pooled), folder / "sweep.tsv")


def _with_percent(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(percent=100 * table["n_clustered"] / table["n_kernels"])


def _write(table: pd.DataFrame, path_to_table: str | Path) -> None:
    with replacing(path_to_table) as path:
        table.to_csv(path, sep="\t", index=False, float_format="%.4f", lineterminator="\n")


def _write_html(table: pd.DataFrame, path_to_page: str | Path) -> None:
    heads = {name: name.replace("_", " ").replace("percent", "%") for name in table}
    rows = table.rename(columns=heads).to_html(
        index=False, na_rep="", border=0, float_format="{:.2f}".format
    )
    with replacing(path_to_page) as path:
        path.write_text(f"<!DOCTYPE html><meta charset='utf-8'>{_STYLE}{rows}\n", encoding="utf-8")
