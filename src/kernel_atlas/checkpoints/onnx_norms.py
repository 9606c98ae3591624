"""The normalisation behind a convolution of an ONNX model, by the nodes that take its output."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from onnx import GraphProto, NodeProto

from kernel_atlas.checkpoints import onnx_values
from kernel_atlas.checkpoints.onnx_values import (
    MAX_NODES,
    STANDARD_DOMAINS,
    Stored,
    Unreadable,
    Values,
)

# operators with a gain per channel as their second input
NORMS = {
    *("BatchNormalization", "InstanceNormalization"),
    *("LayerNormalization", "GroupNormalization", "RMSNormalization"),
}
# operators that leave the sign of each channel as it is
PASSED = {"Identity", "Cast", "Transpose", "Dropout", "QuantizeLinear", "DequantizeLinear"}

Users = Mapping[str, Sequence[NodeProto | None]]


def users_of(graph: GraphProto) -> Users:
    """The nodes that take each value, by its name; None stands for the graph's own output."""
    users: dict[str, list[NodeProto | None]] = defaultdict(list)
    for node in graph.node:
        for name in dict.fromkeys(node.input):
            users[name].append(node)
        for attribute in node.attribute:
            graphs = [attribute.g] if attribute.HasField("g") else []
            for subgraph in [*graphs, *attribute.graphs]:
                for name in users_of(subgraph):
                    users[name].append(node)
    for value in graph.output:
        users[value.name].append(None)
    return users


def find_gain(
    node: NodeProto, n_channels: int, users: Users, values: Values
) -> tuple[Stored | None, str]:
    """The stored gains of the normalisation behind a convolution, and the evidence or the cause."""
    if node.op_type == "FusedConv":
        return None, "an activation follows, no normalisation (FusedConv)"
    for _ in range(MAX_NODES):
        following = users.get(node.output[0], [])
        if len(following) > 1:
            return None, f"its output goes to {len(following)} nodes"
        after = following[0] if following else None
        if after is None:
            return None, "the network's output"
        if after.domain not in STANDARD_DOMAINS:
            return None, f"a node {after.op_type} of {after.domain} follows"
        if after.op_type in NORMS:
            break
        if after.op_type not in PASSED:
            return None, f"no normalisation follows, but a node {after.op_type}"
        node = after
    else:
        return None, f"no normalisation within {MAX_NODES} nodes"
    try:
        stored = onnx_values.find(onnx_values.input_name(after, 1), values)
    except Unreadable as reason:
        return None, f"the gains of the {after.op_type} behind it are {reason}"
    if stored.shape != (n_channels,):
        return None, f"the {after.op_type} behind it has no gain for each of its channels"
    return stored, f"a {after.op_type} node takes its output"
