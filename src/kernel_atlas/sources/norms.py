"""The normalisation behind a convolution, as the modules of a network tell it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

# modules that leave the sign of each channel as it is
PASSED = {"Identity", "Permute", "DropPath", "StochasticDepth", "Dropout", "Dropout2d"}
BIAS = (
    "the layer has a bias, which a batch norm directly behind it makes idle, so something may lie "
    "between them"
)


class Norm(NamedTuple):
    """The normalisation with a gain per channel that a layer's output goes to.

    Attributes
    ----------
    gain : str
        Name of the tensor of gains. Empty if there is none, or it cannot be told.
    why : str
        The evidence, or why no gain is known. Empty where nothing was looked at.
    start : int
        Which of the gains is that of the layer's first channel: a split of a mixed convolution
        has some of them.
    """

    gain: str = ""
    why: str = ""
    start: int = 0


def find_norm(modules: Mapping[str, Any], path: str) -> Norm:
    """The normalisation behind a convolution: the next module of its block.

    Parameters
    ----------
    modules : mapping
        `named_modules` of a torch.nn.Module.
    path : str
        The convolution's, among them.
    """
    convolution = modules[path]
    n, start = convolution.out_channels, 0
    parent, _, own = path.rpartition(".")
    if type(modules[parent]).__name__ == "MixedConv2d":
        splits = list(modules[parent].children())
        start = sum(x.out_channels for x in splits[: splits.index(convolution)])
        n = sum(x.out_channels for x in splits)
        parent, _, own = parent.rpartition(".")
    children = list(modules[parent].named_children())
    names = [name for name, _ in children]
    if own not in names:
        return Norm(why="its block does not list it")
    for name, module in children[names.index(own) + 1 :]:
        kind = type(module).__name__
        if kind in PASSED:
            continue
        weight = getattr(module, "weight", None)
        # a response norm adds its input
        if "norm" not in kind.lower() or "response" in kind.lower() or _has_layers(module):
            return Norm(why=f"the next module of its block is no normalisation ({kind})")
        if weight is None or tuple(weight.shape) != (n,):
            return Norm(why=f"the {kind} behind it has no gain for each of its channels")
        is_sequence = type(modules[parent]).__name__ == "Sequential"
        if hasattr(module, "running_var") and convolution.bias is not None and not is_sequence:
            return Norm(why=BIAS)
        gain = ".".join(filter(None, [parent, name, "weight"]))
        return Norm(gain, f"the next module of its block, a {kind}", start)
    return Norm(why="no module follows it in its block")


def _has_layers(module: Any) -> bool:
    """Whether a module has a weight of several dimensions: a convolution with its norm."""
    return any(parameter.ndim > 1 for parameter in module.parameters())
