"""One model: from its source to its group in the store."""

import logging
import shutil
from pathlib import Path

from kernel_atlas import sources, store
from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.checkpoint import read_checkpoint

logger = logging.getLogger(__name__)


def extract_kernels(
    model: str, source: str, sha256: str, stamp: str, path_to_group: str | Path
) -> None:
    """Extract a model's depthwise kernels into its group of the store.

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
    path_to_group : path
        ``.../kernels.zarr/<model>``.

    Raises
    ------
    AtlasError
        Naming the model, and the layer where one is at fault.
    """
    # Snakemake has deleted the old zarr.json by now; what it stood for must not outlive it
    shutil.rmtree(path_to_group, ignore_errors=True)
    try:
        path = sources.locate(source)
        if sha256:
            sources.check_sha256(path, sha256)
        checkpoint = read_checkpoint(path)
    except AtlasError as error:
        raise AtlasError(f"model {model}: {error}") from None
    facts = {
        "model": model,
        "source": source,
        "revision": None,
        "sha256": sha256 or None,
        "stamp": stamp,
        "bytes_read": checkpoint.bytes_read,
    }
    store.write_model(
        path_to_group, [(layer.name, layer.kernels) for layer in checkpoint.layers], facts
    )
    for layer in checkpoint.layers:
        logger.info("layer %s: %d kernels of %dx%d", layer.name, *layer.kernels.shape)
