"""Read the depthwise kernels of a local checkpoint, and nothing else of it."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kernel_atlas.errors import AtlasError

# put before every name by torch's data-parallel and compile wrappers
WRAPPER_PREFIXES = re.compile(r"^(module\.|_orig_mod\.)+")


@dataclass(frozen=True)
class Layer:
    """One depthwise layer: its name and kernels, float32 of shape (n, k, k)."""

    name: str
    kernels: np.ndarray


@dataclass(frozen=True)
class Checkpoint:
    """The depthwise layers of a checkpoint: in the order of a pickle's state dict, or by name."""

    layers: list[Layer]
    bytes_read: int


def is_depthwise(shape: tuple[int, ...]) -> bool:
    """Whether a weight of this shape belongs to a depthwise convolution with square kernels.

    Shape (channels, 1, k, k) with more than one channel and k > 1.
    """
    return len(shape) == 4 and shape[0] > 1 and shape[1] == 1 and shape[2] == shape[3] > 1


def read_checkpoint(path: Path) -> Checkpoint:
    """Read the depthwise kernels of a .safetensors file or of a pickle (.pth, .pth.tar, .pt, .bin).

    Parameters
    ----------
    path : Path
        Pickles may be zip archives or of the legacy format, with the weights at
        the top or under one of `pickles.WEIGHT_KEYS`. Nothing but tensors and plain
        containers is unpickled.

    Raises
    ------
    AtlasError
        If the file cannot be read whole, holds code, has no depthwise kernel,
        or has one that is not finite; layer and cause are named.
    """
    if path.suffix == ".safetensors":
        from kernel_atlas.sources.safetensors import read_safetensors as read
    else:
        from kernel_atlas.sources.pickles import read_pickle as read
    checkpoint = read(path)
    if not checkpoint.layers:
        raise AtlasError(f"{path.name} has no depthwise kernel (no weight of shape n x 1 x k x k)")
    for name, count in Counter(layer.name for layer in checkpoint.layers).items():
        if count > 1:
            raise AtlasError(
                f"layer {name} is {count} times in {path.name}, with and without a prefix such as "
                "'module.'; save one of them"
            )
    for layer in checkpoint.layers:
        bad = ~np.isfinite(layer.kernels).all(axis=(1, 2))
        if bad.any():
            raise AtlasError(
                f"layer {layer.name}: {bad.sum()} of {len(bad)} kernels hold NaN or infinite "
                f"weights (first: channel {bad.argmax()}); the checkpoint is broken"
            )
    return checkpoint


def make_layer(name: str, weights: Any) -> Layer:
    """A layer from a weight of shape (n, 1, k, k).

    Parameters
    ----------
    name : str
        The weight's name in the checkpoint.
    weights : ndarray or torch.Tensor
        Of any floating point type.

    Raises
    ------
    AtlasError
        If the weights are not floating point.
    """
    name = WRAPPER_PREFIXES.sub("", name).removesuffix(".weight")
    if not isinstance(weights, np.ndarray) and weights.is_floating_point():
        weights = weights.detach().float().numpy()
    if not isinstance(weights, np.ndarray) or not np.issubdtype(weights.dtype, np.floating):
        dtype = str(weights.dtype).removeprefix("torch.")
        raise AtlasError(f"layer {name}: {dtype} weights; only floating point is read")
    with np.errstate(over="ignore"):  # what overflows is infinite and reported as such
        return Layer(name, weights[:, 0].astype(np.float32))
