"""An ONNX file is told by its first bytes, and nothing else is taken for one."""

import io
import json
import pickle
import zipfile

import numpy as np
import pytest
import torch
from support.onnx_models import convolution, model, stored

from kernel_atlas.checkpoints.protobuf import looks_like_onnx

ONNX = model([convolution("w", 8)], stored("w", np.ones((8, 1, 3, 3), "f4")))
ONNX.producer_name, ONNX.producer_version, ONNX.doc_string = (
    "pytorch",
    "2.13.0",
    "Ein Netz für\nalle",
)


def field(number, value):
    """A protobuf field: a whole number, or bytes."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    return bytes([number << 3 | 2, len(value)]) + value


def torch_file(**options):
    buffer = io.BytesIO()
    torch.save({"a.weight": torch.zeros(8, 1, 3, 3)}, buffer, **options)
    return buffer.getvalue()


def zip_file():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("config.json", "{}")
    return buffer.getvalue()


OTHERS = {
    "nothing": b"",
    "pickle": pickle.dumps({"a": 1}, protocol=2),
    "old pickle": pickle.dumps({"a": 1}, protocol=0),
    "zip archive": zip_file(),
    "torch": torch_file(),
    "torch, old": torch_file(_use_new_zipfile_serialization=False),
    "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(64),
    "NumPy": b"\x93NUMPY\x01\x00v\x00{'descr': '<f4'}",
    "text": b"model\tsource\trole\n",
    "JSON": json.dumps({"ir_version": 8}).encode(),
    "zeros": bytes(64),
    "noise": np.random.default_rng(0).bytes(512),
    # protobufs whose first field is a version, too
    "SavedModel": field(1, 1) + field(2, field(1, field(2, b"serve")) + b"\x12\x04"),
    "Core ML": field(1, 4) + field(2, field(1, field(1, b"image"))),
    "GraphDef": field(1, field(1, b"input") + field(2, b"Placeholder")),
    "a version of 0": field(1, 0) + field(2, b"pytorch"),
    "a later version": b"\x08\xff\x7f" + field(2, b"pytorch"),
}
# .safetensors files whose header's length looks like the first fields of an ONNX model
OTHERS |= {
    f"safetensors, header of {length}": length.to_bytes(8, "little") + b'{"a.weight":{"dtype":'
    for length in (0x0708, 0x120708, 0x3A0708, 0x0228_0708)
}


@pytest.mark.parametrize("length", [16, 64, 512])
@pytest.mark.parametrize("name", ["net.onnx", "net.bin", "model"])
def test_an_onnx_model_is_told_by_its_start(name, length):
    assert looks_like_onnx(ONNX.SerializeToString()[:length], name)


@pytest.mark.parametrize("kind", OTHERS)
def test_nothing_else_is_taken_for_one(kind):
    assert not looks_like_onnx(OTHERS[kind][:512], "net.bin")


def test_a_damaged_file_with_the_suffix_is_one_if_its_version_is_left():
    assert looks_like_onnx(b"\x08\x08", "net.onnx")
    assert not looks_like_onnx(b"\x08\x08", "net.bin")
    assert not looks_like_onnx(OTHERS["torch"], "net.onnx")
