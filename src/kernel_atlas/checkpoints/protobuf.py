"""Tell an ONNX file by its first bytes, without the onnx package."""

# the fields of ONNX's ModelProto: number -> wire type (0 a whole number, 2 a length and bytes)
_FIELDS = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}
_TEXTS = {2, 3, 4, 6}  # the producer's name and version, domain, notes
_MAX_IR_VERSION = 100  # 14 in 2026, one more each year


def looks_like_onnx(head: bytes, name: str) -> bool:
    """Whether a file is an ONNX model, by its first bytes.

    Other protobufs (a TensorFlow SavedModel, a Core ML model) also begin with a version;
    they are told apart by the second field, which is text in an ONNX model.

    Parameters
    ----------
    head : bytes
        The start of the file, a few dozen bytes at least.
    name : str
        The file's name. With ``.onnx`` at its end the version alone is enough, so that a
        damaged model is reported as one.
    """
    try:
        fields = list(_fields(head))
    except ValueError:
        return False
    enough = 1 if name.lower().endswith(".onnx") else 2
    return len(fields) >= enough and fields[0][0] == 1 and 0 < fields[0][1] <= _MAX_IR_VERSION


def _fields(head: bytes) -> list[tuple[int, int]]:
    """Number and value (or length) of each field that begins in these bytes.

    Raises
    ------
    ValueError
        If one cannot be a field of an ONNX model.
    """
    found = []
    position = 0
    while position < len(head):
        tag, start = _varint(head, position)
        number, wire_type = tag >> 3, tag & 7
        if start < 0:
            break
        value, position = _varint(head, start)
        if _FIELDS.get(number) != wire_type:
            raise ValueError(f"field {number} of type {wire_type}")
        if position < 0:
            break
        if wire_type == 2:
            if number in _TEXTS and not _is_text(head[position : position + value]):
                raise ValueError(f"field {number} is not text")
            position += value
        found.append((number, value))
    return found


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """A whole number and where it ends, or -1 if the bytes end before."""
    value = 0
    for shift, byte in enumerate(data[position : position + 10]):
        value |= (byte & 127) << (7 * shift)
        if byte < 128:
            return value, position + shift + 1
    if len(data) - position >= 10:
        raise ValueError("a number of more than 64 bits")
    return value, -1


def _is_text(data: bytes) -> bool:
    # the last character may be cut off
    text = data.decode(errors="ignore")
    return len(data) - len(text.encode()) < 4 and all(c.isprintable() or c.isspace() for c in text)
