"""Results and atlases as text for a terminal, and results as JSON."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from kernel_atlas.atlas import Atlas
from kernel_atlas.checkpoints.inventory import Candidate, describe_doubts
from kernel_atlas.result import Result
from kernel_atlas.tables.layers import SHARES

DIRECTIONS = tuple(f"first_derivative_{name}" for name in ("right", "down", "left", "up"))
COUNTED_BY = {  # the rulers, and their columns in the table of layers
    "by the paper's ruler (class of the nearest code)": "n",
    "by the family's ruler (class of the nearest member)": "n_members",
}
MAX_MODELS = 6  # named in one line


def result_to_text(result: Result, atlas: Atlas) -> str:
    """Percentages by size, classes by layer, and which weights are left out or in doubt."""
    parts = [f"atlas: {atlas_to_line(atlas)}", _summary_to_text(result.summary)]
    if missing := [row.kernel_size for row in result.summary.itertuples() if row.note]:
        parts[-1] += f"\n{how_to_add(missing)}"
    for size, layers in result.layers.groupby("kernel_size"):
        for title, column in COUNTED_BY.items():
            if layers[column].notna().any():
                head = f"{size}x{size}, percent of each layer's kernels {title}"
                parts.append(f"{head}\n{_layers_to_text(layers, column)}")
    left_out = [row for row in result.candidates if not row.counted and not row.in_doubt]
    if reasons := describe_doubts([row._replace(in_doubt=True) for row in left_out]):
        parts.append(f"left out: {reasons}")
    if doubts := describe_doubts(result.candidates):
        parts.append(f"in doubt: {doubts}")
    return "\n\n".join(parts)


def result_to_json(result: Result, atlas: Atlas) -> str:
    """One JSON object: summary, layers and inventory as lists of rows; null where unknown."""
    content = {
        "source": result.name,
        "atlas": {"name": atlas.name, "sizes": atlas.sizes, "versions": atlas.versions},
        "sizes": to_records(result.summary),
        "layers": to_records(result.layers),
        "weights": to_records(result.inventory),
        "in_doubt": describe_doubts(result.candidates),
    }
    return json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)


def atlas_to_line(atlas: Atlas) -> str:
    """Which atlas it is, its sizes, and what it was trained on."""
    models = atlas.training_models
    more = f" and {len(models) - MAX_MODELS} more" if len(models) > MAX_MODELS else ""
    trained = f"; trained on {', '.join(models[:MAX_MODELS])}{more}" if models else ""
    return f"{atlas.name} ({_sizes(atlas.sizes)}{trained})"


def atlas_to_text(atlas: Atlas) -> str:
    """All facts about an atlas but its codes."""
    sections = [
        [
            f"{size}x{size}",
            "autoencoder" if section.codebook.is_ordered else "k-means",
            f"{len(section.codebook):,}",
            f"{section.threshold:g}",
            f"{section.random_percents['clustered']:.3f} %",
            f"{len(section.intervals)}",
            ", ".join(sorted({row.label for row in section.intervals} - {"other"})),
        ]
        for size, section in sorted(atlas.sections.items())
        if len(section.codebook)
    ]
    training = [
        [row["model"], _sizes([row["kernel_size"]])]
        + [f"{row[name]:,}" for name in ("n_kernels", "n_dead")]
        for row in atlas.training_set
        if row["n_kernels"]
    ]
    head = ["size", "codebook", "codes", "threshold", "random", "intervals", "classes"]
    parts = [
        f"atlas: {atlas_to_line(atlas)}",
        "made by: " + ", ".join(f"{name} {value}" for name, value in atlas.versions.items()),
        align([head, *sections], "<<>>>><"),
    ]
    if training:
        parts.append(align([["trained on", "size", "kernels", "dead"], *training], "<<>>"))
    return "\n\n".join(parts)


def inventory_to_text(candidates: Sequence[Candidate]) -> str:
    """Each candidate weight: shape, counted or not, and why. Empty without candidates."""
    if not candidates:
        return ""
    rows = [
        [
            row.name,
            "x".join(map(str, row.shape)),
            "yes" if row.counted else "no",
            f"{row.why}{' (in doubt)' if row.in_doubt else ''}",
        ]
        for row in candidates
    ]
    return align([["weight", "shape", "counted", "why"], *rows], "<<<<")


def how_to_add(sizes: Sequence[int]) -> str:
    """How to make an atlas that has these kernel sizes."""
    return (
        f"For {_sizes(sizes)}, run the workflow with such a network in the role 'train', and "
        "export the atlas of that run: kernel-atlas export results/ my.atlas"
    )


def _summary_to_text(summary: pd.DataFrame) -> str:
    """One line per kernel size and share, and one for each size that lacks something."""
    heads = ["size", "kernels", "dead", "", "of", "percent", "95 % interval", "random directions"]
    rows, notes = [heads], []
    for row in summary.to_dict("records"):
        size = f"{row['kernel_size']}x{row['kernel_size']}"
        if row["note"]:
            notes.append(f"{size}: {row['n_kernels']:,} kernels, {row['note']}")
        known = [name for name in SHARES if not pd.isna(row[f"n_{name}"])]
        facts = [size, f"{row['n_kernels']:,}", *(f"{row['n_dead']:,}" for _ in known[:1])]
        for name in known:
            low, high = row[f"{name}_low_percent"], row[f"{name}_high_percent"]
            percent, chance = row[f"{name}_percent"], row[f"random_{name}_percent"]
            rows.append(
                [
                    *facts,
                    name,
                    "all" if SHARES[name].of_all else "live",
                    "-" if pd.isna(percent) else f"{percent:.1f} %",
                    "-" if pd.isna(low) else f"{low:.1f} to {high:.1f}",
                    "-" if pd.isna(chance) else f"{chance:.2f} %",
                ]
            )
            facts = [""] * 3
    if len(rows) > 1:
        notes.insert(0, align(rows, "<>><<>>>"))
    return "\n".join(notes)


def _layers_to_text(layers: pd.DataFrame, column: str) -> str:
    """One line per layer; the first derivatives of all directions in one column."""
    is_first = layers["class"].isin(DIRECTIONS)
    merged = layers["class"].astype(str).mask(is_first, "first_derivative")
    counts = layers.assign(label=merged).pivot_table(
        index="layer_index", columns="label", values=column, aggfunc="sum"
    )
    shown = [label for label in dict.fromkeys(merged) if counts[label].sum()]
    names = layers.drop_duplicates("layer_index").set_index("layer_index")["layer"].astype(str)
    totals = counts.sum(axis=1)
    rows = [
        [names[index], f"{totals[index]:,}"]
        + [f"{100 * counts.loc[index, label] / totals[index]:.0f}" for label in shown]
        for index in counts.index
    ]
    heads = [["layer"], ["kernels"], *(label.split("_") for label in shown)]
    height = max(map(len, heads))
    padded = [[""] * (height - len(head)) + head for head in heads]
    stacked = [list(line) for line in zip(*padded, strict=True)]
    return align([*stacked, *rows], "<" + ">" * (len(heads) - 1))


def align(rows: Sequence[Sequence[str]], sides: str) -> str:
    """Rows of cells as lines, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)
        ).rstrip()
        for row in rows
    )


def _sizes(sizes: Iterable[int]) -> str:
    return ", ".join(f"{size}x{size}" for size in sizes)


def to_records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table for JSON."""
    return table.astype(object).where(table.notna(), None).to_dict("records")
