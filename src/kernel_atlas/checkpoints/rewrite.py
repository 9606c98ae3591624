"""Read all tensors of a checkpoint as they are, and write them as .safetensors."""

import shutil
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open

from kernel_atlas.atomic import replacing
from kernel_atlas.checkpoints.choice import under_prefix
from kernel_atlas.checkpoints.composed import composed_names
from kernel_atlas.checkpoints.entry import Part
from kernel_atlas.checkpoints.formats import PICKLE, SAFETENSORS
from kernel_atlas.checkpoints.header import read_header
from kernel_atlas.checkpoints.pickles import StateDict, shape_of
from kernel_atlas.checkpoints.states import choose_state
from kernel_atlas.checkpoints.unpickling import load_pickle
from kernel_atlas.errors import AtlasError, one_line
from kernel_atlas.sources.local import LocalFile


class Whole(NamedTuple):
    """All tensors of a checkpoint.

    Attributes
    ----------
    tensors : dict
        By name, of the checkpoint's own types.
    names : mapping
        From the names that `Layer.weight` uses, without the chosen prefix, to the tensors'.
        Weights that are stored as factors have none.
    file : LocalFile or None
        The .safetensors file, if it is one.
    """

    tensors: dict[str, torch.Tensor]
    names: Mapping[str, str]
    file: LocalFile | None


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
    if kind == SAFETENSORS:
        tensors: dict[str, torch.Tensor] = {}
        prefix = weights
        try:
            for file in files:
                with safe_open(file.path, "pt") as opened:
                    tensors |= {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        except (SafetensorError, AttributeError) as error:
            raise AtlasError(f"{file.name} cannot be rewritten: {one_line(error)}") from None
    elif kind == PICKLE:
        (file,) = files
        with warnings.catch_warnings(action="ignore"):  # torch's are for programmers
            content = load_pickle(file)
        state, prefix, _ = choose_state(content, weights, shape_of, file.name)
        tensors = StateDict(state).tensors
    else:
        raise AtlasError(
            f"{files[0].name} cannot be rewritten: of the formats that are read, .safetensors and "
            "torch's pickles can; save its weights as one of them"
        )
    part = under_prefix(StateDict(tensors), prefix, files[0].name)
    names = part.names if isinstance(part, Part) else {name: name for name in tensors}
    composed = composed_names(part.entries)
    names = {short: name for short, name in names.items() if short not in composed}
    return Whole(tensors, names, files[0] if kind == SAFETENSORS and len(files) == 1 else None)


def write_whole(whole: Whole, replaced: Mapping[str, torch.Tensor], path: str | Path) -> None:
    """Write a checkpoint with some tensors replaced, as one .safetensors file, whole or not at all.

    A .safetensors file stays as it is to the byte, but for these tensors. Of other checkpoints,
    tensors that share memory are written one by one.

    Parameters
    ----------
    whole : Whole
    replaced : mapping
        By name, of the types and shapes that they had.
    path : path

    Raises
    ------
    AtlasError
        If the format lacks the type of a tensor.
    NoSpaceError
        If the disk is full.
    """
    try:
        with replacing(path) as partial:
            if whole.file:
                shutil.copyfile(whole.file.path, partial)
                places = read_header(whole.file)
                with partial.open("r+b") as file:
                    for name, tensor in replaced.items():
                        file.seek(places[name].start)
                        file.write(tensor.flatten().view(torch.uint8).numpy().tobytes())
            else:
                tensors = whole.tensors | dict(replaced)
                plain = {name: tensor.contiguous().clone() for name, tensor in tensors.items()}
                # the library's own writing to a file gives it permissions of its own
                partial.write_bytes(safetensors.torch.save(plain))
    # types that torch or the format can only hold in other ways
    except (ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise AtlasError(f"{path} cannot be written: {one_line(error)}") from None
