"""The tables across models: how much is clustered, and what in which layer."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from kernel_atlas.classify import is_clustered
from kernel_atlas.files import replacing
from kernel_atlas.labels import DEAD
from kernel_atlas.rows import PAPER_TABLE_SIZES

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
    paths_to_classes: Mapping[tuple[str, int], str | Path],
    paths_to_controls: Mapping[str, str | Path],
    path_to_clustered: str | Path,
    path_to_clustered_html: str | Path,
    path_to_layers: str | Path,
) -> None:
    """Write clustered.tsv (a row a model and size) and layers.tsv (a row a layer and class).

    Parameters
    ----------
    listed, results_of : sequences of str
        A model's id and that of the model whose results are its own: another's for
        duplicates. In the order of the sheet.
    families, paper_tables, paper_percents, notes : sequences of str
        Of the same models; each may be empty. One that has no results is listed
        with the note if the paper has it.
    paths : mapping
        From model and kernel size to that table of classes.
    paths_to_controls : mapping
        From model to its table of controls.
    path_to_clustered, path_to_layers : path
        Written, tab-separated (docs/results.md has the columns).
    path_to_clustered_html : path
        Written: the first table as a page, for the report.
    """
    counts, layers_of = {}, {}
    for (model, size), path in paths_to_classes.items():
        classes = pd.read_parquet(path)
        if classes.empty:
            continue
        controls = pd.read_csv(paths_to_controls[model], sep="\t")
        counts[model, size] = count_clustered(classes["class"]) | {
            "random_percent": _random_percent(controls, size)
        }
        layers_of[model, size] = count_by_layer(classes)
    clustered = []
    layers = [pd.DataFrame()]
    sizes = sorted({size for _, size in paths_to_classes})
    rows = zip(listed, results_of, families, paper_tables, paper_percents, notes, strict=True)
    for name, model, family, table, percent, note in rows:
        has_results = any((model, size) in paths_to_classes for size in sizes)
        for size in sizes:
            is_published = bool(percent) and PAPER_TABLE_SIZES[table] == size
            if (model, size) in counts:
                found = counts[model, size]
                layers.append(layers_of[model, size].assign(model=name, kernel_size=size))
            elif is_published and not has_results:
                found = count_clustered(pd.Series([], dtype=object))
            else:
                continue
            about = {"model": name, "family": family, "kernel_size": size}
            published = float(percent) if is_published else float("nan")
            clustered.append(about | found | {"paper_percent": published, "note": note})
    columns = [
        "model", "family", "kernel_size", "n_kernels", "n_dead", "n_clustered",
        "clustered_percent", "random_percent", "paper_percent", "note",
    ]  # fmt: skip
    _write(pd.DataFrame(clustered, columns=columns), path_to_clustered)
    _write_html(pd.DataFrame(clustered, columns=columns), path_to_clustered_html)
    columns = ["model", "kernel_size", "layer_index", "layer", "class", "n", "percent"]
    _write(pd.concat(layers).reindex(columns=columns), path_to_layers)


def count_clustered(labels: pd.Series) -> dict[str, float]:
    """Counts of one model and size; the percentage is of the live kernels (NaN without any)."""
    n_dead = int((labels == DEAD).sum())
    n_clustered = int(is_clustered(labels).sum())
    n_live = len(labels) - n_dead
    return {
        "n_kernels": len(labels),
        "n_dead": n_dead,
        "n_clustered": n_clustered,
        "clustered_percent": 100 * n_clustered / n_live if n_live else float("nan"),
    }


def count_by_layer(classes: pd.DataFrame) -> pd.DataFrame:
    """Count each class in each layer.

    Parameters
    ----------
    classes : DataFrame
        A row a kernel, with `layer`, `layer_index` and the categorical `class`.

    Returns
    -------
    DataFrame
        A row a layer and class, absent classes included: `layer_index`, `layer`,
        `class`, `n`, and `percent` of the layer's kernels, which sums to 100.
    """
    counts = (
        classes.groupby(["layer_index", "layer"], observed=True)["class"]
        .value_counts(sort=False)
        .rename("n")
        .reset_index()
        .sort_values(["layer_index", "class"], kind="stable")
    )
    counts["percent"] = 100 * counts["n"] / counts.groupby("layer_index")["n"].transform("sum")
    return counts.reset_index(drop=True)


def _random_percent(controls: pd.DataFrame, size: int) -> float:
    row = controls[(controls["kernel_size"] == size) & (controls["control"] == "random")]
    if row.empty:
        return float("nan")
    return 100 * row["n_clustered"].item() / row["n_kernels"].item()


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
