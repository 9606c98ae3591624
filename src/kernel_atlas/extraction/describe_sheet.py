"""What the rows of a sheet will fetch and hold, without a run of the workflow."""

import tempfile
from pathlib import Path

from kernel_atlas.extraction.describe import describe_sources
from kernel_atlas.sheet import read_sheets
from kernel_atlas.sources.timm import resolve_timm

COLUMNS = ["model", "source", "sha256", "role", "skipped", "weights", "include", "exclude"]
SIZES = (3, 5, 7)  # as in config.yaml


def describe_sheet(path_to_sheet: str | Path) -> str:
    """The table that ``make describe`` prints, for one sheet.

    Raises
    ------
    AtlasError
        If the sheet is malformed.
    """
    rows = read_sheets([path_to_sheet], is_whole=False)
    names = sorted(
        {
            row.source.removeprefix("timm:")
            for row in rows
            if row.source.startswith("timm:") and not row.skipped
        }
    )
    with tempfile.TemporaryDirectory(prefix="kernel-atlas-") as temporary:
        folder = Path(temporary)
        architectures = [folder / "timm.json"] if names else []
        if names:
            resolve_timm(names, architectures[0])
        describe_sources(
            [[getattr(row, column) for column in COLUMNS] for row in rows],
            SIZES,
            architectures,
            folder / "sources.tsv",
            folder / "sources.txt",
        )
        return (folder / "sources.txt").read_text(encoding="utf-8")
