"""Networks that torch exports to ONNX have the kernels of their state dicts."""

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from support.onnx_models import export, stored, write

from kernel_atlas.checkpoints.depthwise import Depthwise
from kernel_atlas.checkpoints.layer import layer_name
from kernel_atlas.checkpoints.modules import read_module
from kernel_atlas.checkpoints.onnx import OnnxTensors
from kernel_atlas.checkpoints.selection import read_selected
from kernel_atlas.sources.timm_import import import_timm

NAMES = {"test_efficientnet": {}, "test_convnext": {"depths": (1, 1, 2, 1)}}
# the exporters' options under which the weights stay as they are
AS_THEY_ARE = {
    "legacy, not folded": {"dynamo": False, "do_constant_folding": False},
    "legacy, folded, for training": {
        "dynamo": False,
        "training": torch.onnx.TrainingMode.TRAINING,
    },
    "dynamo, not folded": {"dynamo": True, "optimize": False},
}
# in these a batch norm's gain is multiplied into the convolution before it
FUSED = {
    "legacy, folded": {"dynamo": False},
    "dynamo, folded": {"dynamo": True},
}


@pytest.fixture(scope="module")
def networks():
    """Two of timm's smallest networks, with gains of any sign in their norms."""
    timm = import_timm()
    torch.manual_seed(0)
    networks = {name: timm.create_model(name, **NAMES[name]).eval() for name in NAMES}
    for module in networks["test_efficientnet"].modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.weight)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
    for module in networks["test_convnext"].modules():
        if isinstance(module, torch.nn.LayerNorm):
            torch.nn.init.normal_(module.weight)
    return networks


@pytest.fixture(scope="module")
def exported(networks, tmp_path_factory):
    """A function that gives the file of a network under some options, exported once."""
    folder = tmp_path_factory.mktemp("onnx")
    files = {}

    def give(name, label):
        if (name, label) not in files:
            path = folder / f"{name} {label}.onnx"
            files[name, label] = export(networks[name], path, **(AS_THEY_ARE | FUSED)[label])
        return files[name, label]

    return give


def depthwise(module):
    """The depthwise weights of a network by layer, from its modules' groups."""
    return {
        name: layer.weight.detach().numpy()
        for name, layer in module.named_modules()
        if isinstance(layer, torch.nn.Conv2d) and layer.groups == layer.in_channels > 1
    }


def kernels(file):
    """The depthwise weights of an ONNX file by layer."""
    tensors = OnnxTensors(file)
    names = [name for name, entry in tensors.entries.items() if entry.kind == "depthwise"]
    values = tensors.read(dict.fromkeys(names))
    assert {name: x.shape for name, x in values.items()} == {
        name: tensors.entries[name].shape for name in names
    }
    return {layer_name(name): values[name] for name in names}


def assert_equal(found, expected):
    assert list(found) == list(expected)
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name])


@pytest.mark.parametrize("label", AS_THEY_ARE)
@pytest.mark.parametrize("name", NAMES)
def test_an_export_has_the_kernels_of_the_state_dict_bit_by_bit(networks, exported, name, label):
    expected = depthwise(networks[name])
    assert len(expected) > 1
    assert_equal(kernels(exported(name, label)), expected)


@pytest.mark.parametrize("label", AS_THEY_ARE)
@pytest.mark.parametrize("name", NAMES)
def test_an_export_has_the_gains_behind_its_layers(networks, exported, name, label):
    file = exported(name, label)
    found = read_selected(OnnxTensors(file), Depthwise(), file.name).layers
    expected = read_module(networks[name]).layers
    assert [layer.norm for layer in found] == [layer.norm for layer in expected]
    for layer, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(layer.gain_sign, other.gain_sign)


@pytest.mark.parametrize("label", FUSED)
def test_so_has_a_folded_one_if_there_is_no_batch_norm(networks, exported, label):
    assert_equal(kernels(exported("test_convnext", label)), depthwise(networks["test_convnext"]))


@pytest.mark.parametrize("label", FUSED)
def test_a_batch_norm_that_is_folded_in_changes_each_kernel_by_a_gain(networks, exported, label):
    network = networks["test_efficientnet"]
    found, expected = kernels(exported("test_efficientnet", label)), depthwise(network)
    assert list(found) == list(expected)
    for name, kernel in expected.items():
        norm = network.get_submodule(name.replace("conv_dw", "bn2"))
        gain = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).detach().numpy()
        assert (gain < 0).any()
        np.testing.assert_allclose(found[name], kernel * gain[:, None, None, None], rtol=1e-5)


@pytest.mark.parametrize("label", AS_THEY_ARE | FUSED)
@pytest.mark.parametrize("name", NAMES)
def test_all_convolutions_are_named_as_in_the_network(networks, exported, name, label):
    entries = OnnxTensors(exported(name, label)).entries
    state = networks[name].state_dict()
    layers = {n: m for n, m in networks[name].named_modules() if isinstance(m, torch.nn.Conv2d)}
    entries = {name: entry for name, entry in entries.items() if entry.kind}  # without gains
    assert list(map(layer_name, entries)) == list(layers)
    assert {n: e.shape for n, e in entries.items()} == {n: tuple(state[n].shape) for n in entries}


def quantise(values, axis):
    """int8 numbers with their scale: one, or one along the axis."""
    others = tuple(i for i in range(values.ndim) if i != axis)
    scale = np.abs(values).max(axis=others if axis is not None else None, keepdims=True) / 127
    scale = scale.astype(np.float32)
    numbers = np.clip(np.rint(values / scale), -127, 127).astype(np.int8)
    return numbers, scale.reshape(-1) if axis is not None else scale.reshape(())


def with_quantised_weights(model, axis, is_in_training):
    """The model with a DequantizeLinear node before each convolution's weight."""
    graph = model.graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    settings = {} if axis is None else {"axis": axis}
    steps = {}
    for node in [node for node in graph.node if node.op_type == "Conv"]:
        name = node.input[1]
        values = numpy_helper.to_array(tensors[name])
        numbers, scale = quantise(values, axis)
        of_scale = [f"{name}_scale", f"{name}_zero_point"]
        graph.initializer.append(stored(of_scale[0], scale))
        graph.initializer.append(stored(of_scale[1], np.zeros_like(scale, np.int8)))
        source = f"{name}_quantized"
        if is_in_training:  # the file keeps the weights that training goes on with
            node_in = helper.make_node("QuantizeLinear", [name, *of_scale], [source], **settings)
            graph.node.insert(0, node_in)
        else:
            graph.initializer.remove(tensors[name])
            graph.initializer.append(stored(source, numbers))
        out = f"{name}_DequantizeLinear_Output"
        position = 1 if is_in_training else 0
        back = helper.make_node("DequantizeLinear", [source, *of_scale], [out], **settings)
        graph.node.insert(position, back)
        node.input[1] = out
        steps[name] = scale
    return model, steps


@pytest.mark.parametrize("is_in_training", [False, True])
@pytest.mark.parametrize("axis", [None, 0])
@pytest.mark.parametrize("name", NAMES)
def test_quantised_weights_are_read_within_half_a_step(
    networks, exported, tmp_path, name, axis, is_in_training
):
    model = onnx.load(exported(name, "dynamo, not folded").path)
    model, steps = with_quantised_weights(model, axis, is_in_training)
    found = kernels(write(tmp_path / "quantised.onnx", model))
    expected = depthwise(networks[name])
    assert list(found) == list(expected)
    for layer, kernel in expected.items():
        step = np.broadcast_to(steps[f"{layer}.weight"], len(kernel))[:, None, None, None]
        assert (np.abs(found[layer] - kernel) <= 0.5001 * step).all()
        np.testing.assert_allclose(found[layer] / step, np.rint(found[layer] / step), atol=1e-4)
