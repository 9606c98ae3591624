"""Pickles of protocols 3 to 5, rewritten in protocol 2, the only one that torch reads safely."""

import io
import pickle
import pickletools
import struct
import zipfile
from collections.abc import Iterator
from typing import Any, BinaryIO

from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.local import LocalFile

READ_BY_TORCH = 2
N_LEGACY_PICKLES = 5  # in torch's older format, before the values

_STRINGS = {"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"}
_BYTES = {"SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"}
# sets lie beside weights at most; here they become lists and tuples
_SETS = {"EMPTY_SET": pickle.EMPTY_LIST, "ADDITEMS": pickle.APPENDS, "FROZENSET": pickle.TUPLE}
_PUTS = {"MEMOIZE", "BINPUT", "LONG_BINPUT"}
_GETS = {"BINGET", "LONG_BINGET"}


def in_protocol_2(file: LocalFile) -> BinaryIO | None:
    """The file with its pickles in protocol 2, or None if they are in it.

    Nothing is unpickled: one list of instructions is translated into another.

    Raises
    ------
    AtlasError
        If an instruction has no equal in protocol 2.
    """
    with file.path.open("rb") as stream:
        head = stream.read(2)
        if zipfile.is_zipfile(file.path):
            return _rewrite_zip(file)
        if head[:1] != pickle.PROTO or head[1] <= READ_BY_TORCH:
            return None
        stream.seek(0)
        rewritten = io.BytesIO()
        for _ in range(N_LEGACY_PICKLES):
            rewritten.write(_translate(stream, file.name))
        rewritten.write(stream.read())
    rewritten.seek(0)
    return rewritten


def _rewrite_zip(file: LocalFile) -> BinaryIO | None:
    with zipfile.ZipFile(file.path) as archive:
        names = [name for name in archive.namelist() if name.endswith("data.pkl")]
        if not names or archive.read(names[0])[1:2] <= bytes([READ_BY_TORCH]):
            return None
        rewritten = io.BytesIO()
        with zipfile.ZipFile(rewritten, "w", zipfile.ZIP_STORED) as copy:
            for member in archive.infolist():
                content = archive.read(member)
                if member.filename == names[0]:
                    content = _translate(io.BytesIO(content), file.name)
                copy.writestr(member.filename, content)
    rewritten.seek(0)
    return rewritten


def _translate(stream: BinaryIO, file_name: str) -> bytes:
    """One pickle in protocol 2. Strings are repeated instead of remembered: names need them."""
    try:
        return b"".join(chunk for chunk, _ in _instructions(stream, file_name))
    except (ValueError, IndexError, struct.error, UnicodeError) as error:
        raise AtlasError(
            f"{file_name} is not a complete checkpoint ({error}); download or save it again"
        ) from None


def _instructions(stream: BinaryIO, file_name: str) -> Iterator[tuple[bytes, str | None]]:
    """The instructions in protocol 2; those that push a string, with the string."""
    out: list[tuple[bytes, str | None]] = [(pickle.PROTO + bytes([READ_BY_TORCH]), None)]
    strings: dict[int, str] = {}  # by their number in the pickle's memo
    n_remembered = 0
    raw = _Recorded(stream)
    argument: Any
    for code, argument, _ in pickletools.genops(raw):  # type: ignore[arg-type]
        content = raw.take()
        if code.name in ("PROTO", "FRAME"):
            continue
        if code.name in _STRINGS:
            out.append((_string(argument), argument))
        elif code.name in _PUTS:
            number = n_remembered if code.name == "MEMOIZE" else argument
            n_remembered += 1
            if (string := out[-1][1]) is not None:
                strings[number] = string
            else:
                out.append((pickle.LONG_BINPUT + struct.pack("<I", number), None))
        elif code.name in _GETS and argument in strings:
            out.append((_string(strings[argument]), strings[argument]))
        elif code.name == "STACK_GLOBAL":
            (_, module), (_, name) = out[-2:]
            if not module or not name:
                raise ValueError("a class without a name")
            out[-2:] = [(f"c{module}\n{name}\n".encode(), None)]
        elif code.name in _BYTES:
            out.append((_encoded(argument), None))
        elif code.name in _SETS:
            out.append((_SETS[code.name], None))
        elif code.proto > READ_BY_TORCH:
            raise AtlasError(
                f"{file_name} is a pickle of protocol {code.proto} with {code.name}, which is not "
                "read; save it with torch.save's own protocol"
            )
        else:
            out.append((content, None))
    return iter(out)


class _Recorded:
    """A stream that keeps what was read since the last `take`."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._read = bytearray()

    def read(self, size: int = -1) -> bytes:
        content = self._stream.read(size)
        self._read += content
        return content

    def readline(self) -> bytes:
        content = self._stream.readline()
        self._read += content
        return content

    def take(self) -> bytes:
        content, self._read = bytes(self._read), bytearray()
        return content


def _string(text: str) -> bytes:
    content = text.encode("utf-8", "surrogatepass")
    return pickle.BINUNICODE + struct.pack("<I", len(content)) + content


def _encoded(content: bytes) -> bytes:
    """Bytes as protocol 2 has them: text that is encoded when it is read."""
    text = _string(content.decode("latin1")) + _string("latin1")
    return b"c_codecs\nencode\n" + text + pickle.TUPLE2 + pickle.REDUCE
