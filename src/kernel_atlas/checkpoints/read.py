"""Read the kernels of a checkpoint, and as little else of it as its format allows."""

from collections import Counter
from pathlib import Path

import numpy as np

from kernel_atlas.checkpoints.layer import Layer, join_splits
from kernel_atlas.checkpoints.selection import Selection
from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.local import LocalFile
from kernel_atlas.sources.remote import RemoteFile


def read_checkpoint(file: LocalFile | RemoteFile, selection: Selection) -> list[Layer]:
    """Read the selected kernels of a .safetensors file or of a pickle (.pth, .pth.tar, .pt, .bin).

    Parameters
    ----------
    file : LocalFile or RemoteFile
        Pickles must be local; they may be zip archives or in torch's older format, with
        the weights at the top level or under one of `pickles.WEIGHT_KEYS`. Only tensors
        and plain containers are unpickled.
    selection : Selection

    Returns
    -------
    list of Layer
        In the order of a pickle's state dict, or of a .safetensors file's names.

    Raises
    ------
    AtlasError
        If the file is not complete, holds code, has no such kernel, or has one that is
        not finite. The message names the layer and the cause.
    """
    if isinstance(file, RemoteFile) or is_safetensors(file.name):
        from kernel_atlas.checkpoints.safetensors import read_safetensors

        layers = read_safetensors(file, selection)
    else:
        from kernel_atlas.checkpoints.process import read_in_process

        layers = read_in_process(file, selection)
        file.bytes_read = file.path.stat().st_size
    if not layers:
        raise AtlasError(f"{file.name} has no {selection.what}")
    layers = join_splits(layers)
    for (name, _), count in Counter((x.name, x.kernels.shape[-1]) for x in layers).items():
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
    """Whether a file of this name is read by ranges; any other is a pickle, read whole."""
    return Path(name).suffix == ".safetensors"
