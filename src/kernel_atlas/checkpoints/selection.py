"""From a checkpoint's tensors to layers: judge by name and shape, read, judge by value.

`depthwise.Depthwise` and `regular.RegularSample` are the two selections.
"""

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Protocol

import numpy as np

from kernel_atlas.checkpoints.choice import Choice, under_prefix
from kernel_atlas.checkpoints.composed import compose
from kernel_atlas.checkpoints.contents import are_designed, count_filters, digest
from kernel_atlas.checkpoints.entry import Rows, Tensors
from kernel_atlas.checkpoints.evidence import (
    BY_ARCHITECTURE,
    INCLUDE,
    INCLUDED,
    INPUT,
    OUTPUT,
    UNNAMED,
)
from kernel_atlas.checkpoints.inventory import Candidate, Reading
from kernel_atlas.checkpoints.layer import MAX_NAME, Layer, layer_name
from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.norms import Norm

# Far above any network: a file that declares more is damaged or hostile, and is not read.
MAX_TENSORS = 50_000
MAX_LAYERS = 10_000
MAX_VALUES = 100_000_000  # weights of all kernels, 400 MB


class Selection(Protocol):
    """Which kernels to read: `Depthwise` or `RegularSample`."""

    what: str  # for the error if there are none
    judges_values: bool  # whether fixed filters and equal layers are left out

    @property
    def choice(self) -> Choice:
        """What the user says of the checkpoint."""

    def judge(self, tensors: Tensors) -> dict[str, Candidate]:
        """All candidate weights by name, judged by names and shapes."""

    def find_norms(self, tensors: Tensors, names: Collection[str]) -> dict[str, Norm]:
        """The normalisations behind the layers of these weights, by name."""

    def rows(self, name: str, shape: tuple[int, ...]) -> Rows:
        """Which rows (first dimension) of a counted weight to read, ascending."""

    def kernels(self, name: str, weights: np.ndarray) -> np.ndarray:
        """Kernels of shape (n, k, k) from these rows, of shape (rows, channels, k, k)."""


def read_selected(
    tensors: Tensors, selection: Selection, file_name: str, prefix: str | None = None
) -> Reading:
    """The selected layers of a checkpoint, and all candidates.

    Parameters
    ----------
    tensors : Tensors
    selection : Selection
    file_name : str
        For messages.
    prefix : str, optional
        Of the names to read; by default the selection's choice of weights.

    Raises
    ------
    AtlasError
        If there are more than any network has, a name could break a line of output, or
        values cannot be read.
    """
    prefix = selection.choice.weights if prefix is None else prefix
    tensors = compose(under_prefix(tensors, prefix, file_name))
    if len(tensors.entries) > MAX_TENSORS:
        raise AtlasError(
            f"{file_name} has {len(tensors.entries):,} tensors, more than any network (at most "
            f"{MAX_TENSORS:,} are looked at)"
        )
    found = selection.judge(tensors)
    _leave_out_aliases(tensors, found)
    _check_names(found, file_name)
    # of these doubts, the values may tell that it is a fixed filter
    looked_at = {
        name: row.shape
        for name, row in found.items()
        if row.counted or (selection.judges_values and row.why in (UNNAMED, INPUT, OUTPUT))
    }
    rows = {name: selection.rows(name, shape) for name, shape in looked_at.items()}
    _check_amount(rows, looked_at, file_name)
    norms = selection.find_norms(tensors, [name for name in rows if found[name].counted])
    gains = dict.fromkeys(norm.gain for norm in norms.values() if norm.gain)
    _check_names(gains, file_name)
    values = tensors.read({**rows, **dict.fromkeys(gains)})
    layers = {}
    for name in rows:
        kernels = selection.kernels(name, values[name])
        facts = _gain_facts(norms.get(name, Norm()), len(kernels), values)
        layers[name] = Layer(found[name].name, kernels, weight=name, **facts)
    if selection.judges_values:
        _judge_values(layers, found)
    counted = [layer for name, layer in layers.items() if found[name].counted]
    return Reading(counted, list(found.values()))


def _gain_facts(norm: Norm, n: int, values: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """What a `Layer` of n kernels has of the normalisation behind it."""
    if not norm.gain:
        return {"norm_why": norm.why}
    gains = values[norm.gain][norm.start : norm.start + n]
    if np.isnan(gains).any():
        return {"norm_why": f"the gains of {layer_name(norm.gain)} are not numbers"}
    signs = np.sign(gains).astype(np.int8)
    return {"norm": layer_name(norm.gain), "norm_why": norm.why, "gain_sign": signs}


def _leave_out_aliases(tensors: Tensors, found: dict[str, Candidate]) -> None:
    """Count one of the names of a tensor that the file stores once."""
    owners: dict[object, str] = {}
    for name, row in found.items():
        storage = tensors.entries[name].storage
        if row.counted and storage is not None:
            owner = owners.setdefault(storage, name)
            if owner != name:
                found[name] = _same(row, found[owner])


def _judge_values(layers: Mapping[str, Layer], found: dict[str, Candidate]) -> None:
    """Leave out what was never trained, and layers with the kernels of another."""
    # a module that is used in several places has a name in each, and the architecture lists one
    owners = {
        digest(layer.kernels): name
        for name, layer in layers.items()
        if found[name].why == BY_ARCHITECTURE
    }
    for name, layer in layers.items():
        row = found[name]
        if row.why in (INCLUDED, BY_ARCHITECTURE):
            continue
        n_filters = count_filters(layer.kernels)
        if n_filters is not None:
            filters = f"{n_filters} fixed filter{'s' if n_filters > 1 else ''}"
            why = f"never trained ({filters} for {row.shape[0]} channels); {INCLUDE}"
            found[name] = row._replace(counted=False, in_doubt=False, why=why)
        elif are_designed(layer.kernels):
            why = f"perhaps fixed filters: symmetric, or of small whole numbers; {INCLUDE}"
            found[name] = row._replace(counted=False, in_doubt=True, why=why)
        elif row.counted:
            owner = owners.setdefault(digest(layer.kernels), name)
            if owner != name:
                found[name] = _same(row, found[owner])


def _same(row: Candidate, owner: Candidate) -> Candidate:
    return row._replace(counted=False, in_doubt=False, why=f"the same weight as {owner.name}")


def _check_names(names: Iterable[str], file_name: str) -> None:
    for name in names:
        if len(name) > MAX_NAME or not name.isprintable():
            raise AtlasError(
                f"layer {name[:MAX_NAME]!r} of {file_name}: a name has at most {MAX_NAME} "
                "characters, all printable; rename the layer"
            )


def _check_amount(
    rows: Mapping[str, Rows], shapes: Mapping[str, tuple[int, ...]], file_name: str
) -> None:
    n_values = sum(
        (shapes[name][0] if chosen is None else len(chosen)) * math.prod(shapes[name][1:])
        for name, chosen in rows.items()
    )
    if len(rows) > MAX_LAYERS or n_values > MAX_VALUES:
        raise AtlasError(
            f"{file_name} has {n_values:,} weights of kernels in {len(rows):,} layers, more than "
            f"any network (at most {MAX_VALUES:,} in {MAX_LAYERS:,} layers are read)"
        )
