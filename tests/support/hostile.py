"""Hostile checkpoints: small files that ask for much, and code that leaves a mark."""

import json
import os
import struct
import zipfile
from pathlib import Path

import torch

MEBIBYTE = bytes(1 << 20)


class Code:
    """Makes a folder when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def weights() -> dict[str, torch.Tensor]:
    """A layer of four kernels."""
    return {"dw.weight": torch.arange(36.0).reshape(4, 1, 3, 3)}


def rezip(path: Path, compression=zipfile.ZIP_STORED, **members: bytes | int) -> None:
    """Write the weights as a .pth with the members of these names (without folder) changed.

    A number stands for that many mebibytes of zeros.
    """
    torch.save(weights(), path)
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in contents.items():
            content = members.get(name.rpartition("/")[2].partition(".")[0], content)
            if isinstance(content, bytes):
                archive.writestr(name, content)
            else:
                with archive.open(name, "w", force_zip64=True) as member:
                    for _ in range(content):
                        member.write(MEBIBYTE)


def overlap(path: Path, times: int) -> None:
    """Write a .pth whose directory names one member many times."""
    torch.save(weights(), path)
    with zipfile.ZipFile(path, "a") as archive:
        (member,) = [x for x in archive.infolist() if x.filename.endswith("data/0")]
        archive.filelist += [member] * times
        archive._didModify = True


def nested_tuples(depth: int) -> bytes:
    """A pickle of a dict with a key whose hash takes 2**depth steps."""
    pairs = b"".join(b"q\x01h\x01\x86" for _ in range(depth))  # t = (t, t)
    return b"\x80\x02})" + pairs + b"K\x01s."


def large_array(n_bytes: int) -> bytes:
    """A pickle that asks for this many bytes at once."""
    return b"\x80\x02c__builtin__\nbytearray\n\x8a\x08" + struct.pack("<q", n_bytes) + b"\x85R."


def write_header(path: Path, header: bytes | dict, length: int | None = None, size=0) -> None:
    """Write a .safetensors file with this header and stated length; the rest is a hole."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text)
    os.truncate(path, 8 + len(text) + size)


def tensor(shape: list[int], start: int, stop: int) -> dict:
    """A tensor's entry in a header."""
    return {"dtype": "F32", "shape": shape, "data_offsets": [start, stop]}
