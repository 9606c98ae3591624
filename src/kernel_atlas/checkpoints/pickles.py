"""Read depthwise kernels from a pickle that torch wrote, without running what it holds.

In a process of its own (`sources.apart`): what is hostile may still ask for much.
"""

import argparse
import pickle
import re
import zipfile
from typing import Any

import numpy as np
import torch

from kernel_atlas.checkpoints.layer import Layer, Selection, layer_name
from kernel_atlas.checkpoints.limits import choose_rows
from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.local import LocalFile

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
    is_zip = zipfile.is_zipfile(file.path)
    # training codes store their command line; a Namespace is inert
    torch.serialization.add_safe_globals([argparse.Namespace])
    try:
        if is_zip:
            _check_members(file)
        content = torch.load(file.path, map_location="cpu", weights_only=True, mmap=is_zip)
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
    except (AtlasError, MemoryError):
        raise
    # torch.load has no exception of its own: a damaged file ends it in any
    except Exception as error:
        if "can't allocate memory" in str(error):
            raise MemoryError from None
        raise AtlasError(f"{file.name} is no whole checkpoint ({_first_line(error)})") from None
    tensors = {
        name: tensor
        for name, tensor in _state_dict(content, file.name).items()
        if isinstance(name, str) and isinstance(tensor, torch.Tensor) and not tensor.is_nested
    }
    rows = choose_rows(
        selection, {name: tuple(tensor.shape) for name, tensor in tensors.items()}, file.name
    )
    layers = []
    for name, chosen in rows.items():
        tensor = tensors[name].detach()
        _check_tensor(tensor, name, file)
        try:
            weights = tensor[torch.from_numpy(np.asarray(chosen))].float().numpy()
        except (RuntimeError, NotImplementedError):  # types that torch only stores
            raise AtlasError(
                f"layer {layer_name(name)}: {tensor.dtype} weights cannot be read"
            ) from None
        layers.append(Layer(layer_name(name), selection.kernels(name, weights)))
    return layers


def _check_members(file: LocalFile) -> None:
    """Refuse a zip archive that unpacks to more than it is; torch writes plain ones.

    Of a compressed member, torch's memory-mapping would take the compressed bytes for weights.
    """
    with zipfile.ZipFile(file.path) as archive:
        members = archive.infolist()
    if any(member.filename.endswith("/constants.pkl") for member in members):
        raise AtlasError(
            f"{file.name} is a TorchScript archive, which holds code; "
            "save the model's state_dict alone"
        )
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise AtlasError(
            f"{file.name} is a compressed zip archive, which torch.save never writes; "
            "load and save it anew with torch, or unpack it if it is packed about a checkpoint"
        )
    if sum(member.file_size for member in members) > (file.size or 0):
        raise AtlasError(f"{file.name} is no whole checkpoint (its members overlap)")


def _check_tensor(tensor: torch.Tensor, name: str, file: LocalFile) -> None:
    """Refuse weights that are not plain floating point, each with bytes of its own in the file."""
    kind = tensor.dtype if tensor.layout is torch.strided else tensor.layout
    if not tensor.is_floating_point() or kind is tensor.layout or tensor.is_meta:
        what = "meta" if tensor.is_meta else str(kind).removeprefix("torch.")
        raise AtlasError(f"layer {layer_name(name)}: {what} weights; only floating point is read")
    if tensor.numel() * tensor.element_size() > (file.size or 0):
        shape = "x".join(map(str, tensor.shape))
        raise AtlasError(
            f"layer {layer_name(name)}: weights of shape {shape} in a file of {file.size:,} bytes"
        )


def _state_dict(content: Any, name: str) -> dict[str, Any]:
    """The mapping of names to tensors, wherever the training code put it."""
    for _ in WEIGHT_KEYS:  # each once at most: a dict may hold itself
        if not isinstance(content, dict):
            break
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
