"""One model: from its source to its group in the store."""

import logging
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from kernel_atlas.checkpoints.choice import Choice
from kernel_atlas.checkpoints.depthwise import Depthwise
from kernel_atlas.checkpoints.formats import SAFETENSORS, format_of
from kernel_atlas.checkpoints.inventory import Reading, describe_doubts
from kernel_atlas.checkpoints.layer import Layer, join_names, without_wrappers
from kernel_atlas.checkpoints.read import read_checkpoint
from kernel_atlas.checkpoints.regular import RegularSample
from kernel_atlas.errors import AtlasError, one_line
from kernel_atlas.extraction.writing import write_model
from kernel_atlas.sources import schemes
from kernel_atlas.sources.download import downloaded
from kernel_atlas.sources.local import LocalFile
from kernel_atlas.sources.remote import RemoteFile
from kernel_atlas.sources.shards import is_sharded
from kernel_atlas.sources.timm import Architecture, read_architecture

logger = logging.getLogger(__name__)


class Downloads(NamedTuple):
    """How to fetch checkpoints that cannot be read by ranges (see `sources.download`)."""

    folder: str
    limit_mb: int
    keep: bool


def extract_kernels(
    model: str,
    source: str,
    sha256: str,
    choice: Choice,
    stamp: str,
    paths_to_architectures: Iterable[str | Path],
    regular: Sequence[int],
    downloads: Downloads,
    path_to_group: str | Path,
) -> None:
    """Extract a model's kernels into its group of the store.

    Parameters
    ----------
    model : str
        The model's id.
    source : str
        The source URI (see `sources.schemes`).
    sha256 : str
        Expected checksum of the checkpoint, 64 hex digits, or empty.
    choice : Choice
        Which entry of the checkpoint to read, and which layers to count.
    stamp : str
        Kept in the group's attributes (see `schemes.stamp`).
    paths_to_architectures : iterable of path
        Written by `resolve_timm`; needed for the scheme ``timm:`` only.
    regular : sequence of int
        Slices per layer and seed of a sample of regular convolutions, to take instead of
        the depthwise kernels; or empty.
    downloads : Downloads
    path_to_group : path
        ``.../kernels.zarr/<model>``.

    Raises
    ------
    AtlasError
        Naming the model, and the layer if one is at fault.
    """
    # Snakemake has deleted the old zarr.json; the rest of that group must not outlive it
    shutil.rmtree(path_to_group, ignore_errors=True)
    try:
        scheme, name = schemes.split(source)
        architecture = read_architecture(name, paths_to_architectures) if scheme == "timm" else None
        reading, facts = read_source(source, sha256, choice, architecture, regular, downloads)
    except AtlasError as error:
        raise type(error)(f"model {model}: {one_line(error)}") from None
    facts = {"model": model, "source": source, "stamp": stamp, **facts}
    write_model(path_to_group, reading.layers, facts)
    for layer in reading.layers:
        logger.info("layer %s: %d kernels of %dx%d", layer.name, *layer.kernels.shape)
        logger.info("its gains: %s (%s)", layer.norm or "not known", layer.norm_why)
    for row in reading.inventory:
        if not row.counted:
            logger.info("not counted: %s %s (%s)", row.name, list(row.shape), row.why)
    if doubts := describe_doubts(reading.inventory):
        logger.warning("model %s: %s", model, doubts)
    logger.info("%s bytes read", f"{facts['bytes_read']:,}")


def read_source(
    source: str,
    sha256: str,
    choice: Choice,
    architecture: Architecture | None,
    regular: Sequence[int],
    downloads: Downloads,
) -> tuple[Reading, dict[str, Any]]:
    """Read the kernels of a source.

    Parameters
    ----------
    architecture : Architecture or None
        What timm says of a source ``timm:``.
    source, sha256, choice, regular, downloads
        As for `extract_kernels`.

    Returns
    -------
    reading : Reading
    facts : dict
        Where the kernels came from: `sha256`, `bytes_read`, `revision`, `url`, `timm`,
        `convolutions` and `inventory`, for JSON.

    Raises
    ------
    AtlasError
        If they cannot be read. The message names the layer if one is at fault.
    """
    selection: Depthwise | RegularSample
    if regular:
        n_slices, seed = regular
        selection = RegularSample(n_slices, seed, choice)
    else:
        selection = (
            Depthwise(choice, architecture.sizes, architecture.norms)
            if architecture
            else Depthwise(choice)
        )
    file = schemes.locate(architecture.source if architecture else source)
    with checked(file, sha256, downloads) as readable:
        reading = read_checkpoint(readable, selection)
    if architecture and not regular:
        reading = reading._replace(layers=arrange(reading.layers, architecture))
    return reading, {
        "sha256": sha256 or file.sha256,
        "bytes_read": max(file.bytes_read, readable.bytes_read),
        "revision": file.revision,
        "url": file.url if isinstance(file, RemoteFile) else None,
        "timm": {"model": architecture.name, "version": architecture.timm_version}
        if architecture
        else None,
        "convolutions": "regular, a sample" if regular else "depthwise",
        "inventory": [row._asdict() for row in reading.inventory],
    }


def is_fetched_whole(file: RemoteFile, sha256: str) -> bool:
    """Whether ranges are not enough: for a pickle, or a checksum that no hub confirms."""
    return format_of(file) != SAFETENSORS or bool(sha256 and not file.sha256)


def arrange(layers: Sequence[Layer], architecture: Architecture) -> list[Layer]:
    """Put a checkpoint's depthwise layers into the network's order, with stride, dilation, padding.

    If the checkpoint names its weights differently from timm, layers are matched by position.

    Raises
    ------
    AtlasError
        If these are not the architecture's layers.
    """
    rows = architecture.layers
    # timm's names as the reader of a checkpoint makes names of layers out of them
    names = join_names([(without_wrappers(row.layer), row.kernel_size) for row in rows])
    sizes = [(row.kernel_size, row.n_kernels) for row in rows]
    expected = [(name, *size) for name, size in zip(names, sizes, strict=True)]
    found = {(layer.name, layer.kernels.shape[-1], len(layer.kernels)): layer for layer in layers}
    has_other_names = found.keys() != set(expected)
    if has_other_names and [key[1:] for key in found] == [key[1:] for key in expected]:
        found = dict(zip(expected, found.values(), strict=True))
    for name, size, count in [*found, *expected]:
        if (name, size, count) not in expected or (name, size, count) not in found:
            raise AtlasError(
                f"layer {name}: its {count} kernels of {size}x{size} are not in both the "
                f"checkpoint and timm's {architecture.name}; it is the checkpoint of another model"
            )
    return [
        replace(found[key], stride=row.stride, dilation=row.dilation, padding=row.padding)
        for key, row in zip(expected, rows, strict=True)
    ]


@contextmanager
def checked(
    file: LocalFile | RemoteFile, sha256: str, downloads: Downloads
) -> Iterator[LocalFile | RemoteFile]:
    """The file after its checksum has been compared, downloaded if it cannot be read by ranges."""
    if sha256 and is_sharded(file.name):
        raise AtlasError(
            f"{file.name} is one of several files of a checkpoint, so no single sha256 can be "
            "checked; leave the column empty"
        )
    if isinstance(file, LocalFile):
        if sha256:
            file.check_sha256(sha256)
        yield file
        return
    if sha256 and file.sha256 and sha256 != file.sha256:
        raise AtlasError(
            f"wrong checksum: {file.name} has SHA-256 {file.sha256} on the hub, the sheet "
            f"expects {sha256}; it is another version"
        )
    if not is_fetched_whole(file, sha256):
        yield file
        return
    with downloaded(file, sha256, *downloads) as local:
        yield local
