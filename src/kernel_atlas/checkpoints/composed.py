"""The weight that a network applies, where a file stores its factors.

Weight norm stores a gain g and a direction v for g v / |v| (torch.nn.utils.weight_norm and
torch.nn.utils.parametrizations.weight_norm); pruning stores the weight and a mask of zeros and
ones (torch.nn.utils.prune). Other parametrisations are named as unreadable.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from kernel_atlas.checkpoints.entry import Entry, Rows, Tensors
from kernel_atlas.checkpoints.layer import layer_name
from kernel_atlas.errors import AtlasError

_ORIGINAL = re.compile(r"(.*?)parametrizations\.([^.]+)\.original(0|1|)$")
_STATE = re.compile(r"(.*?)parametrizations\.([^.]+)\.\d+\.")
_OLD = re.compile(r"(.*)_(orig|mask|g|v|u|bar)$")

_ADVICE = "remove the parametrisation before saving, or exclude the layer"


def compose(tensors: Tensors) -> Tensors:
    """The tensors of a checkpoint, with factors composed under their weight's own name."""
    # masks first: the direction of a weight norm may be pruned
    pruned = _Composed(tensors, _find_pruned(tensors.entries), masked)
    whole = _Composed(pruned, _find_normed(pruned.entries), normed)
    whole.entries = _name_others(whole.entries, tensors.entries)
    return whole


def composed_names(entries: Mapping[str, Entry]) -> set[str]:
    """The names of weights that are composed: what is stored under them is not what is applied."""
    return {*_find_pruned(entries), *_find_normed(entries)}


class _Composed:
    """Tensors of which some are made of others.

    Parameters
    ----------
    tensors : Tensors
    factors : mapping
        From the name of each made weight to the names of its factors.
    make : function
        Makes a weight of its factors.
    """

    def __init__(
        self,
        tensors: Tensors,
        factors: Mapping[str, tuple[str, ...]],
        make: Callable[..., np.ndarray],
    ) -> None:
        self._tensors = tensors
        self._factors = factors
        self._make = make
        self.is_ordered = tensors.is_ordered
        owners = {factor: weight for weight, names in factors.items() for factor in names}
        self.entries: dict[str, Entry] = {}
        for name, entry in tensors.entries.items():
            weight = owners.get(name, name)
            if weight in factors:  # in the place of its first factor
                entry = replace(tensors.entries[factors[weight][0]], storage=None)
            self.entries.setdefault(weight, entry)

    def read(self, rows: Mapping[str, Rows]) -> dict[str, np.ndarray]:
        """The values, composed."""
        plain = {name: chosen for name, chosen in rows.items() if name not in self._factors}
        values = self._tensors.read(plain)
        for name in rows.keys() - plain.keys():
            names = self._factors[name]
            factors = self._tensors.read(dict.fromkeys(names))  # all rows: a norm runs over them
            try:
                made = self._make(*(factors[factor] for factor in names)).astype(np.float32)
            except ValueError as error:
                raise AtlasError(f"layer {layer_name(name)}: {error} ({names[-1]})") from None
            chosen = rows[name]
            values[name] = made if chosen is None else made[np.asarray(chosen)]
        return values


def _name_others(entries: Mapping[str, Entry], stored: Mapping[str, Entry]) -> dict[str, Entry]:
    """Mark weights that other parametrisations make as unreadable, under their own names."""
    named: dict[str, Entry] = {}
    for name, entry in entries.items():
        if _STATE.match(name):
            continue
        new, reason = name, ""
        if found := _ORIGINAL.fullmatch(name):
            new = found[1] + found[2]
            reason = f"an unknown parametrisation ({found[2]}.original{found[3]})"
        elif (found := _OLD.fullmatch(name)) and found[2] in ("orig", "v", "bar"):
            new = found[1]
            kind = "spectral norm" if f"{new}_u" in stored else "a factor without its partner"
            reason = f"{kind} ({name.rpartition('.')[2]})"
        if not reason or new in entries:
            named.setdefault(name, entry)
        elif len(entry.shape) > 1:
            named[new] = replace(entry, kind="unreadable", evidence=f"{reason}; {_ADVICE}")
    for name in {found[1] + found[2] for name in stored if (found := _STATE.match(name))}:
        if name in named and named[name].kind != "unreadable":
            reason = f"a chain of parametrisations; {_ADVICE}"
            named[name] = replace(named[name], kind="unreadable", evidence=reason)
    return named


def masked(weight: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The weight where its mask is one, zero where it is zero.

    Raises
    ------
    ValueError
        If it is no such mask: how a network applies it is not known.
    """
    if not np.isin(mask, (0, 1)).all():
        raise ValueError("its mask holds other numbers than 0 and 1; exclude the layer")
    return weight * mask


def normed(direction: np.ndarray, gain: np.ndarray) -> np.ndarray:
    """The weight g v / |v| (torch._weight_norm), the norm over all dimensions that g lacks.

    A negative gain turns the kernel's sign; a gain of zero leaves a dead kernel.
    """
    v, g = direction.astype(np.float64), gain.astype(np.float64)
    g = g.reshape(g.shape if g.ndim == v.ndim else (1,) * v.ndim)
    lacking = tuple(i for i, n in enumerate(g.shape) if n == 1)
    norm = np.sqrt((v**2).sum(axis=lacking, keepdims=True))
    return np.divide(g * v, norm, out=np.zeros_like(v), where=norm > 0)


def _find_pruned(entries: Mapping[str, Entry]) -> dict[str, tuple[str, ...]]:
    """From each weight with a mask of its shape to the names of the weight and its mask.

    Besides prune's names, a mask may lie beside the weight (``weight_mask``, ``mask``): it is
    applied in the network, if not in the stored weight already.
    """
    found: dict[str, tuple[str, ...]] = {}
    for name, entry in entries.items():
        weight = name.removesuffix("_orig")
        beside = f"{weight.rpartition('.')[0]}.mask" if weight.endswith(".weight") else ""
        for mask in (f"{weight}_mask", beside):
            if mask in entries and _is_mask(entries[mask].shape, entry.shape):
                found[weight] = (name, mask)
    return found


def _is_mask(mask: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether a mask has a number for each weight, or for each kernel."""
    return mask in (shape, (*shape[:1], *(1,) * (len(shape) - 1)))


def _find_normed(entries: Mapping[str, Entry]) -> dict[str, tuple[str, ...]]:
    """From each weight with weight norm to the names of its direction and gain."""
    found: dict[str, tuple[str, ...]] = {}
    for name in entries:
        if old := _OLD.fullmatch(name):
            weight, direction, gain = old[1], f"{old[1]}_v", f"{old[1]}_g"
        elif new := _ORIGINAL.fullmatch(name):
            weight = new[1] + new[2]
            stem = f"{new[1]}parametrizations.{new[2]}.original"
            direction, gain = f"{stem}1", f"{stem}0"
        else:
            continue
        if name == direction and gain in entries and _is_gain(entries[gain], entries[direction]):
            found[weight] = (direction, gain)
    return found


def _is_gain(gain: Entry, direction: Entry) -> bool:
    """Whether a tensor has the shape of weight norm's gain: one number, or one per row."""
    if len(gain.shape) in (0, 1):
        return gain.shape in ((), (1,))
    if len(gain.shape) != len(direction.shape):
        return False
    is_alike = all(n in (1, m) for n, m in zip(gain.shape, direction.shape, strict=True))
    return is_alike and sum(n > 1 for n in gain.shape) <= 1
