"""The model sheet: a tab-separated table, one row per model.

Standard library only: the Snakefile reads the sheet each time it is parsed.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from kernel_atlas.errors import AtlasError, one_line
from kernel_atlas.sources import schemes

# compare: a sample of regular convolutions, stored and drawn, not classified
ROLES = ("train", "classify", "compare")
MODEL_ID = "[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
PAPER_TABLE_SIZES = {"3": 5, "4": 7}  # the kernel size that each of the paper's tables is about
# files in the place where a model of this name would have its folder
RESERVED_IDS = (
    "zarr.json",
    *("accuracy.png", "accuracy.svg", "clustered.png", "clustered.svg"),
    *("contrast.png", "contrast.svg", "depth.png", "depth.svg", "large.png", "large.svg"),
    *("measures.png", "measures.svg"),
    *("proportions.png", "proportions.svg", "proportions_merged.png", "proportions_merged.svg"),
    *("regular.png", "regular.svg", "stability.png", "stability.svg", "sweep.png", "sweep.svg"),
)

# A dry run of 3,000 rows took Snakemake a minute of processor time and 0.6 GB, and grows with the
# rows at least in proportion. 100,000 are out of reach, the more so since each cluster job plans.
MAX_ROWS = 10_000
MAX_BYTES = 10_000_000  # of one sheet
MAX_FAULTS = 100  # shown

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Model:
    """One row of a model sheet; absent optional cells are empty strings."""

    model: str
    source: str
    role: str
    sha256: str = ""
    family: str = ""
    paper_name: str = ""
    paper_table: str = ""
    paper_percent: str = ""
    duplicate_of: str = ""
    weights: str = ""
    include: str = ""
    exclude: str = ""

    @property
    def skipped(self) -> str:
        """Why the row has no weights of its own, or an empty string."""
        scheme, _, reason = self.source.partition(":")
        if scheme == "none":
            return reason.strip()
        return f"the same checkpoint as {self.duplicate_of}" if self.duplicate_of else ""


_COLUMNS = tuple(field.name for field in fields(Model))
REQUIRED_COLUMNS, OPTIONAL_COLUMNS = _COLUMNS[:3], _COLUMNS[3:]


def read_sheets(paths: Iterable[str | Path], is_whole: bool = True) -> list[Model]:
    """Read and check one or more sheets as one.

    Parameters
    ----------
    paths : iterable of path
        Tab-separated UTF-8 files with a header row. Empty lines and lines that start
        with ``#`` are ignored.
    is_whole : bool
        Whether they are all the sheets of a run, one row of which must be 'train'.

    Returns
    -------
    list of Model
        In the order of the sheets, `sha256` in lower case.

    Raises
    ------
    AtlasError
        Naming sheet, line and column of every fault (at most `MAX_FAULTS`), one per line.
    """
    paths = list(paths)
    sheets = ", ".join(map(str, paths)) or "config.yaml, sheets"
    models: list[Model] = []
    faults: list[str] = []
    first_seen: dict[str, str] = {}
    for path in paths:
        for line, row in _rows(Path(path)):
            place = f"{path}, line {line}"
            faults += [f"{place}, {fault}" for fault in _row_faults(row)]
            # file systems that ignore case would put both models in one place
            if earlier := first_seen.get(row.model.lower()):
                faults.append(
                    f"{place}, column model: duplicate id {row.model!r}, first used in {earlier}"
                )
            first_seen.setdefault(row.model.lower(), place)
            models.append(row)
    if len(models) > MAX_ROWS:
        raise AtlasError(
            f"{sheets}: {len(models):,} rows; Snakemake plans at most {MAX_ROWS:,} models in one "
            "run, so split the sheet over several working directories"
        )
    faults += [
        f"{first_seen[row.model.lower()]}, {fault}" for row, fault in _duplicate_faults(models)
    ]
    if not models:
        faults.append(f"{sheets}: the model sheet has no rows")
    elif is_whole and not any(row.role == "train" and not row.skipped for row in models):
        faults.append(f"{sheets}, column role: no row is 'train', so there is nothing to train on")
    if faults:
        more = [f"... and {len(faults) - MAX_FAULTS:,} more"] if len(faults) > MAX_FAULTS else []
        raise AtlasError("\n".join([*map(one_line, faults[:MAX_FAULTS]), *more]))
    return models


def _row_faults(row: Model) -> Iterator[str]:
    """What is wrong with one row, each as 'column NAME: fault'."""
    if not re.fullmatch(MODEL_ID, row.model):
        yield (
            f"column model: {row.model!r} is not a safe file name: 1 to 100 letters, digits, "
            "'.', '_' or '-', starting with a letter or a digit"
        )
    if row.model in RESERVED_IDS:
        yield f"column model: {row.model!r} is the name of a result; choose another"
    if row.role not in ROLES:
        yield f"column role: unknown role {row.role!r} (known: {', '.join(ROLES)})"
    try:
        schemes.split(row.source)
    except AtlasError as error:
        yield f"column source: {error}"
    for column in ("family", "paper_name", "paper_table", "weights", "include", "exclude"):
        cell = getattr(row, column)
        if not cell.isprintable():
            yield f"column {column}: {cell!r} has characters that cannot be printed"
    if row.family == "all":
        yield "column family: 'all' is the name of the sum of all families"
    if row.sha256 and not _SHA256.fullmatch(row.sha256):
        yield f"column sha256: {row.sha256!r} is not 64 hexadecimal digits"
    if not row.paper_percent:
        return
    try:
        in_range = 0 <= float(row.paper_percent) <= 100
    except ValueError:
        in_range = False
    if not in_range:
        yield f"column paper_percent: {row.paper_percent!r} is not within 0 to 100"
    if row.paper_table not in PAPER_TABLE_SIZES:
        yield (
            f"column paper_table: {row.paper_table!r} in a row with paper_percent "
            f"(known: {', '.join(PAPER_TABLE_SIZES)})"
        )


def _duplicate_faults(models: list[Model]) -> Iterator[tuple[Model, str]]:
    """Rows that share a checkpoint and do not say so, and rows that say so wrongly."""
    by_id = {row.model: row for row in models}
    by_source: dict[tuple[str, ...], Model] = {}
    for row in models:
        first = by_id.get(row.duplicate_of)
        if not row.duplicate_of:
            # a network may be both classified and compared, or be one of several in a file
            kind = "compare" if row.role == "compare" else ""
            parts = (row.weights, row.include, row.exclude)
            same = by_source.setdefault((row.source, kind, *parts), row)
            is_alike = same.model.lower() != row.model.lower() and not row.skipped
            if is_alike and row.source:
                fault = f"column source: the same source as model {same.model}"
                yield row, f"{fault}; name that model in column duplicate_of"
        elif first is None or first.duplicate_of:
            what = "a duplicate itself" if first else "not a model of the sheet"
            yield row, f"column duplicate_of: {row.duplicate_of!r} is {what}"
        elif _what_is_read(first) != _what_is_read(row):
            fault = "source, sha256, role, weights, include and exclude are not those of"
            yield row, f"column duplicate_of: {fault} {first.model}"


def _what_is_read(row: Model) -> tuple[str, ...]:
    return (row.source, row.sha256, row.role, row.weights, row.include, row.exclude)


def _rows(path: Path) -> list[tuple[int, Model]]:
    """The sheet's rows, each with its line number."""
    try:
        # a device or a pipe may never end
        if path.exists() and not path.is_file():
            raise OSError("it is not a file")
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise AtlasError(f"{path}: no such model sheet (config.yaml, sheets)") from None
    except (ValueError, OSError) as error:
        raise AtlasError(f"{path}: not a readable UTF-8 model sheet ({error})") from None
    if len(text) > MAX_BYTES:
        raise AtlasError(f"{path}: over {MAX_BYTES:,} characters, so it is not a model sheet")
    numbered = [
        (number, [cell.strip() for cell in line.split("\t")])
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip() and not line.startswith("#")
    ]
    if not numbered:
        return []
    header_line, header = numbered[0]
    _check_header(f"{path}, line {header_line}", header)
    rows = []
    for number, cells in numbered[1:]:
        if len(cells) > len(header):
            raise AtlasError(
                f"{path}, line {number}: {len(cells)} cells under {len(header)} columns "
                "(columns are separated by single tabs)"
            )
        row = dict.fromkeys(REQUIRED_COLUMNS, "") | dict(zip(header, cells, strict=False))
        row["sha256"] = row.get("sha256", "").lower()
        rows.append((number, Model(**row)))
    return rows


def _check_header(place: str, header: list[str]) -> None:
    missing = [column for column in REQUIRED_COLUMNS if column not in header]
    unknown = [column for column in header if column not in _COLUMNS]
    repeated = sorted(column for column, count in Counter(header).items() if count > 1)
    for what, columns in (("missing", missing), ("unknown", unknown), ("repeated", repeated)):
        if columns:
            raise AtlasError(
                f"{place}: {what} column {one_line(', '.join(map(repr, columns)))} "
                f"(a tab-separated sheet has {', '.join(_COLUMNS)})"
            )
