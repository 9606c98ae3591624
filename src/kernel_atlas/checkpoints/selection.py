"""Which weights of a checkpoint are read as kernels, and how much of it at most.

`depthwise.Depthwise` and `regular.RegularSample` are the two selections.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from kernel_atlas.errors import AtlasError

# Far above any network: a file that declares more is damaged or hostile, and is not read.
MAX_LAYERS = 10_000
MAX_VALUES = 100_000_000  # weights of all kernels, 400 MB
MAX_NAME = 300  # characters


class Selection(Protocol):
    """Which kernels to read: `Depthwise` or `RegularSample`."""

    what: str  # for the error if there are none

    def rows(self, name: str, shape: tuple[int, ...]) -> Sequence[int] | np.ndarray | None:
        """Which rows (first dimension) of a weight to read, ascending; None for none."""

    def kernels(self, name: str, weights: np.ndarray) -> np.ndarray:
        """Kernels of shape (n, k, k) from these rows, of shape (rows, channels, k, k)."""


def choose_rows(
    selection: Selection, shapes: Mapping[str, tuple[int, ...]], file_name: str
) -> dict[str, Sequence[int] | np.ndarray]:
    """The rows to read of each selected weight, before a value is read.

    Raises
    ------
    AtlasError
        If there are more than any network has, or a name could break a line of output.
    """
    rows = {
        name: chosen
        for name, shape in shapes.items()
        if (chosen := selection.rows(name, shape)) is not None
    }
    for name in rows:
        if len(name) > MAX_NAME or not name.isprintable():
            raise AtlasError(
                f"layer {name[:MAX_NAME]!r} of {file_name}: a name has at most {MAX_NAME} "
                "characters, all printable; rename the layer"
            )
    n_values = sum(len(chosen) * math.prod(shapes[name][1:]) for name, chosen in rows.items())
    if len(rows) > MAX_LAYERS or n_values > MAX_VALUES:
        raise AtlasError(
            f"{file_name} has {n_values:,} weights of kernels in {len(rows):,} layers, more than "
            f"any network (at most {MAX_VALUES:,} in {MAX_LAYERS:,} layers are read)"
        )
    return rows
