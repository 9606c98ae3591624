"""What each row of the sheet will fetch and hold, before any kernel is read."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from kernel_atlas.atomic import replacing, write_table
from kernel_atlas.checkpoints.choice import Choice, under_prefix
from kernel_atlas.checkpoints.composed import compose
from kernel_atlas.checkpoints.depthwise import Depthwise
from kernel_atlas.checkpoints.entry import Rows
from kernel_atlas.checkpoints.formats import SAFETENSORS, format_of
from kernel_atlas.checkpoints.inventory import Candidate, describe_doubts
from kernel_atlas.checkpoints.read import read_checkpoint
from kernel_atlas.checkpoints.safetensors import Safetensors
from kernel_atlas.checkpoints.selection import read_selected
from kernel_atlas.errors import AtlasError
from kernel_atlas.extraction.extract import is_fetched_whole
from kernel_atlas.sources import schemes
from kernel_atlas.sources.local import LocalFile
from kernel_atlas.sources.remote import RemoteFile, merge_ranges
from kernel_atlas.sources.shards import parts_of
from kernel_atlas.sources.timm import read_architecture

N_AT_ONCE = 8
FLOAT32_BYTES = 4
SAMPLED = "a sample of its regular convolutions"


@dataclass
class Description:
    """What is known of one row; `wire_bytes` and `kernels` are None if unknown."""

    wire_bytes: int | None = None
    kernels: Mapping[int, int] | None = None  # kernels by size
    inventory: Sequence[Candidate] = ()  # candidate weights, as far as they are known
    note: str = ""


def describe_sources(
    rows: Sequence[Sequence[str]],
    sizes: Sequence[int],
    paths_to_architectures: Sequence[str | Path],
    path_to_tsv: str | Path,
    path_to_txt: str | Path,
) -> None:
    """Write the table of all rows, for programs and for people.

    Rows with ``timm:`` are described from their architecture, without a request. Other
    servers are asked for a header or a size.

    Parameters
    ----------
    rows : sequence of (model, source, sha256, role, skipped, weights, include, exclude)
        `skipped` says why a row is not extracted, or is empty. The last three are a `Choice`.
    sizes : sequence of int
        Kernel sizes that are measured.
    paths_to_architectures : sequence of path
        Written by `resolve_timm`.
    path_to_tsv, path_to_txt : path
        Written.
    """

    def describe(row: Sequence[str]) -> Description:
        _, source, sha256, role, skipped, *choice = row
        is_compared = role == "compare"
        if skipped:
            return Description(0, {}, note=skipped)
        try:
            return describe_source(
                source, sha256, Choice(*choice), is_compared, paths_to_architectures
            )
        except AtlasError as error:
            return Description(note=f"fault: {error}")

    with ThreadPoolExecutor(N_AT_ONCE) as pool:
        found = list(pool.map(describe, rows))
    columns = ["model", "source", "sha256", "role", "skipped"]
    sheet = pd.DataFrame([row[: len(columns)] for row in rows], columns=columns)
    table = sheet[["model", "role", "source"]]
    megabytes = [None if row.wire_bytes is None else row.wire_bytes / 1e6 for row in found]
    table = table.assign(wire_mb=pd.array(megabytes, "Float64"))
    for size in sorted({size for row in found for size in row.kernels or {}}):
        counts = [None if row.kernels is None else row.kernels.get(size, 0) for row in found]
        table[f"k{size}"] = pd.array(counts, "Int64")
    table["note"] = [_note(row, sizes) for row in found]
    write_table(table, path_to_tsv, digits=3)
    with replacing(path_to_txt) as path:
        path.write_text(_to_text(table, int((sheet["skipped"] != "").sum())), encoding="utf-8")


def describe_source(
    source: str,
    sha256: str,
    choice: Choice,
    is_compared: bool,
    paths_to_architectures: Sequence[str | Path],
) -> Description:
    """What one source will cost and hold.

    Raises
    ------
    AtlasError
        If it cannot be read.
    """
    scheme, name = schemes.split(source)
    if scheme == "timm":
        architecture = read_architecture(name, paths_to_architectures)
        if is_compared:
            return Description(note=SAMPLED)
        kernels = _count((row.kernel_size, row.n_kernels) for row in architecture.layers)
        n_values = sum(size * size * count for size, count in kernels.items())
        n_values += sum(row.n_kernels for row in architecture.layers if row.norm.gain)
        n_bytes = n_values * FLOAT32_BYTES
        return Description(RemoteFile.first_bytes + n_bytes, kernels)
    file = schemes.locate(source)
    is_local = isinstance(file, LocalFile)
    if isinstance(file, RemoteFile) and is_fetched_whole(file, sha256):
        if file.size is None:
            file.read([(0, 1)])
        return Description(file.size, note="fetched whole; its kernels are known then")
    if is_compared:
        return Description(0 if is_local else None, note=SAMPLED)
    selection = Depthwise(choice)
    if is_local and format_of(file) != SAFETENSORS:
        inventory = read_checkpoint(file, selection).inventory
        return Description(0, _count_kernels(inventory), inventory)
    parts = parts_of(file)
    plan = _Plan(parts)
    inventory = list(
        selection.judge(compose(under_prefix(plan, choice.weights, file.name))).values()
    )
    if is_local:
        note = "in the hub's cache" if scheme == "hf" else ""
        return Description(0, _count_kernels(inventory), inventory, note)
    read_selected(plan, selection, file.name)
    n_bytes = sum(part.bytes_read for part in {file, *parts}) + plan.n_bytes
    return Description(n_bytes, _count_kernels(inventory), inventory)


class _Plan(Safetensors):
    """The tensors of a header; what would be read of them is counted, not read."""

    n_bytes = 0

    def read(self, rows: Mapping[str, Rows]) -> dict[str, np.ndarray]:
        """Zeros."""
        for ranges in self.ranges(rows).values():
            self.n_bytes += sum(stop - start for start, stop in merge_ranges(ranges))
        zeros = {}
        for name, chosen in rows.items():
            n, *rest = self.entries[name].shape or (1,)
            zeros[name] = np.zeros([n if chosen is None else len(chosen), *rest], np.float32)
        return zeros


def _count_kernels(inventory: Sequence[Candidate]) -> Counter[int]:
    return _count((row.shape[-1], row.shape[0]) for row in inventory if row.counted)


def _count(counts: Iterable[tuple[int, int]]) -> Counter[int]:
    """The sum by kernel size of pairs (kernel size, kernels)."""
    sums: Counter[int] = Counter()
    for size, count in counts:
        sums[size] += count
    return sums


def _note(row: Description, sizes: Sequence[int]) -> str:
    others = ", ".join(f"{size}x{size}" for size in sorted(set(row.kernels or {}) - set(sizes)))
    stored = f"{others}: stored, but not measured" if others else ""
    return "; ".join(filter(None, [row.note, stored, describe_doubts(row.inventory)]))


def _to_text(table: pd.DataFrame, n_skipped: int) -> str:
    """The table with its sums, for the terminal."""
    counts = [name for name in table if name[0] == "k" and name[1:].isdigit()]
    columns = {
        "model": table["model"],
        "role": table["role"],
        "MB": [_cell(megabytes, "{:,.1f}") for megabytes in table["wire_mb"]],
        **{f"{k[1:]}x{k[1:]}": [_cell(n, "{:,}") for n in table[k]] for k in counts},
        "source": [_shorten(source, 48) for source in table["source"]],
        "note": table["note"],
    }
    cells = [[name, *column] for name, column in columns.items()]
    for column in cells:
        side = "<" if column[0] in ("model", "role", "source", "note") else ">"
        width = max(map(len, column))
        column[:] = [f"{cell:{side}{width}}" for cell in column]
    lines = ["  ".join(line).rstrip() for line in zip(*cells, strict=True)]
    sums = ", ".join(f"{int(table[name].sum()):,} of {name[1:]}x{name[1:]}" for name in counts)
    n_unknown = int(table["wire_mb"].isna().sum())
    unknown = f", and what {n_unknown} more will take" if n_unknown else ""
    return "\n".join(
        [
            *lines,
            "",
            f"{len(table)} rows, {n_skipped} of them not extracted",
            f"{table['wire_mb'].sum():,.1f} MB over the wire{unknown}",
            f"kernels: {sums}\n",
        ]
    )


def _cell(number: float, form: str) -> str:
    if pd.isna(number):
        return "?"
    return form.format(number) if number else ""


def _shorten(text: str, width: int) -> str:
    """The text, cut in the middle if it is longer."""
    return text if len(text) <= width else f"{text[: width // 2 - 1]}…{text[-(width // 2) :]}"
