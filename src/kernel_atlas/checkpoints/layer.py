"""A layer of kernels, and which rows of a checkpoint's weights are read for it."""

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from kernel_atlas.errors import AtlasError

# Far above any network: a file that declares more is damaged or hostile, and is not read.
MAX_LAYERS = 10_000
MAX_VALUES = 100_000_000  # weights of all kernels, 400 MB
MAX_NAME = 300  # characters

# put before every name by torch's data-parallel and compile wrappers
_WRAPPER_PREFIXES = re.compile(r"^(module\.|_orig_mod\.)+")
_SPLIT = re.compile("[0-9]{1,3}")  # number of a split in a mixed convolution


@dataclass(frozen=True)
class Layer:
    """Kernels of one size of one layer, float32 of shape (n, k, k)."""

    name: str
    kernels: np.ndarray
    stride: int | None = None  # None: not known from the weights alone
    dilation: int | None = None


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


def layer_name(weight: str) -> str:
    """A layer's name from its weight's: without wrappers' prefixes and ``.weight``."""
    return _WRAPPER_PREFIXES.sub("", weight).removesuffix(".weight")


def join_splits(layers: Sequence[Layer]) -> list[Layer]:
    """Give the splits of a mixed convolution (MixConv) the name of the layer that they form.

    They are the parent's only depthwise children, numbered from 0, of sizes 3, 5, 7, ...
    """
    children: dict[str, dict[int, int]] = defaultdict(dict)
    for layer in layers:
        parent, _, number = layer.name.rpartition(".")
        if parent and _SPLIT.fullmatch(number):
            children[parent][int(number)] = layer.kernels.shape[-1]
    mixed = {
        parent
        for parent, sizes in children.items()
        if len(sizes) > 1 and all(sizes.get(i) == 3 + 2 * i for i in range(len(sizes)))
    }
    return [
        replace(layer, name=parent) if (parent := layer.name.rpartition(".")[0]) in mixed else layer
        for layer in layers
    ]
