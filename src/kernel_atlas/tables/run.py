"""One page on a run: what was read, what clusters, what chance gives, what to look at first.

It is reStructuredText, which opens the report, and which reads as well on a terminal.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import fill

import pandas as pd

from kernel_atlas.atomic import replacing
from kernel_atlas.family.names import DEAD, OTHER
from kernel_atlas.tables.layers import SHARES
from kernel_atlas.tables.reading import read_table

TABLES = (
    *("models", "clustered", "families", "layers", "controls"),
    *("stability", "stability_classes"),
)
CONTROLS = {
    "random": "random directions",
    "fresh": "freshly initialised",
    "shuffled": "their pixels shuffled",
    "phase_randomised": "their phases randomised",
}
MIN_KERNELS = 30  # of a layer that can stand out
MIN_POINTS = 10  # below its model
MAX_NAMES = 8  # in a sentence
MANY_BY_CHANCE_PERCENT = 5
WIDTH = 88
NONE = "–"


def summarise_run(
    paths_to_tables: Mapping[str, str | Path], sizes: Sequence[int], path_to_summary: str | Path
) -> None:
    """Read the tables of all models and write the page.

    Parameters
    ----------
    paths_to_tables : mapping
        From each of `TABLES` to its file.
    sizes : sequence of int
        The kernel sizes that are measured.
    path_to_summary : path
        Written.
    """
    tables = {name: read_table(paths_to_tables[name]) for name in TABLES}
    with replacing(path_to_summary) as partial:
        partial.write_text(describe_run(tables, sizes), encoding="utf-8")


def describe_run(tables: Mapping[str, pd.DataFrame], sizes: Sequence[int]) -> str:
    """The page, from the tables by name."""
    pooled = tables["families"].query("family == 'all'").set_index("kernel_size")
    sections = {
        "What was read": _describe_models(tables["models"], pooled, sizes),
        "What clusters, and what chance gives": _describe_shares(pooled, tables["controls"]),
        "What the seed decides": _describe_seeds(tables["stability"], tables["stability_classes"]),
        "What to look at first": _list_hints(tables, pooled),
    }
    blocks = []
    for title, parts in sections.items():
        blocks += [f"{title}\n{'-' * len(title)}", *map(_wrap, parts)]
    return "\n\n".join(blocks) + "\n"


def _describe_models(
    models: pd.DataFrame, pooled: pd.DataFrame, sizes: Sequence[int]
) -> Iterator[str]:
    of = {name: rows["model"].tolist() for name, rows in models.groupby("outcome")}
    is_read = models["outcome"] == "extracted"
    n_train = (is_read & (models["role"] == "train")).sum()
    facts = [f"{len(of.get('extracted', []))} read"]
    if failed := of.get("failed"):
        facts.append(f"{len(failed)} failed ({_names(failed)}; failed.tsv has the causes)")
    if repeated := of.get("duplicate"):
        facts.append(f"{len(repeated)} with the weights of another row")
    if skipped := of.get("skipped"):
        facts.append(f"{len(skipped)} without weights")
    yield (
        f"Of {len(models)} rows of the sheet: {', '.join(facts)}. "
        f"Codebooks were trained on {n_train} of the models."
    )
    columns = ["n_models", "n_kernels", "n_dead"]
    counts = pooled[columns].reindex(sizes).fillna(0).astype(int)
    rows = [[f"{row[0]}x{row[0]}", *(f"{n:,}" for n in row[1:])] for row in counts.itertuples()]
    yield _table(["size", "models", "kernels", "dead"], rows)


def _describe_shares(pooled: pd.DataFrame, controls: pd.DataFrame) -> Iterator[str]:
    if pooled.empty:
        yield "No model has kernels of a size that is measured."
        return
    keys = ["kernel_size", "kernels", "method"]
    sums = controls.groupby(keys)[["n_clustered", "n_kernels"]].sum()
    percents = 100 * sums["n_clustered"] / sums["n_kernels"]
    rows = []
    for size, row in pooled.iterrows():
        ends = [(row[f"{name}_low_percent"], row[f"{name}_high_percent"]) for name in SHARES]
        own = [
            _percent(row[f"{name}_percent"])
            + ("" if pd.isna(low) else f" ({low:.0f} to {high:.0f})")
            for name, (low, high) in zip(SHARES, ends, strict=True)
        ]
        rows.append([f"{size}x{size}", "the models' kernels", *own])
        for kernels, title in CONTROLS.items():
            found = [percents.get((size, kernels, by.method)) for by in SHARES.values()]
            rows.append([f"{size}x{size}", title, *map(_percent, found)])
    yield _table(["size", "percent of", *SHARES], rows)
    yield (
        "The percentage of *near* kernels is of all kernels, as the paper counts. Those of "
        "*clustered* (near a code that has a class) and *matched* (close to a member of the DoG "
        "family, which needs no training) are of live kernels. The brackets hold 95 % intervals "
        "over layers."
    )
    for size, row in pooled[pooled["paper_percent"].notna()].iterrows():
        yield (
            f"Of the {size}x{size} kernels of the models in the paper's tables, "
            f"{row['same_percent']:.1f} % are near; the paper has {row['paper_percent']:.1f} %."
        )


def _describe_seeds(stability: pd.DataFrame, classes: pd.DataFrame) -> Iterator[str]:
    is_pair = stability["seeds"].str.contains(",")
    rows = []
    for size, of_size in stability.groupby("kernel_size"):
        single, pairs = of_size[~is_pair], of_size[is_pair]
        spans = [single["near_percent"], single["clustered_percent"], pairs["same_class_percent"]]
        rows.append([f"{size}x{size}", str(len(single)), *map(_span, spans)])
    if not rows:
        yield "No autoencoder was trained."
        return
    yield _table(["size", "seeds", "near %", "clustered %", "same class %"], rows)
    yield (
        "From the lowest to the highest seed, of the live kernels that were trained on. *Same "
        "class* is the share of kernels, clustered by two seeds, that both put into one class."
    )
    in_doubt = classes[(classes["fewest"] == 0) & (classes["most"] > 0)]
    for size, of_size in in_doubt.groupby("kernel_size", sort=True):
        yield f"Only some seeds name these classes of {size}x{size}: {_names(of_size['class'])}."


def _list_hints(tables: Mapping[str, pd.DataFrame], pooled: pd.DataFrame) -> Iterator[str]:
    hints = [
        *_compare_with_chance(tables["controls"]),
        *_compare_models(tables["clustered"]),
        *_find_layers(tables["layers"]),
    ]
    yield from [f"- {hint}" for hint in hints] or ["Nothing stands out."]


def _compare_with_chance(controls: pd.DataFrame) -> Iterator[str]:
    random = controls.query("kernels == 'random' and method == 'family'").groupby("kernel_size")
    for size, sums in random[["n_clustered", "n_kernels"]].sum().iterrows():
        percent = 100 * sums["n_clustered"] / sums["n_kernels"]
        if percent > MANY_BY_CHANCE_PERCENT:
            yield (
                f"{size}x{size}: {percent:.0f} % of random directions are matched too. Read its "
                "percentages beside those of chance."
            )


def _compare_models(clustered: pd.DataFrame) -> Iterator[str]:
    known = clustered.dropna(subset="matched_percent")
    for size, rows in known.groupby("kernel_size"):
        if len(rows) < 2:
            continue
        rows = rows.sort_values("matched_percent", kind="stable")
        low, high = rows.iloc[0], rows.iloc[-1]
        yield (
            f"{size}x{size}: the share of matched kernels goes from {low['matched_percent']:.1f} % "
            f"(``{low['model']}``) to {high['matched_percent']:.1f} % (``{high['model']}``)."
        )


def _find_layers(layers: pd.DataFrame) -> Iterator[str]:
    """The layer of each size that is matched least, compared with its model."""
    is_live = layers["class"] != DEAD
    is_matched = is_live & (layers["class"] != OTHER)
    counts = layers[["model", "kernel_size", "layer_index", "layer"]].assign(
        n=layers["n_members"] * is_live, n_matched=layers["n_members"] * is_matched
    )
    keys = ["model", "kernel_size"]
    by_layer = counts.groupby([*keys, "layer_index", "layer"], as_index=False).sum()
    sums = by_layer.groupby(keys)[["n", "n_matched"]].transform("sum")
    by_layer["percent"] = 100 * by_layer["n_matched"] / by_layer["n"].where(by_layer["n"] > 0)
    by_layer["of_model"] = 100 * sums["n_matched"] / sums["n"].where(sums["n"] > 0)
    below = (by_layer["of_model"] - by_layer["percent"])[by_layer["n"] >= MIN_KERNELS]
    for size, points in below[below >= MIN_POINTS].groupby(by_layer["kernel_size"]):
        row = by_layer.loc[points.idxmax()]
        yield (
            f"{size}x{size}: layer {row['layer_index']} of ``{row['model']}`` (``{row['layer']}``) "
            f"is matched least, compared with its model: {row['percent']:.1f} % "
            f"against {row['of_model']:.1f} %."
        )


def _wrap(text: str) -> str:
    """Break the lines of a paragraph or an item; a table has its own."""
    if text.startswith("="):
        return text
    indent = "  " if text.startswith("- ") else ""
    return fill(
        text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A simple table of reStructuredText: no cell of the first column is empty."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    rule = ["=" * width for width in widths]
    lines = [rule, heads, rule, *rows, rule]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _names(names: Sequence[str] | pd.Series) -> str:
    """Some of the names, and how many more there are."""
    known = list(dict.fromkeys(names))
    more = f" and {len(known) - MAX_NAMES} more" if len(known) > MAX_NAMES else ""
    return ", ".join(f"``{name}``" for name in known[:MAX_NAMES]) + more


def _percent(value: float | None) -> str:
    return NONE if value is None or pd.isna(value) else f"{value:.1f}"


def _span(values: pd.Series) -> str:
    """The smallest and the largest value, or one if they read alike."""
    ends = [_percent(value) for value in (values.min(), values.max())]
    return " to ".join(dict.fromkeys(ends))
