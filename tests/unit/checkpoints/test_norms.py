"""The gains behind a depthwise layer are found by the best evidence, or why not is said."""

import numpy as np
import pytest
import torch
from onnx import helper
from support.field import dense, depthwise, kernels, save
from support.onnx_models import model, stored, write
from torch import nn

from kernel_atlas.checkpoints.depthwise import Depthwise
from kernel_atlas.checkpoints.modules import read_module, read_state_dict
from kernel_atlas.checkpoints.onnx import OnnxTensors
from kernel_atlas.checkpoints.read import read_checkpoint
from kernel_atlas.checkpoints.selection import read_selected
from kernel_atlas.sources.local import LocalFile
from kernel_atlas.sources.norms import Norm

DW = kernels(1)  # six of 3x3
GAINS = torch.tensor([1.0, -2, 0.5, -1e-8, 0, 3])
SIGNS = [1, -1, 1, -1, 0, 1]
OTHER = torch.ones(6)  # of a norm that does not follow the layer
BIAS = torch.zeros(6)


def batch(name, gain=GAINS):
    """The tensors of a batch norm."""
    values = {"weight": gain, "bias": BIAS, "running_mean": BIAS, "running_var": OTHER}
    return {f"{name}.{key}": value for key, value in values.items()}


def layer_norm(name, gain=GAINS):
    return {f"{name}.weight": gain, f"{name}.bias": BIAS}


def conv(name, weight=DW, bias=False):
    return {f"{name}.weight": weight} | ({f"{name}.bias": BIAS} if bias else {})


def signs(layer):
    return None if layer.gain_sign is None else layer.gain_sign.tolist()


# Blocks as a state dict has them, and the norm behind their only depthwise layer: in a pickle, and
# in .safetensors, which has no order. Both files hold a regular convolution beside the block.
FOUND = {
    "EfficientNet-PyTorch": (
        batch("b._bn0", OTHER)
        | conv("b._depthwise_conv")
        | batch("b._bn1")
        | conv("b._project_conv", dense(6, 6, 1, 1))
        | batch("b._bn2", OTHER),
        ("b._bn1", "b._bn1"),
    ),
    "timm's inverted residual": (
        conv("b.conv_pw", dense(6, 6, 1, 1))
        | batch("b.bn1", OTHER)
        | conv("b.conv_dw")
        | batch("b.bn2")
        | conv("b.conv_pwl", dense(6, 6, 1, 1))
        | batch("b.bn3", OTHER),
        ("b.bn2", "b.bn2"),
    ),
    "timm's depthwise separable": (
        conv("b.conv_dw")
        | batch("b.bn1")
        | conv("b.conv_pw", dense(6, 6, 1, 1))
        | batch("b.bn2", OTHER),
        ("b.bn1", "b.bn1"),
    ),
    "ConvNeXt, with a bias": (
        {"b.gamma": OTHER}
        | conv("b.dwconv", bias=True)
        | layer_norm("b.norm")
        | conv("b.pwconv1", dense(9, 6))
        | conv("b.pwconv2", dense(6, 9)),
        ("b.norm", "b.norm"),
    ),
    "a sequence, whose numbers tell": (
        conv("b.0", dense(6, 6, 1, 1)) | batch("b.1", OTHER) | conv("b.3") | batch("b.4"),
        ("b.4", "b.4"),
    ),
    "a convolution with its norm": (
        conv("b.dw.conv") | batch("b.dw.bn") | conv("b.pw.conv", dense(6, 6, 1, 1)),
        ("b.dw.bn", "b.dw.bn"),
    ),
    "under wrappers": (
        conv("module.b._orig_mod.dw.c") | batch("module.b._orig_mod.dw.bn"),
        ("b.dw.bn", "b.dw.bn"),
    ),
    "names of one's own": (
        conv("b.mine_dw") | batch("b.my_norm") | conv("b.z", dense(6, 6)) | batch("b.y", OTHER),
        ("b.my_norm", ""),
    ),
}
STRAY = {"stem.weight": dense(6, 3, 3, 3)}


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("name", FOUND)
def test_the_norm_behind_a_layer_is_found(tmp_path, name, suffix):
    state, norms = FOUND[name]
    (layer,) = read(tmp_path, STRAY | state, suffix).layers
    expected = norms[suffix == ".safetensors"]
    assert layer.norm == expected
    assert layer.norm_why
    assert signs(layer) == (SIGNS if expected else None)


# What names cannot tell, and a word of the reason.
UNKNOWN = {
    "kernels alone": (conv("b.dw"), "no normalisation of its channels"),
    "a norm of other channels": (
        conv("b.dw") | batch("b.bn", torch.ones(7)),
        "no normalisation of its channels",
    ),
    "a norm in another block": (conv("b.cpe.dw") | layer_norm("b.norm"), "no normalisation of its"),
    "the final norm": (conv("pos_block.0.proj") | layer_norm("norm"), "no normalisation of its"),
    "a position code": (conv("b.pos_embed") | layer_norm("b.norm1"), "position code"),
    "perhaps an activation between (ConvMixer)": (
        conv("b.0", bias=True) | batch("b.2"),
        "next number of its sequence",
    ),
    "perhaps an activation between (XCiT)": (
        conv("b.dwconv", bias=True) | batch("b.norm") | conv("b.pwconv1", dense(6, 6)),
        "the layer has a bias",
    ),
    "an activation of its own": (conv("b.dw") | {"b.act.weight": OTHER}, "no normalisation of its"),
    "whole numbers": (conv("b.conv") | batch("b.bn", GAINS.int()), "no normalisation of its"),
    "not numbers": (conv("b.conv") | batch("b.bn", GAINS / 0), "not numbers"),
}


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("name", UNKNOWN)
def test_what_cannot_be_told_is_named(tmp_path, name, suffix):
    state, word = UNKNOWN[name]
    (layer,) = read(tmp_path, STRAY | state, suffix).layers
    assert (layer.norm, layer.gain_sign) == ("", None)
    assert word in layer.norm_why


def read(folder, state, suffix, **options):
    return read_checkpoint(LocalFile(save(state, folder / f"net{suffix}")), Depthwise(**options))


def test_the_order_of_a_state_dict_tells_what_a_sorted_file_does_not():
    before = batch("b.norm1", OTHER) | conv("b.dwise") | batch("b.norm2")
    (layer,) = read_state_dict(before).layers
    assert (layer.norm, signs(layer)) == ("b.norm2", SIGNS)
    after = conv("b.dwise") | conv("b.pw", dense(6, 6, 1, 1)) | batch("b.norm2")
    (layer,) = read_state_dict(after).layers
    assert (layer.norm, layer.gain_sign) == ("", None)
    assert "next layer of its block is no normalisation" in layer.norm_why


def test_the_splits_of_a_mixed_convolution_share_the_gains(tmp_path):
    state = conv("b.dw.0") | conv("b.dw.1", kernels(2, 4, 5)) | batch("b.bn1", torch.arange(10) - 7)
    state["b.bn1.weight"] = state["b.bn1.weight"].float()
    state |= {
        key: torch.ones(10) for key in state if key.startswith("b.bn1.") and "weight" not in key
    }
    layers = read(tmp_path, STRAY | state, ".pth").layers
    assert [layer.name for layer in layers] == ["b.dw", "b.dw"]
    assert [signs(layer) for layer in layers] == [[-1] * 6, [-1, 0, 1, 1]]


def test_an_architecture_is_believed_before_names_and_checked(tmp_path):
    state = STRAY | conv("b.conv_dw") | batch("b.bn1", OTHER) | batch("b.bn2")
    said = {"b.conv_dw": Norm("b.bn2.weight", "timm says so")}
    (layer,) = read(tmp_path, state, ".safetensors", norms=said).layers
    assert (layer.norm, layer.norm_why, signs(layer)) == ("b.bn2", "timm says so", SIGNS)
    said = {"b.conv_dw": Norm(why="GELU follows")}
    (layer,) = read(tmp_path, state, ".safetensors", norms=said).layers
    assert (layer.norm, layer.norm_why) == ("", "GELU follows")
    said = {"b.conv_dw": Norm("b.bn9.weight", "timm says so")}
    (layer,) = read(tmp_path, state, ".safetensors", norms=said).layers
    assert (layer.norm, layer.norm_why) == ("", "the checkpoint lacks the gains of b.bn9")


def test_of_a_safetensors_file_only_kernels_and_gains_are_read(tmp_path):
    rest = {"stem.weight": torch.ones(64, 3, 99, 99)}
    file = LocalFile(save(conv("b.dw") | rest, tmp_path / "a.safetensors"))
    without = read_checkpoint(file, Depthwise()) and file.bytes_read
    state = conv("b.0") | batch("b.1") | rest
    file = LocalFile(save(state, tmp_path / "b.safetensors"))
    (layer,) = read_checkpoint(file, Depthwise()).layers
    assert signs(layer) == SIGNS
    assert file.bytes_read - without < 1000


def network(*after, bias=False):
    layer = depthwise(DW)
    layer.bias = nn.Parameter(BIAS) if bias else None
    net = nn.Sequential(layer, *after)
    for module in after:
        if getattr(module, "weight", None) is not None and module.weight.shape == (6,):
            module.weight.data = GAINS.clone()
    return net


@pytest.mark.parametrize(
    ("after", "word"),
    [
        ([nn.BatchNorm2d(6)], ""),
        ([nn.Identity(), nn.Dropout(), nn.BatchNorm2d(6)], ""),
        ([nn.LayerNorm(6)], ""),
        ([nn.GroupNorm(2, 6)], ""),
        ([nn.GELU(), nn.BatchNorm2d(6)], "no normalisation (GELU)"),
        ([nn.BatchNorm2d(6, affine=False)], "has no gain"),
        ([nn.Conv2d(6, 6, 1)], "no normalisation (Conv2d)"),
        ([nn.PReLU(6)], "no normalisation (PReLU)"),
        ([], "no module follows"),
    ],
)
def test_modules_tell_what_follows(after, word):
    (layer,) = read_module(network(*after, bias=True)).layers
    assert signs(layer) == (None if word else SIGNS)
    assert word in layer.norm_why


def after(operator, *inputs, name="norm"):
    return helper.make_node(operator, [name, *inputs], ["y"])


def convolve():
    return helper.make_node("Conv", ["image", "b.dw.weight"], ["norm"], group=6)


@pytest.mark.parametrize(
    ("nodes", "word"),
    [
        ([after("BatchNormalization", "bn.weight", "z", "z", "o")], ""),
        (
            [
                helper.make_node("Transpose", ["norm"], ["t"], perm=[0, 2, 3, 1]),
                after("LayerNormalization", "bn.weight", "z", name="t"),
            ],
            "",
        ),
        ([after("Relu")], "no normalisation follows, but a node Relu"),
        ([after("GroupNormalization", "few", "few")], "no gain for each of its channels"),
        ([after("BatchNormalization", "image", "z", "z", "o")], "given to the network as an input"),
        ([after("Relu"), after("BatchNormalization", "bn.weight", "z", "z", "o")], "to 2 nodes"),
        ([], "the network's output"),
    ],
)
def test_nodes_tell_what_follows(tmp_path, nodes, word):
    arrays = {"b.dw.weight": DW, "bn.weight": GAINS, "z": BIAS, "o": OTHER, "few": torch.ones(2)}
    tensors = [stored(name, array.numpy()) for name, array in arrays.items()]
    file = write(tmp_path / "net.onnx", model([convolve(), *nodes], *tensors))
    (layer,) = read_selected(OnnxTensors(file), Depthwise(), file.name).layers
    assert (layer.norm, signs(layer)) == (("", None) if word else ("bn", SIGNS))
    assert word in layer.norm_why
    np.testing.assert_array_equal(layer.kernels, DW[:, 0])


def test_a_weight_that_two_nodes_apply_has_no_gain_of_its_own(tmp_path):
    again = helper.make_node("Conv", ["y", "b.dw.weight"], ["out"], group=6)
    norm = after("BatchNormalization", "bn.weight", "z", "z", "o")
    arrays = {"b.dw.weight": DW, "bn.weight": GAINS, "z": BIAS, "o": OTHER}
    tensors = [stored(name, array.numpy()) for name, array in arrays.items()]
    file = write(tmp_path / "net.onnx", model([convolve(), norm, again], *tensors))
    (layer,) = read_selected(OnnxTensors(file), Depthwise(), file.name).layers
    assert (layer.norm, layer.norm_why) == ("", "several nodes apply the weight")
