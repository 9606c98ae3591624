"""Read depthwise kernels from a pickle that torch wrote, without running what it holds."""

import argparse
import pickle
import re
import struct
import zipfile
from typing import Any

import torch

from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.checkpoint import Layer, Selection, layer_name
from kernel_atlas.sources.file import LocalFile

# where training codes put the weights; averaged weights first, as timm takes them
WEIGHT_KEYS = ("state_dict_ema", "model_ema", "state_dict", "model")


def read_pickle(file: LocalFile, selection: Selection) -> list[Layer]:
    """The selected kernels in the order of the state dict.

    Raises
    ------
    AtlasError
        If the file is not whole, holds anything but tensors and plain
        containers, or has its weights in a place that is not known.
    """
    # training codes store their command line; a Namespace is inert
    torch.serialization.add_safe_globals([argparse.Namespace])
    try:
        content = torch.load(
            file.path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(file.path)
        )
    except pickle.UnpicklingError as error:
        forbidden = re.search(
            r"[Uu]nsupported (?:class|global):? (?:GLOBAL )?(\S+)|GLOBAL (\S+)", str(error)
        )
        if forbidden:
            name = forbidden[1] or forbidden[2]
            raise AtlasError(
                f"{file.name} holds {name}, which is code and is never unpickled; "
                "save the model's state_dict alone"
            ) from None
        # torch's message is advice to unpickle the file all the same
        raise AtlasError(f"{file.name} is no whole checkpoint (not a pickle of weights)") from None
    # torch.load has no exception of its own: a damaged file ends it in any of these
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, TypeError, IndexError,
            AttributeError, UnicodeDecodeError, AssertionError, struct.error,
            zipfile.BadZipFile) as error:  # fmt: skip
        if "TorchScript" in str(error):
            raise AtlasError(
                f"{file.name} is a TorchScript archive, which holds code; "
                "save the model's state_dict alone"
            ) from None
        raise AtlasError(f"{file.name} is no whole checkpoint ({_first_line(error)})") from None
    layers = []
    for name, tensor in _state_dict(content, file.name).items():
        if not isinstance(name, str) or not isinstance(tensor, torch.Tensor):
            continue
        rows = selection.rows(name, tuple(tensor.shape))
        if rows is None:
            continue
        if not tensor.is_floating_point():
            dtype = str(tensor.dtype).removeprefix("torch.")
            raise AtlasError(
                f"layer {layer_name(name)}: {dtype} weights; only floating point is read"
            )
        weights = tensor.detach()[torch.from_numpy(rows)].float().numpy()
        layers.append(Layer(layer_name(name), selection.kernels(name, weights)))
    return layers


def _state_dict(content: Any, name: str) -> dict[str, Any]:
    """The mapping of names to tensors, wherever the training code put it."""
    while isinstance(content, dict):
        # before the tensors at this level: training codes keep an accuracy beside the weights
        inner = [content[key] for key in WEIGHT_KEYS if isinstance(content.get(key), dict)]
        if not inner:
            if any(isinstance(value, torch.Tensor) for value in content.values()):
                return content
            break
        content = inner[0]
    raise AtlasError(
        f"{name} has no weights at its top or under {', '.join(WEIGHT_KEYS)}; "
        "save the model's state_dict"
    )


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no detail'}"
