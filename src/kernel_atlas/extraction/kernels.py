"""All kernels of one size of a model, with their layers: as in the store, without the store."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kernel_atlas.checkpoints.layer import Layer


@dataclass(frozen=True)
class LayerInfo:
    """The kernels of one size of a layer: one row of the layer table.

    Only mixed convolutions have several sizes: their rows share name and index.
    """

    name: str
    index: int  # from 0, over the layers of all sizes
    kernel_size: int
    n_kernels: int
    stride: int | None = None  # None: not known from the weights alone
    dilation: int | None = None
    padding: int | str | None = None  # pixels on each side, or sources.timm.SAME


@dataclass(frozen=True)
class Kernels:
    """All kernels of one size of one model.

    Attributes
    ----------
    kernels : ndarray of shape (n, k, k), float32
    layer : ndarray of shape (n,), int32
        Index of each kernel's layer in the layer table.
    channel : ndarray of shape (n,), int32
        Number of each kernel among those of its layer and size, from 0.
    layers : list of LayerInfo
        The whole layer table, of all sizes.
    """

    kernels: np.ndarray
    layer: np.ndarray
    channel: np.ndarray
    layers: list[LayerInfo]

    @property
    def layer_names(self) -> list[str]:
        """The names of all layers, by index."""
        return list(dict.fromkeys(info.name for info in self.layers))


def list_layers(layers: Sequence[Layer]) -> list[LayerInfo]:
    """The layer table; layers that share a name differ in size."""
    indices = {name: index for index, name in enumerate(dict.fromkeys(x.name for x in layers))}
    return [
        LayerInfo(
            name=layer.name,
            index=indices[layer.name],
            kernel_size=layer.kernels.shape[-1],
            n_kernels=len(layer.kernels),
            stride=layer.stride,
            dilation=layer.dilation,
            padding=layer.padding,
        )
        for layer in layers
    ]


def gather_kernels(layers: Sequence[Layer], size: int) -> Kernels:
    """The kernels of one size of these layers; there may be none."""
    table = list_layers(layers)
    chosen = [info for info in table if info.kernel_size == size]
    parts = [layer.kernels for layer in layers if layer.kernels.shape[-1] == size]
    kernels = np.concatenate([np.zeros((0, size, size), np.float32), *parts])
    counts = [info.n_kernels for info in chosen]
    layer = np.repeat(np.array([info.index for info in chosen], np.int32), counts)
    return Kernels(kernels, layer, number_channels(layer), table)


def number_channels(layer: np.ndarray) -> np.ndarray:
    """The number of each kernel within its layer, int32, from the ascending column `layer`."""
    first = np.searchsorted(layer, layer)
    return (np.arange(len(layer)) - first).astype(np.int32)
