"""Read all tensors of a checkpoint as they are, and write them as .safetensors."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open

from kernel_atlas.atomic import replacing
from kernel_atlas.checkpoints.choice import under_prefix
from kernel_atlas.checkpoints.entry import Part
from kernel_atlas.checkpoints.formats import PICKLE, SAFETENSORS
from kernel_atlas.checkpoints.pickles import StateDict, as_tensor, load_pickle, shape_of
from kernel_atlas.checkpoints.states import choose_state
from kernel_atlas.errors import AtlasError, one_line
from kernel_atlas.sources.local import LocalFile


class Whole(NamedTuple):
    """All tensors of a checkpoint.

    Attributes
    ----------
    tensors : dict
        By name, of the checkpoint's own types.
    metadata : dict or None
        Of a .safetensors file in one part.
    names : mapping
        From the names that `Layer.weight` uses, without the chosen prefix, to the tensors'.
    """

    tensors: dict[str, torch.Tensor]
    metadata: dict[str, str] | None
    names: Mapping[str, str]


def read_whole(files: Sequence[LocalFile], kind: str, weights: str) -> Whole:
    """Read a checkpoint whose kernels have been read before, in a process of their own.

    Parameters
    ----------
    files : sequence of LocalFile
        Its parts.
    kind : str
        From `formats.format_of`.
    weights : str
        As `Choice.weights`. Of a pickle, the weights that it chooses are read and no others.

    Raises
    ------
    AtlasError
        If the format is another one, or the file holds types that torch lacks.
    """
    metadata = None
    if kind == SAFETENSORS:
        tensors: dict[str, torch.Tensor] = {}
        prefix = weights
        try:
            for file in files:
                with safe_open(file.path, "pt") as opened:
                    tensors |= {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
                    metadata = opened.metadata() if len(files) == 1 else None
        except (SafetensorError, AttributeError) as error:
            raise AtlasError(f"{file.name} cannot be rewritten: {one_line(error)}") from None
    elif kind == PICKLE:
        (file,) = files
        with warnings.catch_warnings(action="ignore"):  # torch's are for programmers
            content = load_pickle(file)
        state, prefix, _ = choose_state(content, weights, shape_of, file.name)
        tensors = {
            name: as_tensor(value).detach()
            for name, value in state.items()
            if isinstance(name, str) and shape_of(value) is not None
        }
    else:
        raise AtlasError(
            f"{files[0].name} cannot be rewritten: of the formats that are read, .safetensors and "
            "torch's pickles can; save its weights as one of them"
        )
    part = under_prefix(StateDict(tensors), prefix, files[0].name)
    names = part.names if isinstance(part, Part) else {name: name for name in tensors}
    return Whole(tensors, metadata, names)


def write_whole(whole: Whole, path: str | Path) -> None:
    """Write all tensors as one .safetensors file, whole or not at all.

    Tensors that share memory are written one by one, with equal values.

    Raises
    ------
    AtlasError
        If the format lacks the type of a tensor.
    NoSpaceError
        If the disk is full.
    """
    try:
        plain = {name: tensor.contiguous().clone() for name, tensor in whole.tensors.items()}
        with replacing(path) as partial:
            safetensors.torch.save_file(plain, partial, whole.metadata)
    # types that torch or the format can only hold in other ways
    except (ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise AtlasError(f"{path} cannot be written: {one_line(error)}") from None
