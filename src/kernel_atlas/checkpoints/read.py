"""Read the kernels of a checkpoint, and as little else of it as its format allows."""

from collections import Counter

import numpy as np

from kernel_atlas.checkpoints import formats
from kernel_atlas.checkpoints.inventory import MAX_NAMED, Reading
from kernel_atlas.checkpoints.layer import join_splits
from kernel_atlas.checkpoints.selection import Selection, read_selected
from kernel_atlas.errors import AtlasError, one_line
from kernel_atlas.sources.local import LocalFile
from kernel_atlas.sources.remote import RemoteFile
from kernel_atlas.sources.shards import parts_of


def read_checkpoint(file: LocalFile | RemoteFile, selection: Selection) -> Reading:
    """Read the selected kernels of a checkpoint.

    Parameters
    ----------
    file : LocalFile or RemoteFile
        Its content tells the format (`formats`): .safetensors, a pickle of torch, .onnx or
        Keras. Only .safetensors may be on a server. Of a pickle, only tensors, numbers and
        plain containers are unpickled.
    selection : Selection

    Returns
    -------
    Reading
        The layers, in the order of the file (.safetensors: of the names), and all
        candidates.

    Raises
    ------
    AtlasError
        If the file is not complete, holds code, has no such kernel, or has one that is
        not finite. The message names the layer and the cause.
    """
    kind = formats.format_of(file)
    parts = parts_of(file)
    if kind == formats.SAFETENSORS:
        from kernel_atlas.checkpoints.safetensors import Safetensors

        reading = read_selected(Safetensors(parts), selection, file.name)
        file.bytes_read = sum(part.bytes_read for part in {file, *parts})
    else:
        from kernel_atlas.checkpoints.process import read_in_process

        assert isinstance(file, LocalFile)
        reading = read_in_process(file, kind, selection)
        file.bytes_read = file.path.stat().st_size
    return finish(reading, selection, file.name)


def finish(reading: Reading, selection: Selection, name: str) -> Reading:
    """The reading, its layers joined and checked.

    Raises
    ------
    AtlasError
        If there are none, two have the same name, or one is not finite.
    """
    if not reading.layers:
        raise AtlasError(_none_found(reading, selection, name))
    layers = join_splits(reading.layers)
    for (layer, _), count in Counter((x.name, x.kernels.shape[-1]) for x in layers).items():
        if count > 1:
            raise AtlasError(
                f"layer {layer} is {count} times in {name}, with and without a prefix such as "
                "'module.'; choose one in weights, or save one of them"
            )
    for x in layers:
        bad = ~np.isfinite(x.kernels).all(axis=(1, 2))
        if bad.any():
            raise AtlasError(
                f"layer {x.name}: {bad.sum()} of {len(bad)} kernels hold NaN or infinite "
                f"weights (first: channel {bad.argmax()}); the checkpoint is broken"
            )
    return reading._replace(layers=layers)


def _none_found(reading: Reading, selection: Selection, name: str) -> str:
    if not reading.inventory:
        return f"{name} has no {selection.what}"
    rows = reading.inventory[:MAX_NAMED]
    named = "; ".join(f"layer {row.name}: {row.why}" for row in rows)
    more = len(reading.inventory) - len(rows)
    what = selection.what.partition(" (")[0]
    return one_line(
        f"{name} has no {what} that is counted; {named}{f'; and {more} more' * (more > 0)}"
    )
