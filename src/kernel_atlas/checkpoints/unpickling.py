"""Unpickle a checkpoint of torch: tensors, numbers and plain containers, never code."""

import argparse
import datetime
import io
import pathlib
import pickle
import re
import zipfile
from typing import Any

import numpy as np
import torch
from numpy._core import multiarray, numeric
from torch.serialization import MAGIC_NUMBER

from kernel_atlas.checkpoints.protocols import in_protocol_2
from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.local import LocalFile

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
