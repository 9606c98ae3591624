"""Put the page together: text, style, scripts, and the data of a run, in one file."""

import string
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from kernel_atlas.atomic import replacing
from kernel_atlas.classes.reading import read_class_table
from kernel_atlas.classes.table import FAMILY, RULERS, ClassTable, Labels
from kernel_atlas.codebooks.codebook import read_codebook
from kernel_atlas.extraction import store
from kernel_atlas.labels.table import read_labels
from kernel_atlas.page import samples
from kernel_atlas.page.overview import describe_code, describe_run
from kernel_atlas.page.pack import pack_arrays, pack_json

WEB = files("kernel_atlas.page") / "web"
SCRIPTS = (
    *("data.js", "family.js", "draw.js", "models.js"),
    *("kernels.js", "spectrum.js", "functions.js", "main.js"),
)

Key = tuple[str, int]  # model and kernel size


def build_page(
    path_to_page: str | Path,
    groups: Mapping[str, str | Path],
    classes: Mapping[tuple[str, int], str | Path],
    codebooks: Mapping[int, tuple[str | Path, str | Path]],
    thresholds: Mapping[int, float],
    merge: Mapping[str, str],
    **run: Any,
) -> None:
    """Write the atlas page of a run.

    Parameters
    ----------
    path_to_page : path
        Written.
    groups : mapping
        From model to its group in the store.
    classes : mapping
        From model and kernel size to its table of classes.
    codebooks : mapping
        From kernel size to codebook and label table.
    thresholds : mapping
        From each kernel size that is measured to its threshold.
    merge : mapping
        Classes that are counted as others.
    **run
        For `describe_run`, all but the labels.
    """
    intervals = {size: read_labels(labels) for size, (_, labels) in codebooks.items()}
    overview = describe_run(
        **run, labels={interval.label for table in intervals.values() for interval in table}
    )
    names = [row["name"] for row in overview["classes"]]
    blocks = {}
    overview["codes"] = {}
    for size, (codebook, _) in codebooks.items():
        facts, arrays = describe_code(read_codebook(codebook), intervals[size], names)
        if len(arrays["codes"]):
            overview["codes"][size] = facts
            blocks[f"code-{size}"] = pack_arrays(arrays)
    tables = {key: read_class_table(path, samples.COLUMNS) for key, path in classes.items()}
    tables = {key: table for key, table in tables.items() if len(table)}
    labels = {key: samples.label_kernels(table, merge) for key, table in tables.items()}
    limit = samples.find_limit(_count_parts(overview))
    overview |= {"thresholds": thresholds, "samples": limit, "order": list(groups)}
    blocks |= _pack_kernels(tables, labels, groups, list(thresholds), names, limit)
    _write(path_to_page, {"overview": pack_json(overview), **blocks})


def _count_parts(overview: Mapping[str, Any]) -> np.ndarray:
    """The kernels of each layer and class, by each ruler, of all models: one flat array."""
    counts = [
        layer[ruler] or []
        for model in overview["models"]
        for size in model["sizes"]
        for layer in size["layers"]
        for ruler in RULERS
    ]
    return np.array([n for part in counts for n in part], int)


def _pack_kernels(
    tables: Mapping[Key, ClassTable],
    labels: Mapping[Key, Mapping[str, Labels]],
    groups: Mapping[str, str | Path],
    sizes: Sequence[int],
    names: list[str],
    limit: int,
) -> dict[str, str]:
    """The block of each model, and the pool of each size. Kernels of a model are read once."""
    pools = {size: _pool(tables, labels, size) for size in sizes}
    parts: dict[int, list[dict[str, np.ndarray]]] = {size: [] for size in sizes}
    blocks = {}
    for number, model in enumerate(groups):
        arrays: dict[str, np.ndarray] = {}
        for size in sizes:
            if (model, size) not in tables:
                continue
            kernels = store.read_kernel_array(groups[model], size)
            table, label = tables[model, size], labels[model, size]
            rows = samples.choose_samples(table.layer, label, limit, seed=size)
            own = samples.columns_of(kernels, rows, table, label, names)
            arrays |= {f"{size}.{name}": array for name, array in own.items()}
            rows = pools[size][model]
            pool = samples.columns_of(kernels, rows, table, label, names, with_member=True)
            parts[size].append(pool | {"model": np.full(len(rows), number, np.uint16)})
        blocks[f"model-{model}"] = pack_arrays(arrays)
    for size, of_size in parts.items():
        if of_size:
            joined = {name: np.concatenate([part[name] for part in of_size]) for name in of_size[0]}
            blocks[f"pool-{size}"] = pack_arrays(joined)
    return blocks


def _pool(
    tables: Mapping[Key, ClassTable], labels: Mapping[Key, Mapping[str, Labels]], size: int
) -> dict[str, np.ndarray]:
    """The rows of each model that are in the pool of a size."""
    own = {model: table for (model, k), table in tables.items() if k == size}
    if not own:
        return {}
    family = Labels.join([labels[model, size][FAMILY] for model in own])
    code = np.concatenate([table["code"] for table in own.values()])
    near = [np.zeros(len(t), bool) if t.near is None else t.near for t in own.values()]
    chosen = samples.choose_pool(code, np.concatenate(near), family)
    starts = np.cumsum([0, *map(len, own.values())])
    ends = np.searchsorted(chosen, starts)
    return {model: chosen[ends[i] : ends[i + 1]] - starts[i] for i, model in enumerate(own)}


def _write(path: str | Path, blocks: Mapping[str, str]) -> None:
    data = "\n".join(
        f'<script type="text/plain" id="{escape(name)}">{block}</script>'
        for name, block in blocks.items()
    )
    parts = {
        "style": (WEB / "page.css").read_text(encoding="utf-8"),
        "scripts": "\n".join((WEB / name).read_text(encoding="utf-8") for name in SCRIPTS),
        "data": data,
    }
    template = string.Template((WEB / "page.html").read_text(encoding="utf-8"))
    with replacing(path) as partial:
        partial.write_text(template.substitute(parts), encoding="utf-8")
