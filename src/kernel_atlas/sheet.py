"""The model sheet: a tab-separated table, one row a model.

Standard library only: the Snakefile reads the sheet each time it is parsed.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from kernel_atlas.errors import AtlasError, one_line
from kernel_atlas.rows import (
    OPTIONAL_COLUMNS,
    REQUIRED_COLUMNS,
    Model,
    duplicate_faults,
    row_faults,
)

# A dry run of 3,000 rows took Snakemake a minute of processor time and 0.6 GB, and grows with the
# rows at least in proportion: 100,000 are out of reach, the more so as each job of a cluster plans.
MAX_ROWS = 10_000
MAX_BYTES = 10_000_000  # of one sheet
MAX_FAULTS = 100  # shown


def read_sheets(paths: Iterable[str | Path]) -> list[Model]:
    """Read and check one or more sheets as one.

    Parameters
    ----------
    paths : iterable of path
        Tab-separated UTF-8 files with a header row. Empty lines and lines that
        start with ``#`` are passed over.

    Returns
    -------
    list of Model
        In the order of the sheets, `sha256` in lower case.

    Raises
    ------
    AtlasError
        Naming sheet, line and column of every fault found (but `MAX_FAULTS`), one a line.
    """
    paths = list(paths)
    sheets = ", ".join(map(str, paths)) or "config.yaml, sheets"
    models: list[Model] = []
    faults: list[str] = []
    first_seen: dict[str, str] = {}
    for path in paths:
        for line, row in _rows(Path(path)):
            place = f"{path}, line {line}"
            faults += [f"{place}, {fault}" for fault in row_faults(row)]
            # file systems that ignore case would put two such models into one place
            earlier = first_seen.get(row.model.lower())
            if earlier:
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
        f"{first_seen[row.model.lower()]}, {fault}" for row, fault in duplicate_faults(models)
    ]
    if not models:
        faults.append(f"{sheets}: the model sheet has no rows")
    elif not any(row.role == "train" and not row.skipped for row in models):
        faults.append(f"{sheets}, column role: no row is 'train', so there is nothing to train on")
    if faults:
        more = [f"... and {len(faults) - MAX_FAULTS:,} more"] if len(faults) > MAX_FAULTS else []
        raise AtlasError("\n".join([*map(one_line, faults[:MAX_FAULTS]), *more]))
    return models


def _rows(path: Path) -> list[tuple[int, Model]]:
    """The sheet's rows with the number of the line each stands on."""
    try:
        # a device or a pipe may never end
        if path.exists() and not path.is_file():
            raise OSError("it is no file")
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise AtlasError(f"{path}: no such model sheet (config.yaml, sheets)") from None
    except (ValueError, OSError) as error:
        raise AtlasError(f"{path}: not a readable UTF-8 model sheet ({error})") from None
    if len(text) > MAX_BYTES:
        raise AtlasError(f"{path}: longer than {MAX_BYTES:,} characters, so no model sheet")
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
        row = dict(zip(header, cells, strict=False))
        row |= {column: row.get(column, "") for column in REQUIRED_COLUMNS}
        row["sha256"] = row.get("sha256", "").lower()
        rows.append((number, Model(**row)))
    return rows


def _check_header(place: str, header: list[str]) -> None:
    known = REQUIRED_COLUMNS + OPTIONAL_COLUMNS
    missing = [column for column in REQUIRED_COLUMNS if column not in header]
    unknown = [column for column in header if column not in known]
    twice = sorted(column for column, count in Counter(header).items() if count > 1)
    for what, columns in (("missing", missing), ("unknown", unknown), ("repeated", twice)):
        if columns:
            raise AtlasError(
                f"{place}: {what} column {one_line(', '.join(map(repr, columns)))} "
                f"(a tab-separated sheet has {', '.join(known)})"
            )
