"""Read kernels from a pickle that torch wrote, without running any code in it.

This happens in a process of its own (`checkpoints.process`), since a hostile pickle may
still ask for any amount of memory or time.
"""

import argparse
import pickle
import re
import zipfile
from typing import Any

import numpy as np
import torch

from kernel_atlas.checkpoints.layer import Layer, layer_name
from kernel_atlas.checkpoints.selection import Selection, choose_rows
from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.local import LocalFile

# where training codes put the weights; averaged weights first, as in timm
WEIGHT_KEYS = ("state_dict_ema", "model_ema", "state_dict", "model")


def read_pickle(file: LocalFile, selection: Selection) -> list[Layer]:
    """The selected kernels in the order of the state dict.

    Raises
    ------
    AtlasError
        If the file is not complete, holds anything but tensors and plain containers,
        or has its weights in an unknown place.
    """
    tensors = {
        name: tensor
        for name, tensor in _state_dict(_load(file), file.name).items()
        if isinstance(name, str) and isinstance(tensor, torch.Tensor) and not tensor.is_nested
    }
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    layers = []
    for name, chosen in choose_rows(selection, shapes, file.name).items():
        tensor = tensors[name].detach()
        _check_tensor(tensor, name, file)
        try:
            weights = tensor[torch.from_numpy(np.asarray(chosen))].float().numpy()
        except (RuntimeError, NotImplementedError):  # types that torch can only store
            raise AtlasError(
                f"layer {layer_name(name)}: {tensor.dtype} weights cannot be read"
            ) from None
        layers.append(Layer(layer_name(name), selection.kernels(name, weights)))
    return layers


def _load(file: LocalFile) -> Any:
    """What the pickle holds, if that is tensors and plain containers alone."""
    is_zip = zipfile.is_zipfile(file.path)
    # training codes store their command line; a Namespace is harmless
    torch.serialization.add_safe_globals([argparse.Namespace])
    try:
        if is_zip:
            _check_members(file)
            _refuse_code(torch.serialization.get_unsafe_globals_in_checkpoint(file.path), file)
        return torch.load(file.path, map_location="cpu", weights_only=True, mmap=is_zip)
    except pickle.UnpicklingError as error:
        # torch's function takes zip archives alone; in the older format its error names the code
        _refuse_code(re.findall(r"GLOBAL (\S+)", str(error)), file)
        # without torch's message, which advises to unpickle the file all the same
        cause = "not a pickle of weights"
    except (AtlasError, MemoryError):
        raise
    # a damaged file may raise anything in torch
    except Exception as error:
        if "can't allocate memory" in str(error):
            raise MemoryError from None
        detail = str(error).partition("\n")[0] or "no detail"
        cause = f"{type(error).__name__}: {detail}"
    raise AtlasError(
        f"{file.name} is not a complete checkpoint ({cause}); download or save it again"
    )


def _refuse_code(names: list[str], file: LocalFile) -> None:
    if names:
        raise AtlasError(
            f"{file.name} holds {min(names)}, which is code and is never unpickled; "
            "save the model's state_dict alone"
        )


def _check_members(file: LocalFile) -> None:
    """Refuse a zip archive that unpacks to more than its size; torch does not compress.

    torch's memory mapping would take the bytes of a compressed member for weights.
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
            f"{file.name} is a compressed zip archive: it was re-zipped, or contains a "
            "checkpoint; load the checkpoint with torch and save it again"
        )
    if sum(member.file_size for member in members) > (file.size or 0):
        raise AtlasError(
            f"{file.name} is not a complete checkpoint (its members overlap); save it again"
        )


def _check_tensor(tensor: torch.Tensor, name: str, file: LocalFile) -> None:
    """Refuse weights that are not plain floating point, each with its own bytes in the file."""
    kind = tensor.dtype if tensor.layout is torch.strided else tensor.layout
    if not tensor.is_floating_point() or kind is tensor.layout or tensor.is_meta:
        what = "meta" if tensor.is_meta else str(kind).removeprefix("torch.")
        raise AtlasError(f"layer {layer_name(name)}: {what} weights; only floating point is read")
    if tensor.numel() * tensor.element_size() > (file.size or 0):
        shape = "x".join(map(str, tensor.shape))
        raise AtlasError(
            f"layer {layer_name(name)}: weights of shape {shape} in a file of {file.size:,} bytes; "
            "save the tensor with .contiguous()"
        )


def _state_dict(content: Any, file_name: str) -> dict[str, Any]:
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
        f"{file_name} has no weights at its top level or under {', '.join(WEIGHT_KEYS)}; "
        "save the model's state_dict"
    )
