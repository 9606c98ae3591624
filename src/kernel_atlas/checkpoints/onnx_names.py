"""Names for the weights of an ONNX model, as its state dict had them."""

import ast
import re

from onnx import NodeProto

# what exporters call a weight that they made: onnx::Conv_217, val_12, 217, /conv/Mul_output_0
_MADE_UP = re.compile(r"(onnx::\w+_|val_|_v_|const_fold_opt__)?\d+|.*_output_\d+|")
_OF_QUANTISERS = re.compile(r"_(quantized|(Deq|Q)uantizeLinear_Output)$")
_SCOPES = "pkg.torch.onnx.name_scopes"  # where torch's newer exporter notes a node's module


def weight_name(node: NodeProto, value: str) -> str:
    """A name for the weight of a convolution: of its parameter, or of the layer.

    Parameters
    ----------
    node : NodeProto
        The convolution.
    value : str
        The stored tensor's name: ``blocks.0.conv_dw.weight``. If an exporter made it up
        (``onnx::Conv_217``), the node's own name tells the layer:
        ``/blocks/blocks.0/conv_dw/Conv`` is of ``blocks.0.conv_dw``.
    """
    value = _OF_QUANTISERS.sub("", value)
    made_up = _MADE_UP.fullmatch(value) is not None
    if not made_up and "." in value:
        return value
    # torch's newer exporter calls a weight that it computed mul_1, or val_12
    if layer := _layer(node):
        return f"{layer}.weight"
    return f"{node.name.strip('/') or node.op_type}.weight" if made_up else value


def _layer(node: NodeProto) -> str:
    """The module that a node belongs to, empty if torch did not note it."""
    for entry in node.metadata_props:
        if entry.key == _SCOPES:
            return _noted(entry.value)
    layer: list[str] = []
    for part in node.name.strip("/").split("/")[:-1]:  # the last one is the operator
        # a module in a container has the container's name in its own: blocks, blocks.0
        if layer and part.startswith(f"{layer[-1]}."):
            layer.pop()
        layer.append(part)
    return ".".join(layer)


def _noted(scopes: str) -> str:
    """The last but one of ``['', 'blocks', 'blocks.0', 'conv2d']``, after which stands the call."""
    try:
        names = ast.literal_eval(scopes)
        return str(names[-2])
    except (ValueError, SyntaxError, TypeError, LookupError, RecursionError, MemoryError):
        return ""
