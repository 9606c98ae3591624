"""Where a value of an ONNX graph comes from, if it is stored in the file.

A convolution's weight is an initialiser or the output of a Constant node. Between the two
there may be Identity, Cast, QuantizeLinear and DequantizeLinear nodes, which are followed.
Anything else is computed from other values and is not read.
"""

from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import GraphProto, NodeProto, SparseTensorProto, TensorProto

STANDARD_DOMAINS = {"", "ai.onnx", "com.microsoft"}
MAX_NODES = 20  # between a stored tensor and a convolution; a circle of nodes has no end
INTEGER_RANGES = {
    "int4": (-8, 7),
    "uint4": (0, 15),
    "int8": (-(1 << 7), (1 << 7) - 1),
    "uint8": (0, (1 << 8) - 1),
    "int16": (-(1 << 15), (1 << 15) - 1),
    "uint16": (0, (1 << 16) - 1),
}
FLOATS = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE}

Value = TensorProto | SparseTensorProto | NodeProto  # stored, or computed by a node
Values = Mapping[str, Value]


class Unreadable(Exception):
    """A value is not stored in the file; the message says where it comes from."""


class Step(NamedTuple):
    """A cast ("Cast"), or a change to integers ("QuantizeLinear") or back."""

    operator: str
    dtype: str  # of the result, as numpy writes it
    scale: "Stored | None" = None
    zero_point: "Stored | None" = None
    axis: int = 0


class Stored(NamedTuple):
    """A tensor of the file, and the steps from it to a value of the graph."""

    name: str  # of the tensor
    tensor: TensorProto
    steps: tuple[Step, ...] = ()

    @property
    def storage(self) -> Hashable:
        """Equal for two values of a graph that are the same numbers in the file."""
        external = {entry.key: entry.value for entry in self.tensor.external_data}
        place = (external["location"], external.get("offset")) if "location" in external else None
        scales = [id(step.scale.tensor) for step in self.steps if step.scale]
        return (place or id(self.tensor), *scales)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.tensor.dims)

    @property
    def dtype(self) -> str:
        return self.steps[-1].dtype if self.steps else dtype_name(self.tensor.data_type)


def values_of(graph: GraphProto) -> dict[str, Value]:
    """What is stored in a graph, and the nodes that compute the rest, by the values' names."""
    values: dict[str, Value] = {}
    for node in graph.node:
        value = _constant(node) if node.op_type == "Constant" else node
        values |= dict.fromkeys(node.output, value)
    values |= {tensor.values.name: tensor for tensor in graph.sparse_initializer}
    values |= {tensor.name: tensor for tensor in graph.initializer}
    values.pop("", None)  # an output that is left out
    return values


def find(name: str, values: Values, may_be_quantised: bool = True) -> Stored:
    """The stored tensor behind a value of the graph.

    Raises
    ------
    Unreadable
        If there is none, or it has a form that is not read.
    """
    steps: list[Step] = []
    for _ in range(MAX_NODES):
        value = values.get(name)
        if value is None:
            raise Unreadable("given to the network as an input")
        if isinstance(value, SparseTensorProto):
            raise Unreadable("a sparse tensor")
        if isinstance(value, TensorProto):
            return Stored(name, value, tuple(reversed(steps)))
        if value.domain not in STANDARD_DOMAINS:
            raise Unreadable(f"computed in the graph by {value.op_type} of {value.domain}")
        if value.op_type == "Cast":
            steps.append(_cast(value))
        elif may_be_quantised and value.op_type in ("QuantizeLinear", "DequantizeLinear"):
            steps.append(_quantisation(value, values))
        elif value.op_type != "Identity":
            raise Unreadable(f"computed in the graph by {value.op_type}")
        name = input_name(value, 0)
    raise Unreadable(f"computed in the graph by more than {MAX_NODES} nodes")


def dequantised(stored: Stored, scale: str, zero_point: str, axis: int, values: Values) -> Stored:
    """An integer tensor with the step that makes it floating point.

    Parameters
    ----------
    scale, zero_point : str
        Names of values; an empty zero point is 0.
    axis : int
        The dimension along which the scale varies, if it is not one number.
    """
    step = _step("DequantizeLinear", scale, zero_point, axis, values)
    return stored._replace(steps=(*stored.steps, step))


def dtype_name(data_type: int) -> str:
    """ONNX's number of an element type, as numpy writes it."""
    try:
        return np.dtype(onnx.helper.tensor_dtype_to_np_dtype(data_type)).name
    except KeyError:
        raise Unreadable(f"of an unknown type (number {data_type})") from None


def attribute(node: NodeProto, name: str, default: Any = None) -> Any:
    """The value of a node's attribute."""
    found = [item for item in node.attribute if item.name == name]
    return onnx.helper.get_attribute_value(found[0]) if found else default


def input_name(node: NodeProto, index: int) -> str:
    """The name of a node's input, empty if it is left out."""
    return node.input[index] if index < len(node.input) else ""


def _constant(node: NodeProto) -> TensorProto | SparseTensorProto | NodeProto:
    """What a Constant node holds, or the node itself if that is not numbers."""
    for item in node.attribute:
        value = onnx.helper.get_attribute_value(item)
        if isinstance(value, TensorProto | SparseTensorProto):
            return value
        if item.name in ("value_float", "value_floats"):
            return onnx.numpy_helper.from_array(np.asarray(value, np.float32))
        if item.name in ("value_int", "value_ints"):
            return onnx.numpy_helper.from_array(np.asarray(value, np.int64))
    return node


def _cast(node: NodeProto) -> Step:
    data_type = attribute(node, "to", 0)
    if data_type not in FLOATS:
        raise Unreadable(f"cast in the graph to {dtype_name(data_type)}")
    return Step("Cast", dtype_name(data_type))


def _quantisation(node: NodeProto, values: Values) -> Step:
    if attribute(node, "block_size", 0):
        raise Unreadable("quantised by blocks")
    axis, data_type = attribute(node, "axis", 1), attribute(node, "output_dtype", 0)
    scale, zero_point = input_name(node, 1), input_name(node, 2)
    return _step(node.op_type, scale, zero_point, axis, values, data_type)


def _step(
    operator: str, scale: str, zero_point: str, axis: int, values: Values, data_type: int = 0
) -> Step:
    try:
        parts = [find(name, values, may_be_quantised=False) for name in (scale, zero_point) if name]
    except Unreadable as reason:
        raise Unreadable(f"quantised with a scale or zero point {reason}") from None
    if not scale or any(len(part.shape) > 1 for part in parts):
        raise Unreadable("quantised by blocks, or without a scale")
    zero = parts[1] if zero_point else None
    of_result = parts[0].dtype
    if data_type:
        of_result = dtype_name(data_type)
    elif operator == "QuantizeLinear":
        of_result = zero.dtype if zero else "uint8"
    if operator == "QuantizeLinear" and of_result not in INTEGER_RANGES:
        raise Unreadable(f"quantised to {of_result}")
    return Step(operator, of_result, parts[0], zero, axis)
