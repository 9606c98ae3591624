"""Checkpoints that are whole and yet not what is read: each is refused with its cause."""

import pytest
import torch
from safetensors.torch import save_file

from kernel_atlas.checkpoints.depthwise import Depthwise
from kernel_atlas.checkpoints.read import read_checkpoint
from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.local import LocalFile


@pytest.fixture
def weights():
    return torch.randn(4, 1, 3, 3, generator=torch.Generator().manual_seed(0))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*TorchScript:UserWarning")
def test_torchscript_is_refused_without_advice_to_run_it(tmp_path):
    network = torch.nn.Conv2d(4, 4, 3, groups=4)
    torch.jit.trace(network, torch.zeros(1, 4, 5, 5)).save(tmp_path / "script.pt")
    with pytest.raises(AtlasError, match=r"script\.pt is a TorchScript archive") as caught:
        read_checkpoint(LocalFile(tmp_path / "script.pt"), Depthwise())
    assert "weights_only" not in str(caught.value)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_quantised_weights_are_refused(tmp_path, weights):
    torch.save(
        {"a.weight": torch.quantize_per_tensor(weights, 0.1, 0, torch.qint8)}, tmp_path / "q.pth"
    )
    with pytest.raises(AtlasError, match="layer a: qint8 weights; only floating point is read"):
        read_checkpoint(LocalFile(tmp_path / "q.pth"), Depthwise())


def test_float8_of_safetensors_is_read(tmp_path, weights):
    small = weights.to(torch.float8_e4m3fn)
    save_file({"a.weight": small}, tmp_path / "small.safetensors")
    (layer,) = read_checkpoint(LocalFile(tmp_path / "small.safetensors"), Depthwise())
    assert (layer.kernels == small.float().numpy()[:, 0]).all()


def test_a_name_that_is_no_text_is_passed_over(tmp_path, weights):
    torch.save({"a.weight": weights, 7: weights}, tmp_path / "net.pth")
    assert [
        layer.name for layer in read_checkpoint(LocalFile(tmp_path / "net.pth"), Depthwise())
    ] == ["a"]


def test_one_layer_under_two_names_is_refused(tmp_path, weights):
    torch.save({"a.weight": weights, "module.a.weight": weights + 1}, tmp_path / "net.pth")
    with pytest.raises(AtlasError, match=r"layer a is 2 times in net\.pth"):
        read_checkpoint(LocalFile(tmp_path / "net.pth"), Depthwise())


def test_the_order_of_each_format(tmp_path, weights):
    names = ["stem.1.weight", "stages.10.weight", "stages.9.weight", "final.weight"]
    state = {name: weights.clone() for name in names}
    torch.save(state, tmp_path / "net.pth")
    save_file(state, tmp_path / "net.safetensors")
    order = {
        suffix: [
            layer.name
            for layer in read_checkpoint(LocalFile(tmp_path / f"net{suffix}"), Depthwise())
        ]
        for suffix in (".pth", ".safetensors")
    }
    assert order == {
        ".pth": ["stem.1", "stages.10", "stages.9", "final"],
        ".safetensors": ["final", "stages.9", "stages.10", "stem.1"],
    }
