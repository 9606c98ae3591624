"""Replace the kernels of a checkpoint by their members, keys or codes: does it matter?"""

import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from kernel_atlas import sphere
from kernel_atlas.atlas import Atlas
from kernel_atlas.checkpoints.choice import Choice, shorten
from kernel_atlas.checkpoints.depthwise import Depthwise
from kernel_atlas.checkpoints.formats import SAFETENSORS, format_of
from kernel_atlas.checkpoints.inventory import Reading
from kernel_atlas.checkpoints.layer import Layer
from kernel_atlas.checkpoints.read import read_checkpoint
from kernel_atlas.errors import AtlasError
from kernel_atlas.extraction.extract import Downloads, checked
from kernel_atlas.family.fit import find_matched, fit_members, make_members
from kernel_atlas.family.functions import unit
from kernel_atlas.family.keys import KEY_SIZE, find_nearest, read_keys
from kernel_atlas.networks import find_architecture
from kernel_atlas.section import Section
from kernel_atlas.sources import schemes
from kernel_atlas.sources.arguments import to_source
from kernel_atlas.sources.download import downloaded
from kernel_atlas.sources.local import LocalFile
from kernel_atlas.sources.shards import parts_of

if TYPE_CHECKING:
    import torch

# Takes live kernels (n, k, k); gives a shape for each, centred, of unit norm, and whether it fits.
Describe = Callable[[np.ndarray, Section], tuple[np.ndarray, np.ndarray]]


def describe_by_members(kernels: np.ndarray, section: Section) -> tuple[np.ndarray, np.ndarray]:
    """The nearest member of the DoG family; it fits if the kernel is matched."""
    members = fit_members(kernels, threads=len(os.sched_getaffinity(0)))
    return make_members(members, kernels.shape[-1]), find_matched(members, section.threshold)


def describe_by_keys(kernels: np.ndarray, section: Section) -> tuple[np.ndarray, np.ndarray]:
    """The nearest master key; it fits if it describes the kernel, with a gain of either sign."""
    if kernels.shape[-1] != KEY_SIZE:
        return np.zeros(kernels.shape), np.zeros(len(kernels), bool)
    keys = read_keys()
    nearest = find_nearest(kernels, keys)
    return keys[nearest.key], nearest.is_described


def describe_by_codes(kernels: np.ndarray, section: Section) -> tuple[np.ndarray, np.ndarray]:
    """The nearest code's kernel; it fits if the kernel is near."""
    codebook = section.codebook
    if not len(codebook):
        return np.zeros(kernels.shape), np.zeros(len(kernels), bool)
    rows, dissimilarity = codebook.nearest(kernels)
    return unit(codebook.kernels[rows].astype(np.float64)), dissimilarity < section.threshold


DESCRIPTIONS: dict[str, Describe] = {
    "members": describe_by_members,
    "keys": describe_by_keys,
    "codes": describe_by_codes,
}


def replace_kernels(
    source: str | Path,
    path: str | Path,
    how: str,
    *,
    atlas: Atlas | None = None,
    zero_rest: bool = False,
    overwrite: bool = False,
    choice: Choice | None = None,
    sha256: str = "",
) -> pd.DataFrame:
    """Write a checkpoint with its kernels replaced: gain times shape plus mean of each kernel.

    All other tensors stay equal to the byte, and types stay. Of the kernels that no shape fits,
    nothing changes unless `zero_rest`.

    Parameters
    ----------
    source : path or str
        A .safetensors file or a pickle of torch: its path, or a source URI.
    path : path
        Written, as .safetensors.
    how : str
        ``members``: matched kernels by their member of the DoG family; ``keys``: 7x7 kernels
        by the master key that describes them; ``codes``: near kernels by their nearest code.
    atlas : Atlas, optional
        For thresholds and codes; by default the bundled one.
    zero_rest : bool, default=False
        Set all other kernels of depthwise layers to zero.
    overwrite : bool, default=False
        Replace an older file.
    choice : Choice, optional
        Which weights count.
    sha256 : str
        Expected checksum of the file.

    Returns
    -------
    DataFrame
        One row per layer: `layer`, `kernel_size`, `n_kernels`, `n_replaced`, and in `note` why
        none of its kernels could be.

    Raises
    ------
    AtlasError
        If it cannot be read or written, nothing can be replaced, or the file exists.
    """
    if Path(path).exists() and not overwrite:
        raise AtlasError(f"{path} exists; name another file, or allow overwriting")
    from kernel_atlas.checkpoints.rewrite import read_whole, write_whole

    atlas = Atlas.load() if atlas is None else atlas
    choice = choice or Choice()
    with ExitStack() as stack:
        reading, files, kind = _read(to_source(str(source)), choice, sha256, stack)
        whole = read_whole(files, kind, choice.weights)
        rows = []
        replaced: dict[str, torch.Tensor] = {}
        for layer in reading.layers:
            name = whole.names.get(layer.weight, "")
            made, is_replaced = replace_layer(layer.kernels, atlas, how, zero_rest)
            note = _find_note(layer, atlas, how)
            if not name:
                note = "weights stored as factors"
                is_replaced[:] = False
            else:
                replaced |= _put(whole.tensors, name, made, is_replaced | zero_rest)
            rows.append(
                {
                    "layer": layer.name,
                    "kernel_size": layer.kernels.shape[-1],
                    "n_kernels": len(layer.kernels),
                    "n_replaced": int(is_replaced.sum()),
                    "note": note,
                }
            )
        table = pd.DataFrame(rows)
        if not table["n_replaced"].sum():
            notes = ", ".join(filter(None, dict.fromkeys(table["note"])))
            raise AtlasError(
                f"{files[0].name}: no kernel can be replaced by {how}{f' ({notes})' * bool(notes)}"
            )
        write_whole(whole, replaced, path)
    return table


def replacement_to_text(table: pd.DataFrame) -> str:
    """One line per kernel size, and per reason for which layers are as they were."""
    lines = [
        f"{size}x{size}: {rows['n_replaced'].sum():,} of {rows['n_kernels'].sum():,} kernels "
        f"replaced, in {(rows['n_replaced'] > 0).sum()} of {len(rows)} layers"
        for size, rows in table.groupby("kernel_size")
    ]
    for note, rows in table[table["note"] != ""].groupby("note", sort=False):
        lines.append(f"not replaced, {note}: {shorten(rows['layer'])}")
    return "\n".join(lines)


def replace_layer(
    kernels: np.ndarray, atlas: Atlas, how: str, zero_rest: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Replace the kernels of a layer.

    Parameters
    ----------
    kernels : ndarray of shape (n, k, k)

    Returns
    -------
    made : ndarray of shape (n, k, k), float64
        gain * shape + mean, with the gain of least squares; else the kernel, or zeros.
    is_replaced : ndarray of shape (n,), bool
    """
    is_replaced = np.zeros(len(kernels), bool)
    made = np.zeros(kernels.shape) if zero_rest else kernels.astype(np.float64)
    live = np.flatnonzero(~sphere.find_dead(kernels))
    if len(live):
        chosen = kernels[live].astype(np.float64)
        shapes, fits = DESCRIPTIONS[how](kernels[live], atlas.section(kernels.shape[-1]))
        gain = (shapes * sphere.centre(chosen)).sum(axis=(1, 2), keepdims=True)
        mean = chosen.mean(axis=(1, 2), keepdims=True)
        is_replaced[live[fits]] = True
        made[live[fits]] = (gain * shapes + mean)[fits]
    return made, is_replaced


def _put(
    tensors: "Mapping[str, torch.Tensor]", name: str, kernels: np.ndarray, chosen: np.ndarray
) -> "dict[str, torch.Tensor]":
    """A weight with the chosen kernels in it, under its name and those of equal (tied) weights."""
    import torch

    old = tensors[name]
    new = old.clone(memory_format=torch.contiguous_format)
    new[torch.from_numpy(chosen)] = torch.from_numpy(kernels[chosen])[:, None].to(old.dtype)
    return {
        other: new
        for other, tensor in tensors.items()
        if tensor.shape == old.shape and tensor.dtype == old.dtype and torch.equal(tensor, old)
    }


def _find_note(layer: Layer, atlas: Atlas, how: str) -> str:
    size = layer.kernels.shape[-1]
    if how == "keys" and size != KEY_SIZE:
        return f"the keys are {KEY_SIZE}x{KEY_SIZE}"
    if how == "codes" and not len(atlas.section(size).codebook):
        return f"the atlas has no codes of {size}x{size}"
    return ""


def _read(
    source: str, choice: Choice, sha256: str, stack: ExitStack
) -> tuple[Reading, list[LocalFile], str]:
    """The layers of a source, and its files on this machine, downloaded if they are not."""
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="kernel-atlas-"))
    downloads = Downloads(folder, schemes.DOWNLOAD_MB, keep=False)
    architecture = find_architecture(source)
    file = schemes.locate(architecture.source if architecture else source)
    readable = stack.enter_context(checked(file, sha256, downloads))
    selection = Depthwise(choice, architecture.sizes if architecture else {})
    reading = read_checkpoint(readable, selection)
    kind = format_of(readable)
    parts = parts_of(readable) if kind == SAFETENSORS else [readable]
    files = [
        part
        if isinstance(part, LocalFile)
        else stack.enter_context(downloaded(part, "", *downloads))
        for part in parts
    ]
    return reading, files, kind
