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

from kernel_atlas.atlas_description import (
    check_plain,
    check_shape,
    check_training,
    describe_measure,
    describe_section,
    item_bytes,
    make_empty,
    make_section,
)
from kernel_atlas.atomic import replacing
from kernel_atlas.codebooks.packing import pack, unpack
from kernel_atlas.errors import AtlasError, one_line
from kernel_atlas.section import Section

FORMAT = "kernel-atlas"
FORMAT_VERSION = 1

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
        "sections": [describe_section(size, section) for size, section in sections.items()],
        "without_codes": [
            {"kernel_size": size, **describe_measure(section)} for size, section in without.items()
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
    shapes = {row["kernel_size"]: check_shape(row) for row in rows}
    expected = {_DESCRIPTION, *(f"k{size}.codes" for size in shapes)}
    if version != FORMAT_VERSION or not 0 < len(rows) == len(shapes) <= MAX_SECTIONS:
        raise ValueError("its description is not complete")
    names = [member.filename for member in archive.infolist()]
    for name in names:
        if name not in expected or names.count(name) > 1:
            raise ValueError(f"it has a member {name!r}, which no atlas has")
    sizes_bytes = [math.prod(shapes[row["kernel_size"]]) * item_bytes(row) for row in rows]
    if sum(sizes_bytes) > MAX_CODES_BYTES:
        raise ValueError(f"its codes take {sum(sizes_bytes):,} bytes, too many")
    sections = {}
    for row, n_bytes in zip(rows, sizes_bytes, strict=True):
        size, shape, dtype = row["kernel_size"], shapes[row["kernel_size"]], row["dtype"]
        content = _read_member(archive, members[f"k{size}.codes"], n_bytes)
        if len(content) != n_bytes:
            raise ValueError(f"the codebook of {size}x{size} is not complete")
        sections[size] = make_section(row, unpack(content, shape, dtype), file_name)
    for row in description["without_codes"]:
        section = make_empty(row)
        if row["kernel_size"] in sections or len(sections) >= 2 * MAX_SECTIONS:
            raise ValueError("a kernel size is described twice")
        sections[row["kernel_size"]] = section
    training_set = [check_training(row) for row in description["training_set"]]
    versions = {str(name): check_plain(value) for name, value in description["versions"].items()}
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


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} in its description")
