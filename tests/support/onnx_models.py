"""ONNX models: made by hand, and exported by torch."""

import warnings
from collections.abc import Iterable, Sequence
from copy import deepcopy
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from kernel_atlas.sources.local import LocalFile

# what torch says of its own code
EXPORTERS_WARNINGS = (
    "You are using the legacy TorchScript-based ONNX export",
    "The feature will be removed",
    "It is recommended that constant folding be turned off",
    "Converting a tensor to a Python",
    "ONNX Preprocess - Removing mutation",
    "Setting `training` to something other than default is deprecated",
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",
)
OPSET = helper.make_opsetid("", 21)


def stored(name: str, values: np.ndarray) -> TensorProto:
    """An initialiser."""
    return numpy_helper.from_array(values, name)


def external(name: str, values: np.ndarray, location: str, offset: int = 0) -> TensorProto:
    """An initialiser whose values lie in another file."""
    tensor = stored(name, values)
    onnx.external_data_helper.set_external_data(tensor, location, offset, values.nbytes)
    tensor.ClearField("raw_data")
    return tensor


def convolution(weight: str, groups: int, operator: str = "Conv", name: str = "") -> NodeProto:
    """A node that convolves the input with a value of the graph."""
    return helper.make_node(operator, ["image", weight], ["out"], name=name, group=groups)


def model(
    nodes: Iterable[NodeProto], *tensors: TensorProto, functions: Sequence = ()
) -> ModelProto:
    """A model of these nodes and initialisers."""
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", "c", "h", "w"])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    graph = helper.make_graph(list(nodes), "net", [image], [out], list(tensors))
    return helper.make_model(
        graph, opset_imports=[OPSET, helper.make_opsetid("lab", 1)], functions=functions
    )


def write(path: Path, content: ModelProto | bytes) -> LocalFile:
    """The model, or the bytes, as a file."""
    path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
    return LocalFile(path)


def export(module, path: Path, size: int = 64, **options) -> LocalFile:
    """What torch's exporters make of a module for images of three channels."""
    import torch

    with warnings.catch_warnings():
        for message in EXPORTERS_WARNINGS:
            warnings.filterwarnings("ignore", message)
        image = torch.zeros(1, 3, size, size)
        # a copy, since tracing in training mode changes the statistics of norms
        torch.onnx.export(deepcopy(module), (image,), path, verbose=False, **options)
    return LocalFile(path)
