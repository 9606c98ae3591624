"""What the description of an atlas file says of each kernel size, and what it may say.

Faults are raised as ValueError and its like, which the reader of the file names.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kernel_atlas.codebooks.codebook import Centres, Codebook
from kernel_atlas.errors import one_line
from kernel_atlas.labels.table import check_rows
from kernel_atlas.section import Section

METHODS: dict[str, type[Codebook]] = {"autoencoder": Codebook, "kmeans": Centres}

CONTROLS = ("near", "clustered", "matched")  # of random_percents; the last needs no codes


def describe_section(size: int, section: Section) -> dict[str, Any]:
    """All of a section but its codes."""
    (method,) = (name for name, made_by in METHODS.items() if type(section.codebook) is made_by)
    return {
        "kernel_size": size,
        "method": method,
        "shape": list(section.codebook.kernels.shape),
        "dtype": str(section.codebook.kernels.dtype),
        **describe_measure(section),
        "labels": [[float(row.start), float(row.stop), row.label] for row in section.intervals],
    }


def describe_measure(section: Section) -> dict[str, Any]:
    """What a section without codes has, too."""
    return {"threshold": section.threshold, "random_percents": section.random_percents}


def check_shape(row: Mapping[str, Any]) -> tuple[int, int, int]:
    """The shape of the codebook that a row describes."""
    size, (n_codes, *sides) = row["kernel_size"], row["shape"]
    is_sound = all(type(n) is int and n > 0 for n in (size, n_codes)) and sides == [size, size]
    if not is_sound or row["dtype"] not in ("float32", "float64"):
        raise ValueError("a codebook has no shape of kernels")
    return n_codes, size, size


def item_bytes(row: Mapping[str, Any]) -> int:
    """Bytes of one number of its codebook."""
    return np.dtype(row["dtype"]).itemsize


def make_section(row: Mapping[str, Any], kernels: np.ndarray, file_name: str) -> Section:
    """The section that a row describes, with its codes, shape (n, k, k)."""
    size = row["kernel_size"]
    if not np.isfinite(kernels).all():
        raise ValueError(f"the codebook of {size}x{size} is not finite")
    threshold, percents = _check_measure(row, CONTROLS)
    labels = [
        (f"row {number}", dict(zip(("start", "stop", "class"), cells, strict=True)))
        for number, cells in enumerate(row["labels"], start=1)
    ]
    intervals = check_rows(labels, f"{file_name}, labels of {size}x{size}")
    return Section(METHODS[row["method"]](kernels), intervals, threshold, percents)


def make_empty(row: Mapping[str, Any]) -> Section:
    """The section without codes that a row describes."""
    size = row["kernel_size"]
    if type(size) is not int or not 1 < size < 100:
        raise ValueError("a section without codes has no kernel size")
    return Section.without_codes(size, *_check_measure(row, CONTROLS[-1:]))


def _check_measure(
    row: Mapping[str, Any], controls: Sequence[str]
) -> tuple[float, dict[str, float]]:
    size, threshold = row["kernel_size"], float(row["threshold"])
    percents = {name: float(row["random_percents"][name]) for name in controls}
    if not (0 < threshold <= 2 and all(0 <= x <= 100 for x in percents.values())):
        raise ValueError(f"threshold or random_percents of {size}x{size} are out of range")
    return threshold, percents


def check_training(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the training set."""
    counts = {name: row[name] for name in ("kernel_size", "n_kernels", "n_dead")}
    if not all(type(count) is int and count >= 0 for count in counts.values()):
        raise ValueError("a count of its training set is no number")
    return {"model": check_plain(row["model"]), **counts}


def check_plain(value: Any) -> Any:
    """A short text that can be printed, or a number."""
    if type(value) in (int, float) or (isinstance(value, str) and one_line(value) == value):
        return value
    raise ValueError("its description holds what cannot be printed")
