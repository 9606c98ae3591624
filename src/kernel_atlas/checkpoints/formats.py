"""The format of a checkpoint, told by its content; by its name only where that is damaged."""

import zipfile
from pathlib import Path

from kernel_atlas.checkpoints.protobuf import looks_like_onnx
from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.local import LocalFile
from kernel_atlas.sources.remote import RemoteFile
from kernel_atlas.sources.shards import INDEX

SAFETENSORS, PICKLE, ONNX, KERAS = "safetensors", "pickle", "onnx", "keras"

# The format that a suffix names: on a server, it says whether a file is fetched whole.
SUFFIXES = {
    ".safetensors": SAFETENSORS,
    **dict.fromkeys([".pth", ".pt", ".bin", ".ckpt", ".tar", ".pkl", ".t7"], PICKLE),
    ".onnx": ONNX,
    **dict.fromkeys([".h5", ".hdf5", ".keras"], KERAS),
}
HEAD_BYTES = 512

_SAVE_STATE_DICT = "load it and save its weights as .safetensors, or its state_dict with torch.save"
# What begins a file that is not read, what it is, and what to do.
_OTHERS = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself", "run `git lfs pull`"),
    (b"<", "a web page or XML file", "check the address; a login may be needed"),
    (b"GGUF", "a GGUF file", _SAVE_STATE_DICT),
    (b"\x93NUMPY", "a NumPy array", "classify arrays in Python: kernel_atlas.classify(array)"),
    (b"\x1f\x8b", "a gzip archive", "unpack it"),
    (b"BZh", "a bzip2 archive", "unpack it"),
    (b"\xfd7zXZ", "an xz archive", "unpack it"),
    (b"7z\xbc\xaf", "a 7z archive", "unpack it"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive", "unpack it"),
)
_CHECKPOINT_NAMES = {
    ".index": "a TensorFlow checkpoint",
    ".pb": "a TensorFlow graph",
    ".tflite": "a TensorFlow Lite model",
    ".msgpack": "a Flax checkpoint",
    ".npz": "a NumPy archive",
    ".mlmodel": "a Core ML model",
    ".engine": "a TensorRT engine",
    ".pdparams": "a PaddlePaddle checkpoint",
}


def format_of(file: LocalFile | RemoteFile) -> str:
    """The format of a file: `SAFETENSORS`, `PICKLE`, `ONNX` or `KERAS`.

    Of a file on a server, the name decides if it has a known suffix; else the first bytes
    are fetched.

    Raises
    ------
    AtlasError
        If it is something else. The message says what it is, and what to do.
    """
    if file.name.endswith(INDEX):
        return SAFETENSORS
    suffix = Path(file.name).suffix.lower()
    by_name = SUFFIXES.get(suffix, "")
    if isinstance(file, RemoteFile) and by_name:
        return by_name
    (head,) = file.read([(0, HEAD_BYTES)])
    found = _by_content(head, file)
    if found:
        return found
    for start, what, advice in _OTHERS:
        if head.lstrip().startswith(start):
            raise _not_read(file, what, advice)
    if head[4:8] == b"TFL3":
        raise _not_read(file, "a TensorFlow Lite model", _SAVE_STATE_DICT)
    if head[257:262] == b"ustar":
        raise _not_read(file, "a tar archive", "unpack it")
    if suffix in _CHECKPOINT_NAMES or ".data-0000" in file.name:
        what = _CHECKPOINT_NAMES.get(suffix, "a TensorFlow checkpoint")
        raise _not_read(file, what, _SAVE_STATE_DICT)
    if by_name:
        return by_name  # damaged: its reader says how
    raise _not_read(
        file,
        "of an unknown format, or damaged",
        ".safetensors, torch's pickles, .onnx and Keras files are read",
    )


def _by_content(head: bytes, file: LocalFile | RemoteFile) -> str:
    """The format that the first bytes tell, or an empty string."""
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < max(file.size or 0, 1 << 20):
        return SAFETENSORS
    if head.startswith(b"PK\x03\x04") and isinstance(file, LocalFile):
        return _of_zip(file)
    if head.startswith(b"PK\x03\x04"):
        return PICKLE  # fetched whole, then looked at again
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return KERAS
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return PICKLE
    return ONNX if looks_like_onnx(head, file.name) else ""


def _of_zip(file: LocalFile) -> str:
    try:
        with zipfile.ZipFile(file.path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return PICKLE  # its reader says that it is damaged
    if any(name.endswith(".weights.h5") for name in names):
        return KERAS
    if names and all(name.endswith(".npy") for name in names):
        raise _not_read(file, "a NumPy archive", _SAVE_STATE_DICT)
    if any(name.endswith("saved_model.pb") for name in names):
        raise _not_read(file, "an archive of a TensorFlow model", _SAVE_STATE_DICT)
    return PICKLE


def _not_read(file: LocalFile | RemoteFile, what: str, advice: str) -> AtlasError:
    return AtlasError(f"{file.name} is {what}, not a checkpoint that can be read; {advice}")
