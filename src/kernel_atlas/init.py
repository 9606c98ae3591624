"""Start the depthwise kernels of a network from the DoG family, or from the master keys.

As in Appendix F of the paper, where a ConvMixer that was started from the family learned
better than one that was not::

    from kernel_atlas.init import dog_
    dog_(network, seed=0)
"""

import logging
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from kernel_atlas import sphere
from kernel_atlas.errors import AtlasError
from kernel_atlas.family.draw import PROPORTIONS, SHAPE, draw_members, share_out
from kernel_atlas.family.fit import find_matched, fit_members, make_members
from kernel_atlas.family.keys import make_banks

if TYPE_CHECKING:
    import torch

    from kernel_atlas.atlas import Atlas

__all__ = ["PROPORTIONS", "dog_", "freeze_", "keys_"]

logger = logging.getLogger(__name__)

# Of each kernel. torch starts a k x k kernel of one channel with k*k numbers between -1 / k and
# 1 / k (kaiming_uniform_ with a = sqrt(5)), so that the mean of its squared norm is 1 / 3.
NORM = 3**-0.5

N_CODES = 500  # of an atlas, as in the paper's spectrum

# Takes a number of kernels, their size and a generator; gives kernels of unit norm.
Make = Callable[[int, int, np.random.Generator], np.ndarray]


def dog_(
    module: "torch.nn.Module",
    proportions: Mapping[str, float] = PROPORTIONS,
    *,
    scales: "Atlas | pd.DataFrame | None" = None,
    seed: int = 0,
    frozen: bool = False,
) -> int:
    """Start the depthwise layers of a network from the DoG family (paper, Appendix F), in place.

    Each kernel is a function of the family in the middle of its grid. Its mean is 0 and its norm
    1 / sqrt(3), so that a weight has the standard deviation that torch's own start gives it, and
    what the layer makes of white noise has it too.

    Parameters
    ----------
    module : torch.nn.Module
        Its depthwise ``Conv2d`` layers with square kernels of odd size are started.
    proportions : mapping
        From class to its share in each layer, exact by largest remainder. ``centre``,
        ``cross``, ``first_derivative`` and ``second_derivative`` stand for their classes in
        equal parts. By default as in the paper: 45 % on-centre, 10 % off-centre, 15 % crosses,
        20 % first derivatives, 10 % second derivatives.
    scales : Atlas or DataFrame, optional
        Whose scales kernels have: members as from `fit_members`, as in a run's
        ``classes/<model>/k<size>.parquet`` or as in `Result.kernels` (matched ones alone,
        where the table says so); or an atlas, with the members of 500 even codes of the
        layer's kernel size. Without one, and for classes and sizes that it lacks, scales are
        log-uniform within the range of trained kernels (`family.draw.SCALES`).
    seed : int, default=0
        The result depends on nothing else.
    frozen : bool, default=False
        Keep the started weights as they are: they require no gradient.

    Returns
    -------
    int
        How many layers were started.

    Raises
    ------
    AtlasError
        If there is no such layer, or the proportions are none.
    """

    def make(n: int, size: int, rng: np.random.Generator) -> np.ndarray:
        return make_members(draw_members(n, rng, proportions, of_size(size)), size)

    of_size = cache(lambda size: _members_of(scales, size))
    return _start(module, make, seed, frozen)


def keys_(module: "torch.nn.Module", *, seed: int = 0, frozen: bool = False) -> int:
    """Start the depthwise layers of a network from the eight master keys, in place.

    Each layer has all keys in equal parts, in random order: 7x7 kernels the published ones, those
    of other sizes their models (`family.scale_space`). Norm, parameters, result and errors are as
    for `dog_`.
    """

    def make(n: int, size: int, rng: np.random.Generator) -> np.ndarray:
        banks = make_banks(size)
        bank = banks.get("keys", banks["ideal"])
        counts = share_out(n, np.ones(len(bank)), rng)
        return bank[rng.permutation(np.repeat(np.arange(len(bank)), counts))]

    return _start(module, make, seed, frozen)


def freeze_(module: "torch.nn.Module") -> None:
    """Keep the weights of the layers that `dog_` starts as they are: they require no gradient."""
    for layer in find_layers(module).values():
        layer.weight.requires_grad_(False)


def find_layers(module: "torch.nn.Module") -> "dict[str, torch.nn.Conv2d]":
    """The depthwise convolutions with square kernels of odd size, 3x3 or larger, by name.

    Raises
    ------
    AtlasError
        If there are none.
    """
    import torch

    found = {}
    for name, layer in module.named_modules():
        if not isinstance(layer, torch.nn.Conv2d) or not layer.groups == layer.in_channels > 1:
            continue
        height, width = layer.kernel_size
        if height == width >= 3 and height % 2:
            found[name] = layer
        elif (height, width) != (1, 1):
            logger.info("%s: %dx%d kernels stay as they are", name, height, width)
    if not found:
        raise AtlasError(
            f"{type(module).__name__} has no depthwise Conv2d layer with square kernels of odd "
            "size, 3x3 or larger, so there is nothing to start"
        )
    return found


def _start(module: "torch.nn.Module", make: Make, seed: int, frozen: bool) -> int:
    import torch

    layers = find_layers(module)
    for name, layer in layers.items():
        if not isinstance(layer.weight, torch.nn.Parameter) or layer.weight.is_meta:
            why = "on the meta device" if layer.weight.is_meta else "computed from other parameters"
            raise AtlasError(f"{name}: the weight is {why}, so it cannot be started")
    for number, layer in enumerate(layers.values()):
        rng = np.random.default_rng([seed, number])
        kernels = NORM * make(layer.out_channels, layer.kernel_size[0], rng)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(kernels)[:, None])
    if frozen:
        freeze_(module)
    return len(layers)


def _members_of(scales: "Atlas | pd.DataFrame | None", size: int) -> pd.DataFrame | None:
    """The members of a kernel size that scales are drawn from."""
    if scales is None:
        return None
    if isinstance(scales, pd.DataFrame):
        if missing := [name for name in ("member", *SHAPE) if name not in scales]:
            raise AtlasError(f"the table of members has no column {missing[0]!r}")
        chosen = scales
        if "kernel_size" in scales:
            chosen = chosen[chosen["kernel_size"] == size]
        return chosen[chosen["matched"]] if "matched" in chosen else chosen
    section = scales.section(size)
    codes = section.codebook.kernels
    kernels = codes[:: max(1, len(codes) // N_CODES)]
    members = fit_members(kernels[~sphere.find_dead(kernels)])
    return members[find_matched(members, section.threshold)]
