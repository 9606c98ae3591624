"""Read the depthwise kernels of a local checkpoint, and nothing else of it."""

import logging
import re
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kernel_atlas.errors import AtlasError

logger = logging.getLogger(__name__)

# where training codes put the weights; averaged weights first, as timm takes them
WEIGHT_KEYS = ("state_dict_ema", "model_ema", "state_dict", "model")
# put before every name by torch's data-parallel and compile wrappers
WRAPPER_PREFIXES = re.compile(r"^(module\.|_orig_mod\.)+")


@dataclass(frozen=True)
class Layer:
    """One depthwise layer: its name and kernels, float32 of shape (n, k, k)."""

    name: str
    kernels: np.ndarray


@dataclass(frozen=True)
class Checkpoint:
    """The depthwise layers of a checkpoint, in network order."""

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
        the top or under one of `WEIGHT_KEYS`. Nothing but tensors and plain
        containers is unpickled.

    Raises
    ------
    AtlasError
        If the file cannot be read whole, holds code, has no depthwise kernel,
        or has one that is not finite; layer and cause are named.
    """
    read = _read_safetensors if path.suffix == ".safetensors" else _read_pickle
    checkpoint = read(path)
    if not checkpoint.layers:
        raise AtlasError(f"{path.name} has no depthwise kernel (no weight of shape n x 1 x k x k)")
    for layer in checkpoint.layers:
        bad = ~np.isfinite(layer.kernels).all(axis=(1, 2))
        if bad.any():
            raise AtlasError(
                f"layer {layer.name}: {bad.sum()} of {len(bad)} kernels hold NaN or infinite "
                f"weights (first: channel {bad.argmax()}); the checkpoint is broken"
            )
    return checkpoint


def _read_safetensors(path: Path) -> Checkpoint:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            dtypes = {
                name: part.get_dtype()
                for name in file.keys()  # noqa: SIM118, it is no dict
                if is_depthwise(tuple((part := file.get_slice(name)).get_shape()))
            }
        # numpy has no bfloat16; torch is imported only for files that need it
        framework = "pt" if "BF16" in dtypes.values() else "numpy"
        with safe_open(path, framework=framework) as file:
            # a header is sorted by name, so that blocks.10 stands before blocks.9
            weights = {name: file.get_tensor(name) for name in sorted(dtypes, key=_natural)}
        with path.open("rb") as binary:
            header_bytes = 8 + int.from_bytes(binary.read(8), "little")
    except (SafetensorError, OSError) as error:
        raise AtlasError(f"{path.name} is no whole safetensors file ({error})") from None
    bytes_read = header_bytes + sum(tensor.nbytes for tensor in weights.values())
    return Checkpoint([_layer(*item) for item in weights.items()], bytes_read)


def _read_pickle(path: Path) -> Checkpoint:
    import argparse
    import pickle

    import torch

    # training codes store their command line; a Namespace is inert
    torch.serialization.add_safe_globals([argparse.Namespace])
    try:
        content = torch.load(
            path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path)
        )
    except pickle.UnpicklingError as error:
        forbidden = re.search(
            r"[Uu]nsupported (?:class|global):? (?:GLOBAL )?(\S+)|GLOBAL (\S+)", str(error)
        )
        if forbidden:
            name = forbidden[1] or forbidden[2]
            raise AtlasError(
                f"{path.name} holds {name}, which is code and is never unpickled; "
                "save the model's state_dict alone"
            ) from None
        # torch's message is advice to unpickle the file all the same
        raise AtlasError(f"{path.name} is no whole checkpoint (not a pickle of weights)") from None
    # torch.load has no exception of its own: a damaged file ends it in any of these
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, TypeError, IndexError,
            AttributeError, UnicodeDecodeError, AssertionError, struct.error,
            zipfile.BadZipFile) as error:  # fmt: skip
        raise AtlasError(f"{path.name} is no whole checkpoint ({_first_line(error)})") from None
    layers = [
        _layer(name, tensor)
        for name, tensor in _state_dict(content, path).items()
        if isinstance(tensor, torch.Tensor) and is_depthwise(tuple(tensor.shape))
    ]
    return Checkpoint(layers, path.stat().st_size)


def _state_dict(content: Any, path: Path) -> dict[str, Any]:
    """The mapping of names to tensors, wherever the training code put it."""
    import torch

    while isinstance(content, dict):
        # before the tensors at this level: training codes keep an accuracy beside the weights
        inner = [content[key] for key in WEIGHT_KEYS if isinstance(content.get(key), dict)]
        if not inner:
            if any(isinstance(value, torch.Tensor) for value in content.values()):
                return content
            break
        content = inner[0]
    raise AtlasError(
        f"{path.name} has no weights at its top or under {', '.join(WEIGHT_KEYS)}; "
        "save the model's state_dict"
    )


def _layer(name: str, weights: Any) -> Layer:
    """A layer from a numpy array or torch tensor of shape (n, 1, k, k), of any float type."""
    name = WRAPPER_PREFIXES.sub("", name).removesuffix(".weight")
    if not isinstance(weights, np.ndarray):
        weights = weights.detach()
        weights = (weights.float() if weights.is_floating_point() else weights).numpy()
    if not np.issubdtype(weights.dtype, np.floating):
        raise AtlasError(f"layer {name}: {weights.dtype} weights; only floating point is read")
    with np.errstate(over="ignore"):  # what overflows is infinite and reported as such
        return Layer(name, weights[:, 0].astype(np.float32))


def _natural(name: str) -> list[tuple[int, str]]:
    """A sort key by which block.10 follows block.9."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no detail'}"
