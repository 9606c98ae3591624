"""Read the weights of an ONNX model's convolutions; the nodes say which are depthwise.

No code runs: nothing of the graph is executed. A hostile file may still ask for any amount
of memory, so this happens in a process of its own (`checkpoints.process`).
"""

from collections import ChainMap
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import onnx
import onnx.inliner
import onnx.shape_inference
from google.protobuf.message import DecodeError
from onnx import GraphProto, ModelProto, NodeProto
from onnx.checker import ValidationError
from onnx.shape_inference import InferenceError

from kernel_atlas.checkpoints import onnx_arrays, onnx_norms, onnx_values
from kernel_atlas.checkpoints.entry import Entry
from kernel_atlas.checkpoints.layer import layer_name
from kernel_atlas.checkpoints.onnx_names import weight_name
from kernel_atlas.checkpoints.onnx_norms import Users
from kernel_atlas.checkpoints.onnx_values import STANDARD_DOMAINS, Stored, Unreadable, Value, Values
from kernel_atlas.errors import AtlasError, one_line
from kernel_atlas.sources.local import LocalFile
from kernel_atlas.sources.norms import Norm

# operator -> which of its inputs is the weight
WEIGHT_INPUT = {"Conv": 1, "FusedConv": 1, "ConvTranspose": 1, "ConvInteger": 1, "QLinearConv": 3}
# what protobuf and the onnx package raise for a damaged file
_DAMAGE = (DecodeError, ValidationError, RuntimeError, ValueError, TypeError, LookupError)


class OnnxTensors:
    """The weights of all convolutions of an ONNX model, also in its subgraphs and functions.

    With the gains of the normalisations behind depthwise ones.

    Attributes
    ----------
    is_ordered : bool
        Always: a graph is in the order of computing.
    entries : dict of str to Entry
        In the graph's order, each stored weight once. ``kind`` is "depthwise", "regular" or
        "transposed"; or "unreadable" where the file does not hold the weight that the
        network applies, and the evidence then says why.

    Raises
    ------
    AtlasError
        If the file is not a complete ONNX model.
    """

    is_ordered = True

    def __init__(self, file: LocalFile) -> None:
        self.entries: dict[str, Entry] = {}
        self._stored: dict[str, Stored] = {}
        self._folder = file.path.parent
        try:
            self._collect(_load(file))
        except _DAMAGE as error:
            raise _incomplete(file, one_line(error)) from None

    def read(self, rows: Mapping[str, Sequence[int] | np.ndarray | None]) -> dict[str, np.ndarray]:
        """These rows (first dimension; None: all) of each weight, as float32.

        Raises
        ------
        AtlasError
            If a weight is damaged, or is in a file that is missing or outside the folder.
        """
        weights = {}
        for name, chosen in rows.items():
            weight = onnx_arrays.read(self._stored[name], self._folder, layer_name(name))
            with np.errstate(over="ignore"):  # an overflow is infinite and reported as such
                weight = weight.astype(np.float32)
            weights[name] = weight if chosen is None else weight[np.asarray(chosen)]
        return weights

    def _collect(self, model: ModelProto) -> None:
        shapes = _Shapes(model)
        seen: dict[Hashable, str] = {}
        # as a list, since the values must live as long as `seen` compares them
        for node, values, users in list(_convolutions(model.graph, ChainMap())):
            weight = onnx_values.input_name(node, WEIGHT_INPUT[node.op_type])
            stored, entry = _describe(node, weight, values)
            if not entry.shape:
                entry = replace(entry, shape=shapes.of(weight))
            storage = stored.storage if stored else (weight, id(values.get(weight, node)))
            if storage in seen:
                name = seen[storage]
                shared = Norm(why="several nodes apply the weight")
                self.entries[name] = replace(self.entries[name], norm=shared)
                continue
            name = self._add(weight_name(node, stored.name if stored else weight), stored, entry)
            seen[storage] = name
            if entry.kind != "depthwise":
                continue
            gain, why = onnx_norms.find_gain(node, entry.shape[0], users, values)
            if gain and gain.storage not in seen:
                seen[gain.storage] = self._add(gain.name, gain, Entry(gain.shape, gain.dtype))
            norm = Norm(seen[gain.storage] if gain else "", why)
            self.entries[name] = replace(entry, norm=norm)

    def _add(self, base: str, stored: Stored | None, entry: Entry) -> str:
        """Keep an entry under a name that no other has."""
        name = base
        number = 1
        while name in self.entries:
            number += 1
            name = f"{layer_name(base)} ({number}).weight"
        self.entries[name] = entry
        if stored:
            self._stored[name] = stored
        return name


class _Shapes:
    """The shapes of the values that a graph computes."""

    def __init__(self, model: ModelProto) -> None:
        self._model = model

    def of(self, name: str) -> tuple[int, ...]:
        """The shape of a value, empty if it is not known, 0 for a length that varies."""
        return self._known.get(name, ())

    @cached_property
    def _known(self) -> dict[str, tuple[int, ...]]:
        try:
            graph = onnx.shape_inference.infer_shapes(self._model).graph
        except (InferenceError, ValueError):
            return {}
        lengths = {info.name: info.type.tensor_type.shape.dim for info in graph.value_info}
        return {name: tuple(dim.dim_value for dim in dims) for name, dims in lengths.items()}


def _load(file: LocalFile) -> ModelProto:
    """The model, with its functions in place of the nodes that call them."""
    model = onnx.load_model_from_string(file.read([(0, file.size or 0)])[0])
    if not model.HasField("graph") or not (model.opset_import or model.ir_version < 3):
        raise _incomplete(file, "it has no graph, or no version of its operators")
    return onnx.inliner.inline_local_functions(model) if model.functions else model


def _incomplete(file: LocalFile, cause: str) -> AtlasError:
    return AtlasError(
        f"{file.name} is not a complete ONNX file ({cause}); export or download it again"
    )


def _convolutions(
    graph: GraphProto, outer: ChainMap[str, Value]
) -> Iterator[tuple[NodeProto, Values, Users]]:
    """Each convolution, with the values that it can see and the nodes that take its graph's."""
    values = outer.new_child(onnx_values.values_of(graph))
    users = onnx_norms.users_of(graph)
    for node in graph.node:
        if node.op_type in WEIGHT_INPUT:
            yield node, values, users
        for attribute in node.attribute:
            graphs = [attribute.g] if attribute.HasField("g") else []
            for subgraph in [*graphs, *attribute.graphs]:
                yield from _convolutions(subgraph, values)


def _describe(node: NodeProto, weight: str, values: Values) -> tuple[Stored | None, Entry]:
    """The weight as stored, if it is, and what is known of it."""
    stored = None
    shape: tuple[int, ...] = ()
    try:
        stored = onnx_values.find(weight, values)
        shape = stored.shape
        kind, evidence = _kind(node, shape)
        if node.op_type == "QLinearConv":
            scale, zero_point = (onnx_values.input_name(node, index) for index in (4, 5))
            stored = onnx_values.dequantised(stored, scale, zero_point, 0, values)
        return stored, Entry(shape, stored.dtype, kind, evidence)
    except Unreadable as reason:
        return None, Entry(shape, kind="unreadable", evidence=str(reason))


def _kind(node: NodeProto, shape: tuple[int, ...]) -> tuple[str, str]:
    """What kind of convolution a node is, and how we know."""
    groups = onnx_values.attribute(node, "group", 1)
    evidence = f"a {node.op_type} node with {groups} group{'' if groups == 1 else 's'}"
    if node.domain not in STANDARD_DOMAINS:
        raise Unreadable(
            f"a {node.op_type} node of {node.domain}, which may order its weight differently"
        )
    if node.op_type == "ConvInteger":
        raise Unreadable("integers of a ConvInteger node, whose scale stands elsewhere")
    if len(shape) < 3 or min(shape) < 1 or groups < 1 or shape[0] % groups:
        raise Unreadable(f"{evidence}, which do not fit its shape")
    if node.op_type == "ConvTranspose":
        return "transposed", evidence
    return "depthwise" if groups > 1 and shape[1] == 1 else "regular", evidence
