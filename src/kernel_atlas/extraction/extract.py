"""One model: from its source to its group in the store."""

import logging
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from kernel_atlas.checkpoints.depthwise import Depthwise
from kernel_atlas.checkpoints.read import is_safetensors, read_checkpoint
from kernel_atlas.checkpoints.regular import RegularSample
from kernel_atlas.errors import AtlasError, one_line
from kernel_atlas.extraction import store
from kernel_atlas.extraction.arrange import arrange
from kernel_atlas.sources import schemes
from kernel_atlas.sources.checksum import check_sha256
from kernel_atlas.sources.download import downloaded
from kernel_atlas.sources.local import LocalFile
from kernel_atlas.sources.remote import RemoteFile
from kernel_atlas.sources.timm import Architecture, read_architecture

logger = logging.getLogger(__name__)


class Downloads(NamedTuple):
    """How checkpoints are fetched that cannot be read by ranges (see `sources.download`)."""

    folder: str
    limit_mb: int
    keep: bool


def extract_kernels(
    model: str,
    source: str,
    sha256: str,
    stamp: str,
    paths_to_architectures: Iterable[str | Path],
    regular: RegularSample | None,
    downloads: Downloads,
    path_to_group: str | Path,
) -> None:
    """Extract a model's kernels into its group of the store.

    Parameters
    ----------
    model : str
        The model's id.
    source : str
        The source URI (see `kernel_atlas.sources`).
    sha256 : str
        Expected checksum of the checkpoint, 64 hex digits, or empty.
    stamp : str
        Kept in the group's attributes (see `kernel_atlas.sources.stamp`).
    paths_to_architectures : iterable of path
        What timm says, needed for the scheme ``timm:`` alone.
    regular : RegularSample or None
        The sample of regular convolutions to take instead of the depthwise kernels.
    downloads : Downloads
    path_to_group : path
        ``.../kernels.zarr/<model>``.

    Raises
    ------
    AtlasError
        Naming the model, and the layer where one is at fault.
    """
    # Snakemake has deleted the old zarr.json by now; what it stood for must not outlive it
    shutil.rmtree(path_to_group, ignore_errors=True)
    architecture = None
    try:
        scheme, name = schemes.split(source)
        if scheme == "timm":
            architecture = read_architecture(name, paths_to_architectures)
        file = schemes.locate(architecture.source if architecture else source)
        with _checked(file, sha256, downloads) as readable:
            layers = read_checkpoint(readable, regular or Depthwise())
        if architecture and not regular:
            layers = arrange(layers, architecture)
    except AtlasError as error:
        raise type(error)(f"model {model}: {one_line(error)}") from None
    facts = {
        "model": model,
        "source": source,
        "stamp": stamp,
        "sha256": sha256 or file.sha256,
        "bytes_read": file.bytes_read,
        **_origin(file, architecture),
        "convolutions": "regular, a sample" if regular else "depthwise",
    }
    store.write_model(path_to_group, layers, facts)
    for layer in layers:
        logger.info("layer %s: %d kernels of %dx%d", layer.name, *layer.kernels.shape)
    logger.info("%s bytes read of %s", f"{file.bytes_read:,}", f"{file.size or 0:,}")


def is_fetched_whole(file: RemoteFile, sha256: str) -> bool:
    """Whether ranges will not do: for a pickle, or a checksum that no hub vouches for."""
    return not is_safetensors(file.name) or bool(sha256 and not file.sha256)


@contextmanager
def _checked(
    file: LocalFile | RemoteFile, sha256: str, downloads: Downloads
) -> Iterator[LocalFile | RemoteFile]:
    """The file once its checksum is known to be right, on this machine where it has to be."""
    shard = re.search(r"-\d{5}-of-(\d{5})\.", file.name)
    if shard:
        raise AtlasError(
            f"{file.name} is one of {int(shard[1])} parts of a checkpoint; only checkpoints of one "
            "file are read, so save it as one"
        )
    if isinstance(file, LocalFile):
        if sha256:
            check_sha256(file.path, sha256)
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


def _origin(file: LocalFile | RemoteFile, architecture: Architecture | None) -> dict[str, Any]:
    return {
        "revision": file.revision,
        "url": file.url if isinstance(file, RemoteFile) else None,
        "timm": {"model": architecture.name, "version": architecture.timm_version}
        if architecture
        else None,
    }
