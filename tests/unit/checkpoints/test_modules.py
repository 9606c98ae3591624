"""Networks in memory: their convolutions' groups decide."""

import pytest
import torch
from support.field import check, depthwise, kernels
from torch import nn
from torch.nn.utils import parametrizations, prune
from torch.optim.swa_utils import AveragedModel

from kernel_atlas.checkpoints.choice import Choice
from kernel_atlas.checkpoints.modules import read_module, read_state_dict
from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.timm_import import import_timm

DW = kernels(1)


class Grey(nn.Module):
    """All that is in doubt by shape alone, and a layer without a telling name."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 6, 3)
        self.x = depthwise(DW)
        self.fan = nn.Conv2d(3, 6, 3, groups=3)
        self.grouped = nn.Conv2d(12, 6, 3, groups=2)
        self.up = nn.ConvTranspose2d(6, 1, 4)
        self.up_dw = nn.ConvTranspose2d(6, 6, 4, groups=6)
        self.queries = nn.Parameter(kernels(2))


LEFT = {
    "stem": "not depthwise: Conv2d with 1 group",
    "up": "not depthwise: a ConvTranspose2d",
    "up_dw": "not depthwise: a ConvTranspose2d",
}
UNNAMED = {"queries": "not named as a weight"}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda net: net,
        nn.DataParallel,
        AveragedModel,
        lambda net: torch.compile(net, backend="eager"),
        lambda net: nn.DataParallel(torch.compile(net, backend="eager")),
    ],
)
def test_groups_decide(wrap):
    net = Grey()
    layers = {"x": DW, "fan": net.fan.weight.detach()}
    check(read_module(wrap(net)), layers, LEFT, UNNAMED)
    counted = [row for row in read_module(wrap(net)).inventory if row.counted]
    assert [row.why for row in counted] == ["Conv2d with 6 groups", "Conv2d with 3 groups"]


def test_include_and_exclude():
    net = Grey()
    stem = net.stem.weight.detach()
    reading = read_module(net, Choice(include="stem", exclude="x *_dw"))
    excluded = {"x": "named in exclude", "up_dw": "named in exclude", "up": "a ConvTranspose2d"}
    check(reading, {"stem": stem, "fan": net.fan.weight.detach()}, excluded, UNNAMED)
    with pytest.raises(AtlasError, match="exclude 'y' matches no candidate weight"):
        read_module(net, Choice(exclude="y"))


class Padded(nn.Conv2d):
    """A convolution of another library, which inherits from torch's."""


def test_classes_that_inherit_from_torchs():
    conv = Padded(6, 12, 5, groups=6)
    check(read_module(nn.Sequential(conv)), {"0": conv.weight.detach()})


def test_a_convolution_alone():
    check(read_module(depthwise(DW)), {"weight": DW})


def test_factors_are_composed():
    net = nn.Sequential(depthwise(DW), depthwise(kernels(2)), nn.ReLU())
    parametrizations.weight_norm(net[0])
    net[0].parametrizations.weight.original0.data *= -1
    prune.l1_unstructured(net[1], "weight", 0.5)
    reading = read_module(net)
    for layer, conv in zip(reading.layers, net, strict=False):
        torch.testing.assert_close(torch.from_numpy(layer.kernels), conv.weight.detach()[:, 0])
    assert all(row.why.endswith("Conv2d with 6 groups") for row in reading.inventory)


def test_a_layer_that_is_used_twice_is_one_layer():
    conv = depthwise(DW)
    reading = read_module(nn.ModuleDict({"a": conv, "b": nn.Sequential(conv)}))
    check(reading, {"a": DW}, {"b.0": "the same weight as a"})


def test_twins_and_fixed_filters_are_left_out_of_a_module_too():
    blur = depthwise(torch.ones(6, 1, 3, 3) / 9)
    student, teacher = (nn.Sequential(depthwise(kernels(i))) for i in (1, 2))
    net = nn.ModuleDict({"student": student, "teacher": teacher, "blur": blur})
    left, doubt = {"blur": "never trained"}, {"student.0": "a copy of teacher.0"}
    check(read_module(net), {"teacher.0": kernels(2)}, left, doubt)
    check(read_module(net, Choice(weights="student")), {"0": DW})


@pytest.mark.parametrize("conv", [nn.Conv1d(6, 6, 3, groups=6), nn.Conv3d(6, 6, 3, groups=6)])
def test_other_dimensions_are_named(conv):
    doubt = {"1": "6 kernels of 3"}
    check(read_module(nn.Sequential(depthwise(DW), conv)), {"0": DW}, doubt=doubt)


@pytest.mark.parametrize("net", [nn.Linear(2, 2), nn.Conv2d(1, 6, 3), nn.Sequential()])
def test_without_depthwise_layers_it_is_refused(net):
    with pytest.raises(AtlasError, match="the network has no depthwise kernel"):
        read_module(net)


def test_a_network_without_values_is_refused():
    with torch.device("meta"):
        net = nn.Sequential(nn.Conv2d(6, 6, 3, groups=6))
    with pytest.raises(AtlasError, match="layer 0: meta weights; only floating point is read"):
        read_module(net)


def test_a_network_of_timm():
    net = import_timm().create_model("mobilenetv3_small_050", in_chans=1)
    convolutions = {n: m for n, m in net.named_modules() if isinstance(m, nn.Conv2d)}
    layers = {n: m.weight.detach() for n, m in convolutions.items() if m.groups > 1}
    check(read_module(net), layers, {"conv_stem": "Conv2d with 1 group"})
    # the state dict alone cannot tell that the stem is none
    check(read_state_dict(net.state_dict()), layers, doubt={"conv_stem": "perhaps a regular"})


def test_a_state_dict_under_a_key():
    state = {"model": {"dw.weight": kernels(2)}, "model_ema": {"dw.weight": DW}, "epoch": 3}
    left = {"model.dw": "under another key"}
    check(read_state_dict(state), {"dw": DW}, left)
    check(read_state_dict(state, Choice(weights="model")), {"dw": kernels(2)})
    check(read_state_dict({"dw.weight": DW.numpy()}), {"dw": DW})
    with pytest.raises(AtlasError, match="the state dict has no weights"):
        read_state_dict({"epoch": 3})
