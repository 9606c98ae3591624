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
    """Give the splits of a mixed convolution (MixConv) the name of the layer that they form.

    They are the parent's only depthwise children, numbered from 0, of sizes 3, 5, 7, ...
    """
    children: dict[str, dict[int, int]] = defaultdict(dict)
    for layer in layers:
        parent, _, number = layer.name.rpartition(".")
        if parent and _SPLIT.fullmatch(number):
            children[parent][int(number)] = layer.kernels.shape[-1]
    mixed = {
        parent
        for parent, sizes in children.items()
        if len(sizes) > 1 and all(sizes.get(i) == 3 + 2 * i for i in range(len(sizes)))
    }
    return [
        replace(layer, name=parent) if (parent := layer.name.rpartition(".")[0]) in mixed else layer
        for layer in layers
    ]
