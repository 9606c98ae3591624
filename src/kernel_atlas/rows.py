"""A row of a model sheet, and what can be wrong with it.

Standard library only, as `kernel_atlas.sheet`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kernel_atlas import sources
from kernel_atlas.errors import AtlasError

REQUIRED_COLUMNS = ("model", "source", "role")
OPTIONAL_COLUMNS = (
    "sha256", "family", "paper_name", "paper_table", "paper_percent", "duplicate_of",
)  # fmt: skip
# compare: a sample of regular convolutions, for the store alone
ROLES = ("train", "classify", "compare")
PAPER_TABLE_SIZES = {"3": 5, "4": 7}  # the kernel size that each of the paper's tables is about

# files that stand where a model of this name would have its folder
RESERVED_IDS = ("zarr.json", "clustered.png", "clustered.svg", "sweep.png", "sweep.svg")

_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Model:
    """One row of a model sheet; optional cells that are absent are empty strings."""

    model: str
    source: str
    role: str
    sha256: str = ""
    family: str = ""
    paper_name: str = ""
    paper_table: str = ""
    paper_percent: str = ""
    duplicate_of: str = ""

    @property
    def skipped(self) -> str:
        """Why the row has no weights of its own, or an empty string."""
        scheme, _, reason = self.source.partition(":")
        if scheme == "none":
            return reason.strip()
        return f"the same checkpoint as {self.duplicate_of}" if self.duplicate_of else ""


def row_faults(row: Model) -> list[str]:
    """What is wrong with one row, each as 'column NAME: fault'."""
    faults = []
    if not _SAFE_ID.fullmatch(row.model):
        faults.append(
            f"column model: {row.model!r} is no safe file name: 1 to 100 letters, digits, "
            "'.', '_' or '-', the first a letter or a digit"
        )
    if row.model in RESERVED_IDS:
        faults.append(f"column model: {row.model!r} is the name of a result; choose another")
    if row.role not in ROLES:
        faults.append(f"column role: unknown role {row.role!r} (known: {', '.join(ROLES)})")
    try:
        sources.split(row.source)
    except AtlasError as error:
        faults.append(f"column source: {error}")
    for column in ("family", "paper_name", "paper_table"):
        if not getattr(row, column).isprintable():
            faults.append(
                f"column {column}: {getattr(row, column)!r} has characters that cannot be printed"
            )
    if row.family == "all":
        faults.append("column family: 'all' is the name of the sum of all families")
    if row.sha256 and not _SHA256.fullmatch(row.sha256):
        faults.append(f"column sha256: {row.sha256!r} is not 64 hexadecimal digits")
    if row.paper_percent:
        try:
            in_range = 0 <= float(row.paper_percent) <= 100
        except ValueError:
            in_range = False
        if not in_range:
            faults.append(f"column paper_percent: {row.paper_percent!r} is not within 0 to 100")
        if row.paper_table not in PAPER_TABLE_SIZES:
            faults.append(
                f"column paper_table: {row.paper_table!r} for a row with paper_percent "
                f"(known: {', '.join(PAPER_TABLE_SIZES)})"
            )
    return faults


def duplicate_faults(models: list[Model]) -> Iterator[tuple[Model, str]]:
    """Rows of one checkpoint that do not say so, and rows that say so wrongly."""
    by_id = {row.model: row for row in models}
    by_source: dict[tuple[str, bool], Model] = {}
    for row in models:
        first = by_id.get(row.duplicate_of)
        if not row.duplicate_of:
            # a network may be classified and compared: the kernels are others
            same = by_source.setdefault((row.source, row.role == "compare"), row)
            is_alike = same.model.lower() != row.model.lower() and not row.skipped
            if is_alike and row.source:
                fault = (
                    f"column source: the checkpoint of model {same.model} again; name that model "
                    "in column duplicate_of"
                )
                yield row, fault
        elif first is None or first.duplicate_of:
            what = "a duplicate itself" if first else "no model of the sheet"
            yield row, f"column duplicate_of: {row.duplicate_of!r} is {what}"
        elif (first.source, first.sha256, first.role) != (row.source, row.sha256, row.role):
            fault = f"column duplicate_of: source, sha256 and role are not those of {first.model}"
            yield row, fault
