"""The weight that a network applies, where a checkpoint stores its factors."""

import numpy as np
import pytest
import torch
from support.field import check, dense, depthwise, kernels, read, save
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune, spectral_norm, weight_norm

from kernel_atlas.errors import AtlasError

pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")

FORMATS = pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
GAINS = torch.tensor([1.5, -2, 0, 0.25, -0.5, 3])
PLAIN = kernels(9)


class Net(nn.Module):
    """A layer that a test changes, between others."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3)
        self.dw = depthwise(kernels(1))
        self.plain_dw = depthwise(PLAIN)
        self.head = nn.Linear(6, 2)


def assert_read(net, path, tolerance=1e-6, **others):
    """The kernels are those that the network applies, under the layer's own name."""
    with torch.no_grad():
        net.dw(torch.zeros(1, 6, 8, 8))  # the older functions compose when the network runs
        applied = net.dw.weight.detach().clone()
    reading = read(save(net.state_dict(), path))
    found = {layer.name: layer.kernels for layer in reading.layers}
    assert found.keys() == {"dw", "plain_dw"}
    np.testing.assert_allclose(found["dw"], applied[:, 0].numpy(), atol=tolerance)
    assert np.array_equal(np.sign(found["dw"]), np.sign(applied[:, 0].numpy()))
    assert [row.name for row in reading.inventory] == [layer.name for layer in reading.layers]


@FORMATS
@pytest.mark.parametrize("normalise", [weight_norm, parametrizations.weight_norm])
@pytest.mark.parametrize("dim", [0, 1, 2, 3, None])
def test_weight_norm_with_gains_of_any_sign(tmp_path, normalise, dim, suffix):
    net = Net()
    normalise(net.dw, "weight", dim)
    gain = net.dw.weight_g if normalise is weight_norm else net.dw.parametrizations.weight.original0
    gain.data = GAINS[: gain.numel()].reshape(gain.shape) * (-1 if gain.numel() == 1 else 1)
    assert_read(net, tmp_path / f"x{suffix}")


@FORMATS
def test_weight_norm_of_a_zero_direction(tmp_path, suffix):
    net = Net()
    weight_norm(net.dw)
    net.dw.weight_v.data[2] = 0  # torch divides 0 by 0; a kernel that is not applied is dead
    found = read(save(net.state_dict(), tmp_path / f"x{suffix}")).layers
    dw = next(layer.kernels for layer in found if layer.name == "dw")
    assert np.isfinite(dw).all()
    assert not dw[2].any()


def prune_weight(net):
    prune.l1_unstructured(net.dw, "weight", 0.5)


def prune_twice(net):
    prune.random_unstructured(net.dw, "weight", 0.3)
    prune.l1_unstructured(net.dw, "weight", 0.3)


def prune_kernels(net):
    prune.ln_structured(net.dw, "weight", 0.5, n=2, dim=0)


def prune_direction(net):
    weight_norm(net.dw)
    net.dw.weight_g.data *= -1
    prune.l1_unstructured(net.dw, "weight_v", 0.5)


def prune_gain_and_direction(net):
    weight_norm(net.dw)
    prune.l1_unstructured(net.dw, "weight_g", 0.5)
    prune.l1_unstructured(net.dw, "weight_v", 0.5)


def prune_new_direction(net):
    parametrizations.weight_norm(net.dw)
    prune.l1_unstructured(net.dw.parametrizations.weight, "original1", 0.5)


@FORMATS
@pytest.mark.parametrize(
    "change",
    [
        *(prune_weight, prune_twice, prune_kernels),
        *(prune_direction, prune_gain_and_direction, prune_new_direction),
    ],
)
def test_pruned_weights(tmp_path, change, suffix):
    net = Net()
    change(net)
    assert_read(net, tmp_path / f"x{suffix}")


@FORMATS
@pytest.mark.parametrize("dtype", [torch.float32, torch.bool, torch.uint8])
@pytest.mark.parametrize("name", ["dw.mask", "dw.weight_mask"])
@pytest.mark.parametrize("is_whole", [True, False], ids=["a kernel", "a weight"])
def test_a_mask_beside_the_weight(tmp_path, name, dtype, is_whole, suffix):
    mask = (kernels(2)[:, :, :1, :1] if is_whole else kernels(2)) > 0
    content = {"dw.weight": kernels(1), name: mask.to(dtype), "x_dw.weight": PLAIN}
    reading = read(save(content, tmp_path / f"x{suffix}"))
    check(reading, {"dw": kernels(1) * mask, "x_dw": PLAIN})


def test_a_mask_of_scores_is_refused(tmp_path):
    content = {"dw.weight": kernels(1), "dw.mask": kernels(2), "x_dw.weight": PLAIN}
    path = save(content, tmp_path / "x.pth")
    with pytest.raises(AtlasError, match="layer dw: its mask holds other numbers than 0 and 1"):
        read(path)
    check(read(path, exclude="dw"), {"x_dw": PLAIN}, {"dw": "named in exclude"})


class Scaled(nn.Module):
    """A parametrisation of the user's own, with a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, weight):
        return weight * self.scale


def chained(net):
    parametrizations.weight_norm(net.dw)
    parametrize.register_parametrization(net.dw, "weight", Scaled())


def spectral_chain(net):
    parametrizations.weight_norm(net.dw)
    parametrizations.spectral_norm(net.dw)


UNREADABLE = {
    "older spectral norm": (lambda net: spectral_norm(net.dw), "spectral norm"),
    "spectral norm": (lambda net: parametrizations.spectral_norm(net.dw), "parametrisation"),
    "orthogonal": (lambda net: parametrizations.orthogonal(net.dw), "parametrisation"),
    "the user's own": (
        lambda net: parametrize.register_parametrization(net.dw, "weight", Scaled()),
        "parametrisation",
    ),
    "chain": (chained, "a chain of parametrisations"),
    "spectral chain": (spectral_chain, "a chain of parametrisations"),
}


@FORMATS
@pytest.mark.parametrize(("change", "word"), UNREADABLE.values(), ids=UNREADABLE)
def test_other_parametrisations_are_left_out_by_name(tmp_path, change, word, suffix):
    net = Net()
    change(net)
    path = save(net.state_dict(), tmp_path / f"x{suffix}")
    check(read(path), {"plain_dw": PLAIN}, doubt={"dw": word})
    check(read(path, exclude="dw"), {"plain_dw": PLAIN}, {"dw": "named in exclude"})


def test_spectral_norm_of_other_codes(tmp_path):
    """With the names of the implementations that came before torch's."""
    content = {"dwconv.module.weight_bar": kernels(1), "dwconv.module.weight_u": torch.ones(6)}
    content |= {"dwconv.module.weight_v": torch.ones(9), "plain_dw.weight": PLAIN}
    reading = read(save(content, tmp_path / "x.pth"))
    check(reading, {"plain_dw": PLAIN}, doubt={"dwconv": "spectral norm (weight_bar)"})


def test_a_factor_alone(tmp_path):
    content = {"dw.weight_v": kernels(1), "plain_dw.weight": PLAIN, "pw.weight": dense(6, 6)}
    reading = read(save(content, tmp_path / "x.pth"))
    check(reading, {"plain_dw": PLAIN}, doubt={"dw": "a factor without its partner"})


def test_if_all_layers_are_unreadable_the_model_is_refused(tmp_path):
    net = nn.Sequential(parametrizations.spectral_norm(depthwise(PLAIN)))
    with pytest.raises(AtlasError, match=r"layer 0: an unknown parametrisation .* exclude the"):
        read(save(net.state_dict(), tmp_path / "x.pth"))
