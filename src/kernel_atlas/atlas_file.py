"""The .atlas file: one zip archive, read without running code (docs/command.md).

``atlas.json`` describes the atlas; ``k<size>.codes`` has the codebook of each kernel size:
the floats as integers, each less its neighbour along the code, first bytes first. Sizes
without a codebook have a threshold alone. Nothing else may be in it, and no member may be
larger than the description says.
"""

import json
import math
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kernel_atlas.atomic import replacing
from kernel_atlas.codebooks.codebook import Centres, Codebook
from kernel_atlas.errors import AtlasError, one_line
from kernel_atlas.labels.table import check_rows
from kernel_atlas.section import Section

FORMAT = "kernel-atlas"
FORMAT_VERSION = 1
METHODS: dict[str, type[Codebook]] = {"autoencoder": Codebook, "kmeans": Centres}

CONTROLS = ("near", "clustered", "matched")  # of random_percents

# far above any atlas; a file that declares more is not unpacked
MAX_DESCRIPTION_BYTES = 4 << 20
MAX_FILE_BYTES = 64 << 20
MAX_CODES_BYTES = 128 << 20  # of all codebooks
MAX_SECTIONS = 20
MAX_TRAINING_ROWS = 100_000

_DESCRIPTION = "atlas.json"
_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that zip can write: equal runs, equal bytes
# what a damaged or made-up archive raises
_FAULTS = (
    *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError),
    *(ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError),
)


class Content(NamedTuple):
    """What a file holds."""

    sections: dict[int, Section]
    training_set: list[dict[str, Any]]  # rows of training_set.tsv
    versions: dict[str, Any]


def write_atlas(
    path: str | Path,
    sections: Mapping[int, Section],
    training_set: Sequence[Mapping[str, Any]],
    versions: Mapping[str, Any],
) -> None:
    """Write an atlas, whole or not at all.

    Raises
    ------
    AtlasError
        If there are no codes, or too many.
    """
    without = {size: row for size, row in sections.items() if not len(row.codebook)}
    sections = {size: row for size, row in sections.items() if len(row.codebook)}
    n_bytes = sum(section.codebook.kernels.nbytes for section in sections.values())
    if not 0 < n_bytes <= MAX_CODES_BYTES:
        raise AtlasError(
            f"{path}: an atlas file holds up to {MAX_CODES_BYTES:,} bytes of codes, and this atlas "
            f"has {n_bytes:,}"
        )
    description = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "versions": dict(versions),
        "training_set": [dict(row) for row in training_set],
        "sections": [_describe(size, section) for size, section in sections.items()],
        "without_codes": [
            {
                "kernel_size": size,
                "threshold": row.threshold,
                "random_percents": row.random_percents,
            }
            for size, row in without.items()
        ],
    }
    members = {_DESCRIPTION: json.dumps(description, indent=1, allow_nan=False).encode()}
    members |= {
        f"k{size}.codes": pack(section.codebook.kernels) for size, section in sections.items()
    }
    with replacing(path) as partial, zipfile.ZipFile(partial, "w") as archive:
        for name, content in members.items():
            member = zipfile.ZipInfo(name, _DATE)
            member.create_system = 3  # as on Linux, wherever it is written
            member.external_attr = 0o644 << 16
            archive.writestr(member, content, zipfile.ZIP_DEFLATED, compresslevel=9)


def read_atlas(path: str | Path) -> Content:
    """Read what `write_atlas` wrote.

    Raises
    ------
    AtlasError
        If the file is missing, no atlas, damaged or made by a newer kernel-atlas.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise AtlasError(f"no such file: {one_line(path.absolute())}")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ValueError("too large")
        with zipfile.ZipFile(path) as archive:
            return _read(archive, path.name)
    except OSError as error:
        raise AtlasError(f"{one_line(path)} cannot be read: {error.strerror}") from None
    except RecursionError:
        cause = "nested too deeply"
    except _FAULTS as error:
        cause = str(error) or type(error).__name__
    raise AtlasError(
        f"{one_line(path)} is not a complete atlas ({one_line(cause)}); write it again with "
        "kernel-atlas export"
    )


def pack(kernels: np.ndarray) -> bytes:
    """A codebook of shape (n, k, k) as bytes that deflate well: its rows change slowly."""
    floats = np.ascontiguousarray(kernels.reshape(len(kernels), -1).T)
    bits = floats.view(f"u{floats.itemsize}")
    steps = np.diff(bits, axis=1, prepend=np.zeros((len(bits), 1), bits.dtype))
    return np.ascontiguousarray(steps).view(np.uint8).reshape(-1, bits.itemsize).T.tobytes()


def unpack(content: bytes, shape: tuple[int, int, int], dtype: str) -> np.ndarray:
    """The codebook that `pack` packed, bit by bit."""
    item = np.dtype(dtype).itemsize
    steps = np.frombuffer(content, np.uint8).reshape(item, -1).T
    steps = np.ascontiguousarray(steps).view(f"u{item}").reshape(-1, shape[0])
    bits = np.cumsum(steps, axis=1, dtype=steps.dtype)
    return np.ascontiguousarray(bits.view(dtype).T).reshape(shape)


def _describe(size: int, section: Section) -> dict[str, Any]:
    (method,) = (name for name, made_by in METHODS.items() if type(section.codebook) is made_by)
    return {
        "kernel_size": size,
        "method": method,
        "shape": list(section.codebook.kernels.shape),
        "dtype": str(section.codebook.kernels.dtype),
        "threshold": section.threshold,
        "random_percents": section.random_percents,
        "labels": [[float(row.start), float(row.stop), row.label] for row in section.intervals],
    }


def _read(archive: zipfile.ZipFile, file_name: str) -> Content:
    members = {member.filename: member for member in archive.infolist()}
    if _DESCRIPTION not in members:
        raise ValueError(f"it has no {_DESCRIPTION}")
    text = _read_member(archive, members[_DESCRIPTION], MAX_DESCRIPTION_BYTES)
    description = json.loads(text, parse_constant=_refuse_constant)
    if description["format"] != FORMAT:
        raise ValueError("it has another format")
    version = description["format_version"]
    if type(version) is not int:
        raise ValueError("it has no format version")
    if version > FORMAT_VERSION:
        raise AtlasError(
            f"{file_name} was made by a newer kernel-atlas (its format is {version}, this one "
            f"reads up to {FORMAT_VERSION}); update kernel-atlas"
        )
    rows = description["sections"]
    shapes = {row["kernel_size"]: _check_shape(row) for row in rows}
    expected = {_DESCRIPTION, *(f"k{size}.codes" for size in shapes)}
    if version != FORMAT_VERSION or not 0 < len(rows) == len(shapes) <= MAX_SECTIONS:
        raise ValueError("its description is not complete")
    names = [member.filename for member in archive.infolist()]
    for name in names:
        if name not in expected or names.count(name) > 1:
            raise ValueError(f"it has a member {name!r}, which no atlas has")
    sizes_bytes = [math.prod(shapes[row["kernel_size"]]) * _item_bytes(row) for row in rows]
    if sum(sizes_bytes) > MAX_CODES_BYTES:
        raise ValueError(f"its codes take {sum(sizes_bytes):,} bytes, too many")
    sections = {}
    for row, n_bytes in zip(rows, sizes_bytes, strict=True):
        size, shape, dtype = row["kernel_size"], shapes[row["kernel_size"]], row["dtype"]
        content = _read_member(archive, members[f"k{size}.codes"], n_bytes)
        if len(content) != n_bytes:
            raise ValueError(f"the codebook of {size}x{size} is not complete")
        sections[size] = _make_section(row, unpack(content, shape, dtype), file_name)
    for row in description["without_codes"]:
        section = _make_empty(row)
        if row["kernel_size"] in sections or len(sections) >= 2 * MAX_SECTIONS:
            raise ValueError("a kernel size is described twice")
        sections[row["kernel_size"]] = section
    training_set = [_check_training(row) for row in description["training_set"]]
    versions = {str(name): _plain(value) for name, value in description["versions"].items()}
    if len(training_set) > MAX_TRAINING_ROWS or len(versions) > MAX_TRAINING_ROWS:
        raise ValueError("its description is too long")
    return Content(sections, training_set, versions)


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, max_bytes: int) -> bytes:
    """A member's content, which zipfile checks against its CRC."""
    # deflate needs little memory; other methods may ask for gigabytes
    if member.compress_type not in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED):
        raise ValueError(f"{member.filename} is not packed by deflate")
    if member.file_size > max_bytes:
        raise ValueError(f"{member.filename} unpacks to {member.file_size:,} bytes, too many")
    return archive.read(member)


def _check_shape(row: Mapping[str, Any]) -> tuple[int, int, int]:
    size, (n_codes, *sides) = row["kernel_size"], row["shape"]
    is_sound = all(type(n) is int and n > 0 for n in (size, n_codes)) and sides == [size, size]
    if not is_sound or row["dtype"] not in ("float32", "float64"):
        raise ValueError("a codebook has no shape of kernels")
    return n_codes, size, size


def _item_bytes(row: Mapping[str, Any]) -> int:
    return np.dtype(row["dtype"]).itemsize


def _make_section(row: Mapping[str, Any], kernels: np.ndarray, file_name: str) -> Section:
    size, threshold = row["kernel_size"], row["threshold"]
    percents = {name: float(row["random_percents"][name]) for name in CONTROLS}
    if not np.isfinite(kernels).all():
        raise ValueError(f"the codebook of {size}x{size} is not finite")
    if not (0 < float(threshold) <= 2 and all(0 <= x <= 100 for x in percents.values())):
        raise ValueError(f"threshold or random_percents of {size}x{size} are out of range")
    labels = [
        (f"row {number}", dict(zip(("start", "stop", "class"), cells, strict=True)))
        for number, cells in enumerate(row["labels"], start=1)
    ]
    intervals = check_rows(labels, f"{file_name}, labels of {size}x{size}")
    return Section(METHODS[row["method"]](kernels), intervals, float(threshold), percents)


def _make_empty(row: Mapping[str, Any]) -> Section:
    size, threshold = row["kernel_size"], float(row["threshold"])
    matched = float(row["random_percents"]["matched"])
    if type(size) is not int or not 1 < size < 100:
        raise ValueError("a section without codes has no kernel size")
    if not (0 < threshold <= 2 and 0 <= matched <= 100):
        raise ValueError(f"threshold or random_percents of {size}x{size} are out of range")
    return Section.without_codes(size, threshold, {"matched": matched})


def _check_training(row: Mapping[str, Any]) -> dict[str, Any]:
    counts = {name: row[name] for name in ("kernel_size", "n_kernels", "n_dead")}
    if not all(type(count) is int and count >= 0 for count in counts.values()):
        raise ValueError("a count of its training set is no number")
    return {"model": _plain(row["model"]), **counts}


def _plain(value: Any) -> Any:
    """A short text that can be printed, or a number."""
    if type(value) in (int, float) or (isinstance(value, str) and one_line(value) == value):
        return value
    raise ValueError("its description holds what cannot be printed")


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} in its description")
