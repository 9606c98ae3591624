"""What a checkpoint's names and shapes say of a candidate weight: the facts behind `evidence`."""

import math
from collections.abc import Mapping
from functools import cached_property

from kernel_atlas.checkpoints.choice import Choice
from kernel_atlas.checkpoints.entry import Entry
from kernel_atlas.checkpoints.layer import without_wrappers
from kernel_atlas.checkpoints.names import (
    is_named_depthwise,
    is_named_stem,
    is_weight,
    weight_names,
)
from kernel_atlas.checkpoints.twins import Twin, find_twins

MAX_SIZE = 63  # above the largest published kernels of 51 x 51
N_LOOKED_AT = 4  # entries after a weight, for its bias and norm


class Facts:
    """What the rules look at: all entries of a checkpoint, and what is known of them.

    Parameters
    ----------
    entries : mapping
        From name to `Entry`, in order.
    choice : Choice
    architecture : mapping
        From the names of an architecture's depthwise layers to (kernels, kernel size).
    is_ordered : bool
        Whether the entries are in the network's order.
    """

    def __init__(
        self,
        entries: Mapping[str, Entry],
        choice: Choice,
        architecture: Mapping[str, tuple[int, int]],
        is_ordered: bool,
    ) -> None:
        self.entries = entries
        self.is_ordered = is_ordered
        self.choice = choice
        self.architecture = architecture

    @cached_property
    def regular(self) -> dict[str, Entry]:
        """Weights with several input channels: regular convolutions and linear layers."""
        return {name: entry for name, entry in self.entries.items() if _is_regular(entry.shape)}

    @cached_property
    def layers(self) -> list[str]:
        """The names of the weights of convolutions and linear layers, in order."""
        return [name for name in self.weights if len(self.entries[name].shape) in (2, 4)]

    @cached_property
    def weights(self) -> dict[str, None]:
        """The entries that are named as weights, in order."""
        return dict.fromkeys(weight_names(self.entries))

    @cached_property
    def _places(self) -> tuple[list[str], dict[str, int]]:
        names = list(self.entries)
        return names, {name: place for place, name in enumerate(names)}

    @cached_property
    def colour_inputs(self) -> dict[str, Entry]:
        """Convolutions with three input channels: an image's."""
        return {
            name: entry
            for name, entry in self.regular.items()
            if len(entry.shape) == 4 and entry.shape[1] == 3 and entry.shape[0] > 3
        }

    @cached_property
    def inputs(self) -> list[str]:
        """Regular convolutions with input channels that no layer makes."""
        made = {entry.shape[0] for entry in self.entries.values() if len(entry.shape) in (2, 4)}
        return [n for n, e in self.regular.items() if len(e.shape) == 4 and e.shape[1] not in made]

    @cached_property
    def twins(self) -> dict[str, Twin]:
        """Weights of copies of the network."""
        return find_twins(
            {name: e.shape for name, e in self.entries.items() if form_of(name, e) == "square"}
        )

    @cached_property
    def stems(self) -> set[str]:
        """What may be the first convolution of a network for images with one channel."""
        squares = [name for name, e in self.entries.items() if form_of(name, e) == "square"]
        if self.colour_inputs:
            # a second image beside the colours, of depth or heat: a layer of the same name
            shapes = {_below_root(name): e.shape for name, e in self.colour_inputs.items()}
            shapes.pop("", None)
            return {n for n in squares if _is_alike(shapes.get(_below_root(n)), self.entries[n])}
        if not self.regular or any(map(is_named_stem, self.inputs)):
            return set()
        candidates = [name for name in squares if not is_named_depthwise(name)]
        likely = {name for name in candidates if is_named_stem(name)}
        if self.is_ordered or not likely:
            likely |= {self.layers[0]}.intersection(candidates)
        return likely or (set() if self.inputs else set(candidates))

    def n_outputs(self, name: str) -> int | None:
        """The output channels of a layer by its bias or the norm behind it, if there is one."""
        bias = self.entries.get(f"{name.removesuffix('weight')}bias")
        if bias is not None and len(bias.shape) == 1:
            return bias.shape[0]
        n = self.entries[name].shape[0]
        parent, _, last = name.removesuffix(".weight").rpartition(".")
        names, places = self._places
        for after in names[places[name] + 1 : places[name] + 1 + N_LOOKED_AT]:
            shape = self.entries[after].shape
            is_behind = self.is_ordered or (last.isdigit() and after.startswith(f"{parent}."))
            # one number may be an activation's: it says nothing
            if shape == (n,) and is_behind:
                return n
            if len(shape) > 1:
                break
        if self.is_ordered or not parent or last.isdigit():
            return None
        norms = (f"{parent}.{norm}.weight" for norm in ("bn", "norm", "bn1", "bn2"))
        return n if any(e.shape == (n,) for e in map(self.entries.get, norms) if e) else None


def form_of(name: str, entry: Entry) -> str:
    """What kernels of this shape are: ``square``, ``oblong``, ``1-D``, ``3-D``, or in another
    ``layout``; empty for what cannot be depthwise.
    """
    shape = entry.shape
    if len(shape) == 4 and shape[0] > 1 and shape[1] == 1 and max(shape[2:]) > 1:
        return "square" if shape[2] == shape[3] else "oblong"
    if not is_weight(name):
        return ""
    if len(shape) in (3, 5) and shape[0] > 1 and shape[1] == 1 and max(shape[2:]) > 1:
        return "1-D" if len(shape) == 3 else "3-D"
    if len(shape) == 4 and shape[0] == shape[1] > 1 and shape[2] > 1 and shape[3] == 1:
        return "layout" if shape[0] <= MAX_SIZE and shape[2] > shape[0] else ""
    return ""


def _is_regular(shape: tuple[int, ...]) -> bool:
    return len(shape) in (2, 4) and shape[0] > 0 and shape[1] > 1 and math.prod(shape) > 0


def _below_root(name: str) -> str:
    """A name without its first component; empty if it has no other."""
    return without_wrappers(name).partition(".")[2].removesuffix("weight")


def _is_alike(shape: tuple[int, ...] | None, entry: Entry) -> bool:
    """Whether shapes differ in the input channels alone."""
    return shape is not None and (shape[0], *shape[2:]) == (entry.shape[0], *entry.shape[2:])
