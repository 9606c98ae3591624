"""The depthwise layers of a network, given in any form: a module, a file, an array, a source."""

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kernel_atlas.checkpoints.choice import Choice
from kernel_atlas.checkpoints.inventory import Candidate, Reading
from kernel_atlas.checkpoints.layer import Layer
from kernel_atlas.errors import AtlasError, one_line
from kernel_atlas.sources import schemes
from kernel_atlas.sources.arguments import to_source

if TYPE_CHECKING:
    from kernel_atlas.sources.timm import Architecture

ARRAY = "kernels"  # the name of the only layer of an array


def read_network(x: Any, choice: Choice, sha256: str = "") -> tuple[str, Reading]:
    """Read the depthwise layers of a network.

    Parameters
    ----------
    x : torch.nn.Module, mapping, array, path or str
        As in `Atlas.classify`.
    choice : Choice
    sha256 : str
        Expected checksum, if x names a file.

    Returns
    -------
    str
        What to call the network.
    Reading

    Raises
    ------
    AtlasError
        If it cannot be read, or has no depthwise kernels.
    """
    if isinstance(x, str | Path):
        return str(x), read_source(to_source(x), choice, sha256)
    if "torch" in sys.modules and isinstance(x, sys.modules["torch"].nn.Module):
        from kernel_atlas.checkpoints.modules import read_module

        return type(x).__name__, read_module(x, choice)
    if isinstance(x, Mapping):
        from kernel_atlas.checkpoints.modules import read_state_dict

        return "state dict", read_state_dict(x, choice)
    if hasattr(x, "__array__"):
        return "array", read_array(x)
    raise AtlasError(
        f"a {type(x).__name__} cannot be classified; give a torch module, a state dict, an array "
        "of kernels, a path or a source such as timm:NAME"
    )


def read_source(source: str, choice: Choice, sha256: str = "") -> Reading:
    """Read what a source URI names. Downloads of whole files are deleted when read.

    Raises
    ------
    AtlasError
        If it cannot be read, or has no depthwise kernels.
    """
    from kernel_atlas.extraction import extract

    with tempfile.TemporaryDirectory(prefix="kernel-atlas-") as folder:
        downloads = extract.Downloads(folder, schemes.DOWNLOAD_MB, keep=False)
        reading, _ = extract.read_source(
            source, sha256, choice, find_architecture(source), (), downloads
        )
    return reading


def list_candidates(source: str, choice: Choice, sha256: str = "") -> tuple[list[Candidate], str]:
    """What `read_source` would count, as far as a header or timm tells it, and a remark.

    Raises
    ------
    AtlasError
        If the source cannot be read.
    """
    from kernel_atlas.extraction.describe import describe_source

    architecture = find_architecture(source)
    if architecture is None:
        found = describe_source(source, sha256, choice, False, ())
        return list(found.inventory), found.note
    candidates = [
        Candidate(row.layer, (row.n_kernels, 1, row.kernel_size, row.kernel_size), True, False, why)
        for row in architecture.layers
        for why in [f"depthwise in timm {architecture.timm_version}"]
    ]
    return candidates, f"the file is {architecture.source}"


def find_architecture(source: str) -> "Architecture | None":
    """What timm knows of a source of the scheme ``timm:``; None for any other.

    Raises
    ------
    AtlasError
        If timm does not know the model, or cannot build it.
    """
    scheme, name = schemes.split(source)
    if scheme != "timm":
        return None
    from kernel_atlas.sources.timm import resolve

    try:
        return resolve(name)
    except (AtlasError, MemoryError, OSError):
        raise
    except Exception as error:  # timm may raise anything
        raise AtlasError(f"timm cannot build {name!r}: {one_line(error)}") from error


def read_array(x: Any) -> Reading:
    """Take an array of shape (n, k, k) or (n, 1, k, k) for the kernels of one layer.

    Raises
    ------
    AtlasError
        If it is not such an array of finite numbers.
    """
    if hasattr(x, "detach"):  # a tensor, perhaps of a kind that numpy lacks
        x = x.detach().cpu()
        x = x.float() if x.is_floating_point() else x
    kernels = np.asarray(x)
    shape = kernels.shape
    if kernels.ndim == 4 and shape[1] == 1:
        kernels = kernels[:, 0]
    if kernels.ndim != 3 or not kernels.shape[1] == kernels.shape[2] > 1 or not len(kernels):
        raise AtlasError(f"an array of shape {shape}; kernels have (n, k, k) or (n, 1, k, k)")
    if not np.issubdtype(kernels.dtype, np.floating):
        raise AtlasError(f"an array of {kernels.dtype}; kernels are floating point")
    with np.errstate(over="ignore"):  # an overflow is infinite
        kernels = kernels.astype(np.float32)
    if not np.isfinite(kernels).all():
        raise AtlasError("an array with NaN or infinite values in float32")
    why = "given as kernels"
    candidate = Candidate(ARRAY, shape, counted=True, in_doubt=False, why=why)
    return Reading([Layer(ARRAY, kernels, norm_why=why)], [candidate])
