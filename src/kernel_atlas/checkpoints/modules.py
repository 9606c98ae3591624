"""Read kernels of networks and weights that are in memory."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kernel_atlas.checkpoints.choice import Choice
from kernel_atlas.checkpoints.depthwise import Depthwise
from kernel_atlas.checkpoints.inventory import Reading
from kernel_atlas.checkpoints.layer import without_wrappers
from kernel_atlas.checkpoints.pickles import StateDict, read_content
from kernel_atlas.checkpoints.read import finish
from kernel_atlas.checkpoints.selection import read_selected
from kernel_atlas.sources.norms import find_norm

if TYPE_CHECKING:
    import torch

NAME = "the network"  # in messages

# what follows the layer's name in those of its weight and of the weight's factors
_FACTORS = re.compile(
    r"(?:^|\.)(parametrizations\.weight\.original[01]?|weight(_orig|_g|_v|_mask)*)$"
)


def read_state_dict(state: Mapping[str, Any], choice: Choice | None = None) -> Reading:
    """The depthwise kernels of a state dict, in its order.

    Parameters
    ----------
    state : mapping
        From name to tensor, or with such a mapping under a key (`states.WEIGHT_KEYS`).
    choice : Choice, optional

    Raises
    ------
    AtlasError
        If there are none.
    """
    selection = Depthwise(choice or Choice())
    return finish(read_content(state, selection, "the state dict"), selection, "the state dict")


def read_module(module: "torch.nn.Module", choice: Choice | None = None) -> Reading:
    """The depthwise kernels of a network, in the order of its state dict.

    Its convolutions' `groups` decide. The network is not run.

    Raises
    ------
    AtlasError
        If there are none.
    """
    selection = Depthwise(choice or Choice())
    tensors = _ModuleTensors(module)
    return finish(read_selected(tensors, selection, NAME), selection, NAME)


class _ModuleTensors(StateDict):
    """A network's state dict, with what its convolutions say of their weights."""

    def __init__(self, module: "torch.nn.Module") -> None:
        super().__init__(module.state_dict())
        parts = dict(module.named_modules(remove_duplicate=False))
        kinds = {without_wrappers(path): _kind_of(part) for path, part in parts.items()}
        paths = {without_wrappers(path): path for path in parts}
        for name, entry in self.entries.items():
            layer = _FACTORS.sub("", without_wrappers(name))
            kind, evidence = kinds.get(layer, ("", ""))
            norm = find_norm(parts, paths[layer]) if kind == "depthwise" and layer else None
            self.entries[name] = replace(entry, kind=kind, evidence=evidence, norm=norm)


def _kind_of(module: Any) -> tuple[str, str]:
    """Kind and evidence of the weight of a module, empty if it is no convolution."""
    import torch

    if isinstance(module, torch.nn.modules.conv._ConvTransposeNd):
        return "transposed", f"a {type(module).__name__}"
    if not isinstance(module, torch.nn.modules.conv._ConvNd):
        return "", ""
    groups = f"{module.groups} group{'s' if module.groups > 1 else ''}"
    kind = "depthwise" if module.groups == module.in_channels > 1 else "regular"
    return kind, f"{type(module).__name__} with {groups}"
