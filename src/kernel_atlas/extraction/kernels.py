"""All kernels of one size of a model, with their layers: as in the store, without the store."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kernel_atlas.checkpoints.layer import Layer

_SIGNS = "-0+"


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
    norm: str = ""  # name of the normalisation behind it; empty if no gain is known
    norm_why: str = ""  # how it is known, or why not; empty in groups of earlier releases
    gain_signs: str = ""  # `+`, `-` or `0` for each kernel

    def read_signs(self) -> np.ndarray:
        """The signs of the gains, 1, -1 or 0, NaN where they are not known: shape (n,), float32.

        Raises
        ------
        ValueError
            If there are not as many as kernels.
        """
        if not self.gain_signs:
            return np.full(self.n_kernels, np.nan, np.float32)
        if len(self.gain_signs) != self.n_kernels:
            raise ValueError(f"layer {self.name} has another number of signs than of kernels")
        return np.array([_SIGNS.index(sign) - 1 for sign in self.gain_signs], np.float32)


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
    gain_sign : ndarray of shape (n,), float32
        Sign of the gain that the normalisation behind the layer gives each kernel: 1, -1 or 0,
        NaN where it is not known (docs/sign.md).
    """

    kernels: np.ndarray
    layer: np.ndarray
    channel: np.ndarray
    layers: list[LayerInfo]
    gain_sign: np.ndarray

    @property
    def folded(self) -> np.ndarray:
        """The kernels with the sign that the network gives them; NaN where it is not known."""
        return self.kernels * self.gain_sign[:, np.newaxis, np.newaxis]

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
            norm=layer.norm,
            norm_why=layer.norm_why,
            gain_signs=write_signs(layer.gain_sign),
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
    return Kernels(kernels, layer, number_channels(layer), table, join_signs(chosen))


def write_signs(gain_sign: np.ndarray | None) -> str:
    """Signs 1, -1 and 0 as `LayerInfo.gain_signs`."""
    return "" if gain_sign is None else "".join(_SIGNS[sign + 1] for sign in gain_sign)


def join_signs(layers: Sequence[LayerInfo]) -> np.ndarray:
    """`LayerInfo.read_signs` of these layers, one after the other."""
    return np.concatenate([np.zeros(0, np.float32), *(info.read_signs() for info in layers)])


def number_channels(layer: np.ndarray) -> np.ndarray:
    """The number of each kernel within its layer, int32, from the ascending column `layer`."""
    first = np.searchsorted(layer, layer)
    return (np.arange(len(layer)) - first).astype(np.int32)
