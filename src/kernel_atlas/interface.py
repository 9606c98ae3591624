"""What ``import kernel_atlas`` offers (docs/command.md)."""

from pathlib import Path
from typing import Any

from kernel_atlas.atlas import Atlas
from kernel_atlas.comparison import compare
from kernel_atlas.extraction.kernels import Kernels
from kernel_atlas.replacement import replace_kernels
from kernel_atlas.result import Result

__all__ = ["Atlas", "classify", "compare", "read_kernels", "replace_kernels"]


def classify(x: Any, atlas: Atlas | str | Path | None = None, **choice: str) -> Result:
    """Classify the depthwise kernels of a network.

    Parameters
    ----------
    x : torch.nn.Module, mapping, array, path or str
        A network, its state dict, kernels of shape (n, k, k) or (n, 1, k, k), a
        checkpoint's path, or a source URI.
    atlas : Atlas or path, optional
        By default the atlas that comes with the package.
    **choice
        `weights`, `include`, `exclude` and `sha256`, as in `Atlas.classify`.

    Raises
    ------
    AtlasError
        If either cannot be read, or x has no depthwise kernels.
    """
    chosen = atlas if isinstance(atlas, Atlas) else Atlas.load(atlas)
    return chosen.classify(x, **choice)


def read_kernels(store: str | Path, model: str, size: int) -> Kernels:
    """Read the kernels of one size of a model from the store of a run.

    Parameters
    ----------
    store : path
        ``results/kernels.zarr``.
    model : str
        The model's id.
    size : int
        Kernel size k.

    Raises
    ------
    AtlasError
        If the model is missing, has another encoding, or is damaged.
    """
    from kernel_atlas.extraction import store as kernel_store

    return kernel_store.read_kernels(Path(store) / model, size)
