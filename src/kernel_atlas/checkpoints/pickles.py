"""Read kernels from a pickle that torch wrote, without running any code in it.

This happens in a process of its own (`checkpoints.process`), since a hostile pickle may
still ask for any amount of memory or time.
"""

import argparse
import datetime
import io
import pathlib
import pickle
import re
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy._core import multiarray, numeric
from torch.serialization import MAGIC_NUMBER

from kernel_atlas.checkpoints.entry import Entry, Rows
from kernel_atlas.checkpoints.inventory import Candidate, Reading
from kernel_atlas.checkpoints.layer import layer_name
from kernel_atlas.checkpoints.protocols import in_protocol_2
from kernel_atlas.checkpoints.selection import Selection, read_selected
from kernel_atlas.checkpoints.states import choose_state
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


# Training codes store their command line, paths, best score and histories beside the weights.
_NUMBERS = (multiarray.scalar, multiarray._reconstruct, np.ndarray, np.dtype)
_HARMLESS: list[Any] = [
    argparse.Namespace,
    datetime.datetime,
    pathlib.PosixPath,
    (pathlib.PosixPath, "pathlib._local.PosixPath"),  # Python 3.13's name
    *_NUMBERS,
    numeric._frombuffer,  # type: ignore[attr-defined]
    *((number, f"numpy.core.multiarray.{number.__name__}") for number in _NUMBERS[:2]),  # numpy 1
    *{type(np.dtype(kind)) for kind in "?bBhHiIlLqQefdgFDUSMm"},
]


def load_pickle(file: LocalFile) -> Any:
    """What the pickle holds, if that is tensors and plain containers alone.

    Raises
    ------
    AtlasError
        If it is not complete, or holds anything else.
    """
    is_zip = zipfile.is_zipfile(file.path)
    torch.serialization.add_safe_globals(_HARMLESS)
    try:
        if is_zip:
            _check_members(file)
        else:
            _check_magic(file)
        rewritten = in_protocol_2(file)
        if rewritten is None and is_zip:
            _refuse_code(torch.serialization.get_unsafe_globals_in_checkpoint(file.path), file)
        source: Any = file.path if rewritten is None else rewritten
        can_map = is_zip and rewritten is None
        if rewritten is None and file.name.lower().endswith(".safetensors"):
            # torch would go by that name
            source, can_map = io.BytesIO(file.path.read_bytes()), False
        return torch.load(source, map_location="cpu", weights_only=True, mmap=can_map)
    except pickle.UnpicklingError as error:
        # torch's function takes zip archives alone; in the older format its error names the code
        _refuse_code(re.findall(r"(?:GLOBAL |got <class ')([\w.]+)", str(error)), file)
        # without torch's message, which advises to unpickle the file all the same
        cause = "not a pickle of weights"
    except (AtlasError, MemoryError):
        raise
    # a damaged file may raise anything in torch
    except Exception as error:
        if "can't allocate memory" in str(error):
            raise MemoryError from None
        detail = str(error).partition("\n")[0] or "no detail"
        cause = f"{type(error).__name__}: {detail}"
    raise AtlasError(
        f"{file.name} is not a complete checkpoint ({cause}); download or save it again"
    )


def _refuse_code(names: list[str], file: LocalFile) -> None:
    if names:
        raise AtlasError(
            f"{file.name} holds {min(names)}, which is code and is never unpickled; "
            "save the model's state_dict alone"
        )


def _check_magic(file: LocalFile) -> None:
    """Refuse a pickle that another code wrote; torch's begins with a number of its own."""
    (head,) = file.read([(0, 64)])
    is_pickle = head[:1] == pickle.PROTO and len(head) == 64
    if is_pickle and MAGIC_NUMBER.to_bytes(10, "little") not in head:
        raise AtlasError(
            f"{file.name} is a pickle that torch.save has not written; "
            "load it and save its weights with torch.save"
        )


def _check_members(file: LocalFile) -> None:
    """Refuse a zip archive that unpacks to more than its size; torch does not compress.

    torch's memory mapping would take the bytes of a compressed member for weights.
    """
    with zipfile.ZipFile(file.path) as archive:
        members = archive.infolist()
    if any(member.filename.endswith("/constants.pkl") for member in members):
        raise AtlasError(
            f"{file.name} is a TorchScript archive, which holds code; "
            "save the model's state_dict alone"
        )
    if not any(member.filename.endswith("/data.pkl") for member in members):
        raise AtlasError(
            f"{file.name} is a zip archive that torch.save has not written; "
            "unpack it if a checkpoint is in it"
        )
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise AtlasError(
            f"{file.name} is a compressed zip archive: it was re-zipped, or contains a "
            "checkpoint; load the checkpoint with torch and save it again"
        )
    if sum(member.file_size for member in members) > (file.size or 0):
        raise AtlasError(
            f"{file.name} is not a complete checkpoint (its members overlap); save it again"
        )
