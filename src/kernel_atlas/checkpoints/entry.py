"""A tensor of a checkpoint before its values are read, and how every format is asked for them."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from kernel_atlas.sources.norms import Norm

Rows = Sequence[int] | np.ndarray | None  # numbers in the first dimension; None for all


@dataclass(frozen=True)
class Entry:
    """What a checkpoint says of a tensor.

    Attributes
    ----------
    shape : tuple of int
        As in torch: (output channels, input channels per group, height, width).
    dtype : str
        As numpy or torch writes it: ``float32``, ``bfloat16``, ``int8``, ``bool``, ...
    kind : str
        What the file itself says: ``depthwise``, ``regular``, ``transposed``,
        ``unreadable``, or nothing.
    evidence : str
        Where the file says so, or why the weight cannot be read.
    storage : hashable
        Equal for entries that are one tensor in the file; None if that is not known.
    norm : Norm or None
        Of a convolution's weight, what follows the layer; None if only names tell.
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    kind: str = ""
    evidence: str = ""
    storage: Hashable = None
    norm: Norm | None = None

    @property
    def is_float(self) -> bool:
        """Whether the values are floating point."""
        return self.dtype.startswith(("float", "bfloat"))


class Tensors(Protocol):
    """The tensors of a checkpoint by name, in the file's order."""

    @property
    def entries(self) -> Mapping[str, Entry]:
        """What is known of each tensor."""

    @property
    def is_ordered(self) -> bool:
        """Whether that is the network's order, as registered."""

    def read(self, rows: Mapping[str, Rows]) -> dict[str, np.ndarray]:
        """The values of these rows of these tensors, float32.

        Raises
        ------
        AtlasError
            If they cannot be read.
        """


class Part:
    """Some tensors of a checkpoint, under other names.

    Parameters
    ----------
    tensors : Tensors
    names : mapping
        From the new name to the name in `tensors`.
    """

    def __init__(self, tensors: Tensors, names: Mapping[str, str]) -> None:
        self._tensors = tensors
        self.names = names
        self.is_ordered = tensors.is_ordered
        new_names = {old: new for new, old in names.items()}
        self.entries = {
            new: _rename_gain(tensors.entries[old], new_names) for new, old in names.items()
        }

    def read(self, rows: Mapping[str, Rows]) -> dict[str, np.ndarray]:
        """The values by the new names."""
        values = self._tensors.read({self.names[name]: chosen for name, chosen in rows.items()})
        return {name: values[self.names[name]] for name in rows}


def _rename_gain(entry: Entry, names: Mapping[str, str]) -> Entry:
    """The entry with the new name of its gain, if it has one."""
    if not entry.norm or not entry.norm.gain:
        return entry
    gain = names.get(entry.norm.gain, entry.norm.gain)
    return replace(entry, norm=entry.norm._replace(gain=gain))
