"""The training history: a row an epoch of each seed, and its file."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

# The history gives the clustered percentage at both of the paper's thresholds,
# so that a changed threshold in config.yaml has no bearing on training.
THRESHOLDS = (0.2, 0.3)
PARTS = ("train", "held_out")


def percent_column(part: str, threshold: float) -> str:
    """The column of the clustered percentage of a part at one of the thresholds."""
    return f"{part}_clustered_percent_{threshold}"


COLUMNS = [
    "seed", "epoch", "loss", "held_out_loss",
    *(percent_column(part, threshold) for part in PARTS for threshold in THRESHOLDS),
    "kept",
]  # fmt: skip


def write_history(rows: Iterable[Mapping[str, Any]], path: str | Path) -> None:
    """Write rows of all `COLUMNS`, tab-separated, real numbers with six digits."""
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({name: format_value(value) for name, value in row.items()})


def format_value(value: Any) -> str:
    """A value of a row as text; seeds may have more than six digits."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
