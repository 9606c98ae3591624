"""Read the kernels of a checkpoint, and as little else of it as its format allows."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.file import LocalFile
from kernel_atlas.sources.remote import RemoteFile

# put before every name by torch's data-parallel and compile wrappers
WRAPPER_PREFIXES = re.compile(r"^(module\.|_orig_mod\.)+")
_SPLIT = re.compile("[0-9]{1,3}")  # number of a split in a mixed convolution


@dataclass(frozen=True)
class Layer:
    """Kernels of one size of one layer, float32 of shape (n, k, k)."""

    name: str
    kernels: np.ndarray
    stride: int | None = None  # None: not known from the weights alone
    dilation: int | None = None


class Selection(Protocol):
    """Which kernels to read: `Depthwise`, or `regular.RegularSample`."""

    what: str  # for the error when there are none

    def rows(self, name: str, shape: tuple[int, ...]) -> Sequence[int] | np.ndarray | None:
        """Which entries of a weight's first dimension to read, ascending; None for none."""

    def kernels(self, name: str, weights: np.ndarray) -> np.ndarray:
        """Kernels of shape (n, k, k) from these entries, of shape (rows, channels, k, k)."""


class Depthwise:
    """All kernels of all depthwise convolutions."""

    what = (
        "depthwise kernel (no weight of shape n x 1 x k x k); "
        "of regular convolutions, role 'compare' takes a sample"
    )

    def rows(self, name: str, shape: tuple[int, ...]) -> range | None:
        """All of a depthwise weight."""
        return range(shape[0]) if is_depthwise(shape) else None

    def kernels(self, name: str, weights: np.ndarray) -> np.ndarray:
        """The weight without its dimension of one input channel."""
        return weights[:, 0]


def is_depthwise(shape: tuple[int, ...]) -> bool:
    """Whether a weight of this shape belongs to a depthwise convolution with square kernels.

    Shape (channels, 1, k, k) with more than one channel and k > 1.
    """
    return len(shape) == 4 and shape[0] > 1 and shape[1] == 1 and shape[2] == shape[3] > 1


def read_checkpoint(file: LocalFile | RemoteFile, selection: Selection) -> list[Layer]:
    """Read the selected kernels of a .safetensors file or of a pickle (.pth, .pth.tar, .pt, .bin).

    Parameters
    ----------
    file : LocalFile or RemoteFile
        Pickles must be local; they may be zip archives or of the legacy format, with
        the weights at the top or under one of `pickles.WEIGHT_KEYS`. Nothing but
        tensors and plain containers is unpickled.
    selection : Selection

    Returns
    -------
    list of Layer
        In the order of a pickle's state dict, or of a .safetensors file's names.

    Raises
    ------
    AtlasError
        If the file cannot be read whole, holds code, has no such kernel,
        or has one that is not finite; layer and cause are named.
    """
    if isinstance(file, RemoteFile) or is_safetensors(file.name):
        from kernel_atlas.sources.safetensors import read_safetensors

        layers = read_safetensors(file, selection)
    else:
        from kernel_atlas.sources.apart import read_apart

        layers = read_apart(file, selection)
        file.bytes_read = file.path.stat().st_size
    if not layers:
        raise AtlasError(f"{file.name} has no {selection.what}")
    layers = join_splits(layers)
    for (name, _), count in Counter(_identity(layer) for layer in layers).items():
        if count > 1:
            raise AtlasError(
                f"layer {name} is {count} times in {file.name}, with and without a prefix such as "
                "'module.'; save one of them"
            )
    for layer in layers:
        bad = ~np.isfinite(layer.kernels).all(axis=(1, 2))
        if bad.any():
            raise AtlasError(
                f"layer {layer.name}: {bad.sum()} of {len(bad)} kernels hold NaN or infinite "
                f"weights (first: channel {bad.argmax()}); the checkpoint is broken"
            )
    return layers


def is_safetensors(name: str) -> bool:
    """Whether a file of this name is read by ranges; any other is a pickle, read as a whole."""
    return Path(name).suffix == ".safetensors"


def layer_name(weight: str) -> str:
    """A layer's name from its weight's: without wrappers' prefixes and ``.weight``."""
    return WRAPPER_PREFIXES.sub("", weight).removesuffix(".weight")


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


def _identity(layer: Layer) -> tuple[str, int]:
    return layer.name, layer.kernels.shape[-1]
