"""The training history: one row per epoch of each seed."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kernel_atlas.atomic import write_rows

# The history gives the percentage of near kernels at both of the paper's thresholds, so
# that a changed threshold in config.yaml does not retrain.
THRESHOLDS = (0.2, 0.3)
PARTS = ("train", "held_out")
AUTOENCODER, REFINEMENT = "autoencoder", "refinement"  # the phases of a training


def paper_threshold(size: int) -> float:
    """The paper's threshold for a kernel size: 0.2 for 5x5, 0.3 for 7x7 (Section 4.2)."""
    return THRESHOLDS[size >= 7]


def percent_column(part: str, threshold: float) -> str:
    """The column of a part's percentage of near kernels at one of the thresholds."""
    return f"{part}_near_percent_{threshold}"


COLUMNS = [
    "seed",
    "epoch",
    "phase",
    "loss",
    "held_out_loss",
    *(percent_column(part, threshold) for part in PARTS for threshold in THRESHOLDS),
    "kept",
]


def write_history(rows: Iterable[Mapping[str, Any]], path: str | Path) -> None:
    """Write rows that have all `COLUMNS`; floats with six significant digits."""
    cells = [[format_value(row[name]) for name in COLUMNS] for row in rows]
    write_rows([COLUMNS, *cells], path)


def format_value(value: Any) -> str:
    """A value of a row as text. Seeds may have more than six digits."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
