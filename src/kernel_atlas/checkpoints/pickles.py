"""Read kernels from a pickle that torch wrote, without running any code in it.

This happens in a process of its own (`checkpoints.process`), since a hostile pickle may
still ask for any amount of memory or time.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from kernel_atlas.checkpoints.entry import Entry, Rows
from kernel_atlas.checkpoints.inventory import Candidate, Reading
from kernel_atlas.checkpoints.layer import layer_name
from kernel_atlas.checkpoints.selection import Selection, read_selected
from kernel_atlas.checkpoints.states import choose_state
from kernel_atlas.checkpoints.unpickling import load_pickle
from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.local import LocalFile


def read_pickle(file: LocalFile, selection: Selection) -> Reading:
    """The selected kernels in the order of the state dict.

    Raises
    ------
    AtlasError
        If the file is not complete, holds anything but tensors, numbers and plain
        containers, or has its weights in an unknown place.
    """
    return read_content(load_pickle(file), selection, file.name, file.size)


def read_content(
    content: Any, selection: Selection, name: str, max_bytes: int | None = None
) -> Reading:
    """The selected kernels of a state dict, perhaps under a key.

    Parameters
    ----------
    content : any
    selection : Selection
    name : str
        For messages.
    max_bytes : int, optional
        A weight of more bytes is refused: its values share memory in the file.

    Raises
    ------
    AtlasError
        If there are no weights.
    """
    state, prefix, others = choose_state(content, selection.choice.weights, shape_of, name)
    tensors = StateDict(state, max_bytes)
    reading = read_selected(tensors, selection, name, prefix)
    for key, other in others.items():
        copy = StateDict(other, max_bytes)
        for row in selection.judge(copy).values():
            if row.counted:
                why = f"under another key; weights chooses ({key})"
                reading.inventory.append(
                    Candidate(f"{key}.{row.name}", row.shape, False, False, why)
                )
    return reading


class StateDict:
    """The tensors of a state dict (`entry.Tensors`).

    Parameters
    ----------
    state : mapping
        From name to tensor; everything else in it is ignored.
    max_bytes : int, optional
        A weight of more bytes is refused when it is read.
    """

    is_ordered = True

    def __init__(self, state: Mapping[str, Any], max_bytes: int | None = None) -> None:
        self.tensors = {
            name: _as_tensor(value).detach()
            for name, value in state.items()
            if isinstance(name, str) and shape_of(value) is not None
        }
        self._max_bytes = max_bytes
        self.entries = {name: _describe(tensor) for name, tensor in self.tensors.items()}

    def read(self, rows: Mapping[str, Rows]) -> dict[str, np.ndarray]:
        """The values of these rows, float32."""
        values = {}
        for name, chosen in rows.items():
            tensor = self.tensors[name]
            n_bytes = tensor.numel() * tensor.element_size()
            if self._max_bytes is not None and n_bytes > self._max_bytes:
                shape = "x".join(map(str, tensor.shape))
                raise AtlasError(
                    f"layer {layer_name(name)}: weights of shape {shape} in a file of "
                    f"{self._max_bytes:,} bytes; save the tensor with .contiguous()"
                )
            try:
                if chosen is not None:
                    tensor = tensor[torch.from_numpy(np.asarray(chosen))]
                values[name] = tensor.float().numpy(force=True)
            except (RuntimeError, NotImplementedError):  # types that torch can only store
                raise AtlasError(
                    f"layer {layer_name(name)}: {tensor.dtype} weights cannot be read"
                ) from None
        return values


def shape_of(value: Any) -> tuple[int, ...] | None:
    """The shape of a tensor, or of an array of floats or masks; None for anything else."""
    if isinstance(value, np.ndarray):
        return value.shape if value.dtype.kind in "fb" else None
    if isinstance(value, torch.Tensor) and not value.is_nested:
        return tuple(value.shape)
    return None


def _as_tensor(value: torch.Tensor | np.ndarray) -> torch.Tensor:
    if isinstance(value, torch.Tensor):
        return value
    # other byte orders, and floats of 16 bytes, are unknown to torch
    kind = value.dtype.newbyteorder("=") if value.itemsize <= 8 else np.float64
    return torch.from_numpy(np.array(value, kind))


def _describe(tensor: torch.Tensor) -> Entry:
    """An entry; a tensor without plain values of its own has the name of its kind as dtype."""
    shape = tuple(tensor.shape)
    if tensor.is_meta:
        return Entry(shape, "meta")
    if tensor.layout is not torch.strided:
        return Entry(shape, str(tensor.layout).removeprefix("torch."))
    storage = (tensor.untyped_storage().data_ptr(), tensor.storage_offset(), tensor.stride())
    dtype = str(tensor.dtype).removeprefix("torch.")
    return Entry(shape, dtype, storage=(*storage, shape) if tensor.numel() else None)
