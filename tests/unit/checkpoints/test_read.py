"""Checkpoints: which tensors are kernels, where they are found, and what is refused."""

import argparse
from collections import OrderedDict

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from support.hostile import Code

from kernel_atlas.checkpoints.depthwise import Depthwise
from kernel_atlas.checkpoints.layer import Layer, join_splits
from kernel_atlas.checkpoints.read import read_checkpoint
from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.local import LocalFile
from kernel_atlas.sources.schemes import locate
from kernel_atlas.sphere import find_dead

FORMATS = pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
PICKLES = pytest.mark.parametrize(
    "options", [{}, {"_use_new_zipfile_serialization": False}], ids=["zip", "legacy"]
)


@pytest.fixture
def weights(rng):
    """Two depthwise layers, not in the order of their names, between other weights."""
    shapes = {
        "stem.weight": (8, 3, 3, 3),
        "blocks.9.dw.weight": (4, 1, 5, 5),
        "blocks.9.dw.bias": (4,),
        "blocks.10.dw.weight": (6, 1, 3, 3),
    }
    return {
        name: torch.from_numpy(rng.normal(size=shape).astype(np.float32))
        for name, shape in shapes.items()
    }


def save(content, path):
    (save_file if path.suffix == ".safetensors" else torch.save)(content, path)


def read(path):
    return read_checkpoint(LocalFile(path), Depthwise()).layers


def assert_read(path, weights):
    found = read(path)
    assert [layer.name for layer in found] == ["blocks.9.dw", "blocks.10.dw"]
    for layer in found:
        assert layer.kernels.dtype == np.float32
        expected = weights[f"{layer.name}.weight"].float().numpy()[:, 0]
        np.testing.assert_array_equal(layer.kernels, expected)


def refusal(path):
    with pytest.raises(AtlasError) as caught:
        read(path)
    message = str(caught.value)
    assert message.isprintable()
    assert "weights_only" not in message, "torch's advice to unpickle it all the same"
    return message


def test_of_safetensors_only_the_kernels_are_read(tmp_path, weights):
    path = tmp_path / "net.safetensors"
    save(weights | {"head.weight": torch.zeros(1000, 1000)}, path)
    assert_read(path, weights)
    file = LocalFile(path)
    read_checkpoint(file, Depthwise())
    assert file.bytes_read < 10_000 < path.stat().st_size


@PICKLES
@pytest.mark.parametrize("name", ["net.pth", "net.pth.tar", "net.pt", "net.bin"])
def test_pickles_of_both_formats(tmp_path, weights, name, options):
    torch.save(weights, tmp_path / name, **options)
    assert_read(tmp_path / name, weights)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
@FORMATS
def test_floating_point_of_any_width_becomes_float32(tmp_path, weights, dtype, suffix):
    content = {name: tensor.to(dtype) for name, tensor in weights.items()}
    save(content, tmp_path / f"net{suffix}")
    assert_read(tmp_path / f"net{suffix}", content)


def test_the_order_of_each_format(tmp_path, weights):
    names = ["stem.1", "stages.10", "stages.9", "final"]
    state = {f"{name}.weight": weights["blocks.10.dw.weight"] + i for i, name in enumerate(names)}
    save(state, tmp_path / "net.pth")
    save(state, tmp_path / "net.safetensors")
    assert [layer.name for layer in read(tmp_path / "net.pth")] == names
    by_name = ["final", "stages.9", "stages.10", "stem.1"]
    assert [layer.name for layer in read(tmp_path / "net.safetensors")] == by_name


@pytest.mark.parametrize("key", ["model", "state_dict", "state_dict_ema", "model_ema"])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod."])
def test_weights_under_a_key_and_with_a_wrappers_prefix(tmp_path, weights, key, prefix):
    path = tmp_path / "net.pth"
    inner = OrderedDict((prefix + name, tensor) for name, tensor in weights.items())
    torch.save({"epoch": 3, "arch": "net", key: inner, "optimizer": {"state": {}}}, path)
    assert_read(path, weights)


@pytest.mark.parametrize("plain", ["state_dict", "model"])
def test_averaged_weights_win_if_there_are_any(tmp_path, weights, plain):
    path = tmp_path / "net.pth"
    other = {name: tensor + 1 for name, tensor in weights.items()}
    torch.save({plain: other, "state_dict_ema": weights}, path)
    assert_read(path, weights)
    torch.save({plain: weights, "state_dict_ema": None}, path)
    assert_read(path, weights)


@PICKLES
@pytest.mark.parametrize(
    "beside",
    [{"best_acc1": torch.tensor(71.3)}, {"args": argparse.Namespace(lr=0.1)}],
    ids=["accuracy", "command line"],
)
def test_what_training_codes_save_beside_the_weights(tmp_path, weights, options, beside):
    torch.save({"state_dict": weights} | beside, tmp_path / "net.pth.tar", **options)
    assert_read(tmp_path / "net.pth.tar", weights)


def test_a_key_that_is_not_text_is_ignored(tmp_path, weights):
    torch.save(weights | {7: weights["stem.weight"]}, tmp_path / "net.pth")
    assert_read(tmp_path / "net.pth", weights)


@pytest.mark.parametrize(
    ("sizes", "joined"),
    [
        ({"b.0": 3, "b.1": 5}, True),
        ({"b.1": 5, "b.0": 3, "b.2": 7}, True),
        ({"b.0": 3}, False),
        ({"b.0": 3, "b.1": 3}, False),
        ({"b.1": 3, "b.2": 5}, False),
        ({"b.0": 5, "b.1": 7}, False),
        ({"b.0": 3, "b.1": 5, "b.3": 7}, False),
        ({"0": 3, "1": 5}, False),  # no parent
        ({"b.0.x": 3, "b.1.x": 5}, False),
    ],
)
def test_the_splits_of_a_mixed_convolution_are_one_layer(sizes, joined):
    layers = [Layer(name, np.zeros((4, size, size))) for name, size in {"a": 3, **sizes}.items()]
    found = join_splits(layers)
    assert [x.name for x in found] == ["a", *(["b"] * len(sizes) if joined else sizes)]
    assert [x.kernels.shape[-1] for x in found] == [3, *sizes.values()]


@PICKLES
def test_code_in_a_pickle_is_named_and_never_run(tmp_path, weights, options):
    path, marker = tmp_path / "net.pth", tmp_path / "marker"
    torch.save({"state_dict": weights, "extra": Code(marker)}, path, **options)
    assert "net.pth holds posix.mkdir, which is code and is never unpickled" in refusal(path)
    assert not marker.exists()
    torch.load(path, weights_only=False)
    assert marker.exists(), "the pickle of this test is harmless, so it shows nothing"


@PICKLES
def test_a_whole_network_in_a_pickle_is_named(tmp_path, options):
    torch.save(torch.nn.Sequential(torch.nn.Conv2d(4, 4, 3)), tmp_path / "net.pth", **options)
    message = refusal(tmp_path / "net.pth")
    assert "holds torch.nn.modules.container.Sequential, which is code" in message
    assert "state_dict" in message


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*TorchScript:UserWarning")
def test_torchscript_is_refused(tmp_path):
    network = torch.nn.Conv2d(4, 4, 3, groups=4)
    torch.jit.trace(network, torch.zeros(1, 4, 5, 5)).save(tmp_path / "script.pt")
    assert "script.pt is a TorchScript archive" in refusal(tmp_path / "script.pt")


@pytest.mark.parametrize("kind", ["safetensors", "zip", "legacy"])
def test_a_file_cut_anywhere_is_refused(tmp_path, weights, kind):
    path = tmp_path / ("net.safetensors" if kind == "safetensors" else "net.pth")
    options = {"_use_new_zipfile_serialization": False} if kind == "legacy" else {}
    save_file(weights, path) if kind == "safetensors" else torch.save(weights, path, **options)
    whole = path.read_bytes()
    total = len(whole)
    for length in sorted({0, 1, 7, 8, 9, *range(10, total, max(1, total // 50)), total - 1}):
        path.write_bytes(whole[:length])
        message = refusal(path)
        # a cut through a name in a legacy pickle makes another name, which is not allowed
        assert message.startswith(f"{path.name} is not a complete") or kind == "legacy", length


@pytest.mark.parametrize("name", ["net.pth", "net.safetensors"])
@pytest.mark.parametrize("content", [b"hello", bytes(100)], ids=len)
def test_a_file_that_is_not_a_checkpoint(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert f"{name} is not a complete" in refusal(tmp_path / name)


@FORMATS
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_a_weight_that_is_not_a_finite_float32(tmp_path, weights, value, suffix):
    content = {name: tensor.double() for name, tensor in weights.items()}
    content["blocks.10.dw.weight"][4, 0, 1, 1] = value
    save(content, tmp_path / f"net{suffix}")
    message = refusal(tmp_path / f"net{suffix}")
    assert "layer blocks.10.dw: 1 of 6 kernels" in message
    assert "channel 4" in message


@FORMATS
def test_no_depthwise_kernel(tmp_path, suffix):
    shapes = [(8, 3, 3, 3), (8, 1, 1, 1), (8, 1, 3, 5), (1, 1, 3, 3), (8,)]
    content = {f"layer{i}.weight": torch.zeros(shape) for i, shape in enumerate(shapes)}
    save(content, tmp_path / f"net{suffix}")
    assert f"net{suffix} has no depthwise kernel" in refusal(tmp_path / f"net{suffix}")


@pytest.mark.parametrize("content", [{}, [1, 2], {"epoch": 3}, {"model": {"lr": 0.1}}, "text"])
def test_a_pickle_without_weights(tmp_path, content):
    torch.save(content, tmp_path / "net.pth")
    assert "net.pth has no weights" in refusal(tmp_path / "net.pth")


def test_one_layer_under_two_names(tmp_path, weights):
    twin = {"module.blocks.9.dw.weight": weights["blocks.9.dw.weight"] + 1}
    torch.save(weights | twin, tmp_path / "net.pth")
    assert "layer blocks.9.dw is 2 times in net.pth" in refusal(tmp_path / "net.pth")


def count(layers):
    """Kernels and layers by kernel size."""
    sizes = {layer.kernels.shape[-1] for layer in layers}
    by_size = {s: [len(x.kernels) for x in layers if x.kernels.shape[-1] == s] for s in sizes}
    return {size: (sum(numbers), len(numbers)) for size, numbers in by_size.items()}


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("fastvit_t8_int8", {7: (2496, 13), 3: (2640, 12)}),
        ("mobileclip_s0_partial", {7: (1152, 8), 3: (1216, 9)}),
        ("yolo12n_partial", {7: (704, 7)}),
        ("cfsr_x4", {9: (576, 12), 3: (1152, 12)}),
        ("vapsr_x4", {5: (2688, 42)}),
    ],
)
def test_real_kernels(real_weights, name, counts):
    layers = read(real_weights(name))
    assert count(layers) == counts
    numbers = [int(layer.name.split(".")[0]) for layer in layers]
    assert numbers == sorted(numbers)


@pytest.mark.parametrize(
    ("number", "n_3x3", "n_5x5", "n_dead"),
    [(0, 2624, 6336, 47), (1, 3248, 8400, 69), (2, 3536, 9120, 86)],
)
def test_bundled_packages(repository, number, n_3x3, n_5x5, n_dead):
    sheet = (repository / "models" / "bundled.tsv").read_text()
    source = sheet.splitlines()[1 + number].split("\t")[1]
    layers = read_checkpoint(locate(source), Depthwise()).layers
    assert {size: n for size, (n, _) in count(layers).items()} == {3: n_3x3, 5: n_5x5}
    dead = [find_dead(layer.kernels) for layer in layers if layer.kernels.shape[-1] == 5]
    assert np.concatenate(dead).sum() == n_dead
