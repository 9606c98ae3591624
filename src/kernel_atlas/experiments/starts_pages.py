"""The tables of arms for reading: what they show, as Markdown and LaTeX."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kernel_atlas.tables.pages import format_number, to_latex, to_markdown, write_text

_PERCENT = """\
All numbers are percentages, means over the seeds ± their standard deviation. *Near* is of all \
kernels, as the paper counts; *clustered* and *matched* are of the live ones. *Chance* is the \
accuracy of always naming the most frequent class."""


@dataclass(frozen=True)
class Page:
    """How a table is shown for reading.

    Attributes
    ----------
    title, note : str
    heads : dict
        From a column, or from the name of a mean and its spread, to its head.
    n_names : int
        The first columns, which are aligned on the left.
    """

    title: str
    note: str
    heads: dict[str, str]
    n_names: int


PAGES = {
    "starts": Page(
        title="Accuracy and kernels by start (Table 2 of the paper)",
        note=f"The last kept epoch of each arm. {_PERCENT} *Near at the start* is at epoch 0. "
        "The paper's numbers are those of one training each; its clustered kernels are near ones.",
        heads={
            "arm": "arm",
            "start": "start",
            "kernel_size": "size",
            "epoch": "epoch",
            "n_seeds": "seeds",
            "accuracy": "accuracy",
            "chance_percent": "chance",
            "near_start_percent": "near at the start",
            "near": "near",
            "clustered": "clustered",
            "matched_start_percent": "matched at the start",
            "matched": "matched",
            "paper_accuracy_percent": "paper: accuracy",
            "paper_percent": "paper: clustered",
        },
        n_names=2,
    ),
    "memorisation": Page(
        title="Memorisation: accuracy on known and on new images, and kernels",
        note="The last kept epoch of the arms with shuffled labels or pixels or without "
        f"regularisation, beside the other arms of their networks. {_PERCENT}",
        heads={
            "arm": "arm",
            "data": "data",
            "shuffle": "shuffled",
            "regularise": "regularised",
            "kernel_size": "size",
            "train_accuracy": "training",
            "accuracy": "validation",
            "chance_percent": "chance",
            "near": "near",
            "matched": "matched",
        },
        n_names=4,
    ),
}
NO_ROWS = "The run has no such arm."


def write_pages(page: Page, rows: pd.DataFrame, path: Path) -> None:
    """Write rows of a table of arms beside it, as .md and .tex."""
    heads = [*page.heads.values()]
    cells = [[_cell(row, column) for column in page.heads] for row in rows.to_dict("records")]
    text = to_markdown(page.title, page.note, heads, cells, NO_ROWS, page.n_names)
    notes = [f"- `{row.arm}`: {row.note}" for row in rows.itertuples() if row.note]
    text += "".join(f"{line}\n" for line in ["", *notes] if notes)
    write_text(text, path.with_suffix(".md"))
    write_text(to_latex(page.title, heads, cells, page.n_names), path.with_suffix(".tex"))


def _cell(row: Mapping[str, Any], column: str) -> str:
    """A cell as text, empty where it is missing."""
    if column == "kernel_size":
        return "" if pd.isna(row[column]) else f"{row[column]}x{row[column]}"
    if column in row:
        value = row[column]
        if isinstance(value, bool | np.bool_):
            return "yes" if value else "no"
        return format_number(value) if isinstance(value, float) else str(value)
    mean, spread = (row[f"{column}_{what}"] for what in ("percent", "spread"))
    return format_number(mean) + ("" if pd.isna(spread) else f" ± {spread:.1f}")
