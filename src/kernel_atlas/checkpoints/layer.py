"""A layer of kernels, and its name."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

MAX_NAME = 300  # characters of a layer's name

# components that torch's wrappers (data-parallel, compile, sharding, checkpointing) add to names
_WRAPPERS = re.compile(
    r"(?:(?<=\.)|^)(?:module|_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\."
)
_SPLIT = re.compile("[0-9]{1,3}")  # number of a split in a mixed convolution


@dataclass(frozen=True)
class Layer:
    """Kernels of one size of one layer, float32 of shape (n, k, k)."""

    name: str
    kernels: np.ndarray
    stride: int | None = None  # None: not known from the weights alone
    dilation: int | None = None
    padding: int | str | None = None  # pixels on each side, or sources.timm.SAME
    weight: str = ""  # name of the tensor under the chosen prefix; of its factors, without theirs
    norm: str = ""  # name of the normalisation behind it; empty if no gain is known
    norm_why: str = ""  # how the normalisation is known, or why not
    gain_sign: np.ndarray | None = None  # of the gain of each kernel: 1, -1 or 0, shape (n,), int8


def without_wrappers(name: str) -> str:
    """A weight's name without the components that torch's wrappers add, anywhere in it."""
    return _WRAPPERS.sub("", name)


def layer_name(weight: str) -> str:
    """A layer's name from its weight's: without wrappers and ``.weight``."""
    return without_wrappers(weight).removesuffix(".weight")


def join_splits(layers: Sequence[Layer]) -> list[Layer]:
    """Give the splits of a mixed convolution the name of the layer that they form."""
    names = join_names([(layer.name, layer.kernels.shape[-1]) for layer in layers])
    return [replace(layer, name=name) for layer, name in zip(layers, names, strict=True)]


def join_names(layers: Sequence[tuple[str, int]]) -> list[str]:
    """The name of the layer that each weight belongs to, from its own name and kernel size.

    The splits of a mixed convolution (MixNet's MixConv, CoaT's position encoding) belong to their
    parent: they are its only depthwise children, numbered from 0, of sizes 3, 5, 7, ...
    """
    children: dict[str, dict[int, int]] = defaultdict(dict)
    for name, size in layers:
        parent, _, number = name.rpartition(".")
        if parent and _SPLIT.fullmatch(number):
            children[parent][int(number)] = size
    mixed = {
        parent
        for parent, sizes in children.items()
        if len(sizes) > 1 and all(sizes.get(i) == 3 + 2 * i for i in range(len(sizes)))
    }
    parents = [name.rpartition(".")[0] for name, _ in layers]
    return [
        parent if parent in mixed else name
        for (name, _), parent in zip(layers, parents, strict=True)
    ]
