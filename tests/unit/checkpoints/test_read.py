"""Checkpoints: which tensors are kernels, where they are found, and what is refused."""

import argparse
import os
from collections import OrderedDict

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch

from kernel_atlas.checkpoints.depthwise import Depthwise, is_depthwise
from kernel_atlas.checkpoints.read import read_checkpoint
from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.local import LocalFile
from kernel_atlas.sources.schemes import locate
from kernel_atlas.sphere import find_dead

LEGACY = {"_use_new_zipfile_serialization": False}
PICKLES = pytest.mark.parametrize("options", [{}, LEGACY], ids=["zip", "legacy"])


@pytest.fixture
def weights(rng):
    """Two depthwise layers out of the order of their names, between weights that are none."""
    return {
        "stem.weight": rng.normal(size=(8, 3, 3, 3)).astype(np.float32),
        "blocks.9.dw.weight": rng.normal(size=(4, 1, 5, 5)).astype(np.float32),
        "blocks.9.dw.bias": np.zeros(4, np.float32),
        "blocks.10.dw.weight": rng.normal(size=(6, 1, 3, 3)).astype(np.float32),
    }


def tensors(weights, prefix=""):
    return {prefix + name: torch.from_numpy(array) for name, array in weights.items()}


def save(content, path):
    (save_torch if path.suffix == ".safetensors" else torch.save)(content, path)


def read(path):
    return {layer.name: layer.kernels for layer in read_checkpoint(LocalFile(path), Depthwise())}


def assert_read(path, weights):
    found = read(path)
    assert list(found) == ["blocks.9.dw", "blocks.10.dw"]
    for name, kernels in found.items():
        assert kernels.dtype == np.float32
        np.testing.assert_array_equal(kernels, weights[f"{name}.weight"][:, 0])


def refusal(path):
    with pytest.raises(AtlasError) as caught:
        read_checkpoint(LocalFile(path), Depthwise())
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((4, 1, 3, 3), True),
        ((2, 1, 7, 7), True),
        ((4, 2, 3, 3), False),
        ((4, 1, 1, 1), False),
        ((4, 1, 3, 5), False),
        ((1, 1, 3, 3), False),
        ((4, 1, 3), False),
        ((4, 1, 3, 3, 3), False),
        ((0, 1, 3, 3), False),
    ],
)
def test_is_depthwise(shape, expected):
    assert is_depthwise(shape) is expected


def test_safetensors_in_natural_order_and_only_what_is_needed(tmp_path, weights):
    path = tmp_path / "net.safetensors"
    save_file(weights | {"head.weight": np.zeros((1000, 1000), np.float32)}, path)
    assert_read(path, weights)
    file = LocalFile(path)
    read_checkpoint(file, Depthwise())
    assert file.bytes_read < 10_000 < path.stat().st_size


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_floating_point_of_any_width_becomes_float32(tmp_path, weights, dtype, suffix):
    content = {name: tensor.to(dtype) for name, tensor in tensors(weights).items()}
    path = tmp_path / f"net{suffix}"
    save(content, path)
    expected = {name: tensor.float().numpy() for name, tensor in content.items()}
    assert_read(path, expected)


@PICKLES
@pytest.mark.parametrize("name", ["net.pth", "net.pth.tar", "net.pt", "net.bin"])
def test_pickles_of_both_formats(tmp_path, weights, name, options):
    torch.save(tensors(weights), tmp_path / name, **options)
    assert_read(tmp_path / name, weights)
    file = LocalFile(tmp_path / name)
    read_checkpoint(file, Depthwise())
    assert file.bytes_read == file.size == file.path.stat().st_size


@pytest.mark.parametrize("key", ["model", "state_dict", "state_dict_ema", "model_ema"])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod."])
def test_weights_under_a_key_and_wrapped(tmp_path, weights, key, prefix):
    path = tmp_path / "net.pth"
    content = {"epoch": 3, "arch": "net", key: OrderedDict(tensors(weights, prefix))}
    torch.save(content | {"optimizer": {"state": {}}}, path)
    assert_read(path, weights)


@pytest.mark.parametrize("plain", ["state_dict", "model"])
def test_averaged_weights_win(tmp_path, weights, plain):
    path = tmp_path / "net.pth"
    other = {name: array + 1 for name, array in weights.items()}
    torch.save({plain: tensors(other), "state_dict_ema": tensors(weights)}, path)
    assert_read(path, weights)


def test_averaged_weights_that_are_absent_do_not_win(tmp_path, weights):
    path = tmp_path / "net.pth"
    torch.save({"state_dict_ema": None, "state_dict": tensors(weights)}, path)
    assert_read(path, weights)


def test_a_tensor_beside_the_weights_does_not_hide_them(tmp_path, weights):
    path = tmp_path / "net.pth.tar"  # torch's own ImageNet example saves this
    torch.save({"state_dict": tensors(weights), "best_acc1": torch.tensor(71.3)}, path)
    assert_read(path, weights)


@PICKLES
def test_a_command_line_beside_the_weights_is_accepted(tmp_path, weights, options):
    path = tmp_path / "net.pth"
    content = {"model": tensors(weights), "args": argparse.Namespace(lr=0.1)}
    torch.save(content, path, **options)
    assert_read(path, weights)


class Code:
    """Pickled, a call of os.system."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch '{self.marker}'",)


@PICKLES
def test_code_in_a_pickle_is_named_and_never_run(tmp_path, weights, options):
    path, marker = tmp_path / "net.pth", tmp_path / "marker"
    torch.save({"state_dict": tensors(weights), "extra": Code(marker)}, path, **options)
    assert "net.pth holds posix.system" in refusal(path)
    assert not marker.exists()
    torch.load(path, weights_only=False)
    assert marker.exists(), "the pickle of this test is harmless, so it shows nothing"


@PICKLES
def test_a_whole_network_in_a_pickle_is_named(tmp_path, options):
    path = tmp_path / "net.pth"
    torch.save(torch.nn.Sequential(torch.nn.Conv2d(4, 4, 3, groups=4)), path, **options)
    message = refusal(path)
    assert "holds torch.nn.modules.container.Sequential" in message
    assert "state_dict" in message


def lengths(total):
    """No bytes, a few, and many cuts up to one byte less than the whole."""
    return sorted({0, 1, 2, 7, 8, 9, *range(10, total, max(1, total // 100)), total - 1})


@pytest.mark.parametrize("kind", ["safetensors", "zip", "legacy"])
def test_a_truncated_file_of_any_length_is_refused(tmp_path, weights, kind):
    if kind == "safetensors":
        path = tmp_path / "net.safetensors"
        save_file(weights, path)
    else:
        path = tmp_path / "net.pth"
        torch.save(tensors(weights), path, **(LEGACY if kind == "legacy" else {}))
    whole = path.read_bytes()
    for length in lengths(len(whole)):
        path.write_bytes(whole[:length])
        message = refusal(path)
        # a cut through a name in a legacy pickle makes it one that is not allowed
        assert message.startswith(f"{path.name} is no whole") or kind == "legacy", length


@pytest.mark.parametrize("name", ["net.pth", "net.safetensors"])
@pytest.mark.parametrize("content", [b"<html>404 Not Found</html>", b"hello", bytes(100)], ids=len)
def test_what_is_no_checkpoint_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    message = refusal(tmp_path / name)
    assert f"{name} is no whole" in message
    assert "weights_only" not in message, "torch's advice to load it all the same is no help"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_weight_that_is_not_finite_names_layer_and_channel(tmp_path, weights, value, suffix):
    weights["blocks.10.dw.weight"][4, 0, 1, 1] = value
    path = tmp_path / f"net{suffix}"
    save(tensors(weights), path)
    message = refusal(path)
    assert "layer blocks.10.dw: 1 of 6 kernels" in message
    assert "channel 4" in message


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_float64_beyond_float32_is_not_finite(tmp_path, weights, suffix):
    content = {name: array.astype(np.float64) for name, array in weights.items()}
    content["blocks.9.dw.weight"][2] = 1e300
    path = tmp_path / f"net{suffix}"
    save(tensors(content), path)
    assert "layer blocks.9.dw: 1 of 4 kernels" in refusal(path)


@pytest.mark.parametrize(("suffix", "dtype"), [(".safetensors", "I8"), (".pth", "int8")])
def test_integer_weights_are_refused(tmp_path, suffix, dtype):
    path = tmp_path / f"net{suffix}"
    content = {"dw.weight": torch.ones(4, 1, 3, 3, dtype=torch.int8)}
    save(content, path)
    assert f"layer dw: {dtype} weights" in refusal(path)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_no_depthwise_kernel(tmp_path, suffix):
    path = tmp_path / f"net{suffix}"
    shapes = [(8, 3, 3, 3), (8, 1, 1, 1), (8, 1, 3, 5), (1, 1, 3, 3), (8,)]
    content = {f"layer{i}.weight": torch.zeros(shape) for i, shape in enumerate(shapes)}
    save(content, path)
    assert f"net{suffix} has no depthwise kernel" in refusal(path)


@pytest.mark.parametrize("content", [{}, [1, 2], {"epoch": 3}, {"model": {"lr": 0.1}}, "text"])
def test_a_pickle_without_weights(tmp_path, content):
    torch.save(content, tmp_path / "net.pth")
    assert "net.pth has no weights" in refusal(tmp_path / "net.pth")


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
    layers = read_checkpoint(LocalFile(real_weights(name)), Depthwise())
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
    layers = read_checkpoint(locate(source), Depthwise())
    assert {size: n for size, (n, _) in count(layers).items()} == {3: n_3x3, 5: n_5x5}
    dead = [find_dead(layer.kernels) for layer in layers if layer.kernels.shape[-1] == 5]
    assert np.concatenate(dead).sum() == n_dead


def count(layers):
    """Number of kernels and of layers by kernel size."""
    sizes = {layer.kernels.shape[-1] for layer in layers}
    by_size = {s: [len(x.kernels) for x in layers if x.kernels.shape[-1] == s] for s in sizes}
    return {size: (sum(numbers), len(numbers)) for size, numbers in by_size.items()}
