"""The sample of regular convolutions: seeded, true to the weights, small on the wire."""

import numpy as np
import pytest
import torch
from support.checkpoints import write_safetensors

from kernel_atlas.checkpoints.read import read_checkpoint
from kernel_atlas.checkpoints.regular import N_FILTERS, RegularSample
from kernel_atlas.errors import AtlasError
from kernel_atlas.extraction.store import read_kernels
from kernel_atlas.sources.local import LocalFile

# in the order of their names, numbers counted as numbers
SHAPES = {
    "conv1": (64, 3, 7, 7),
    "layer.2": (256, 512, 3, 3),
    "layer.10": (20, 2, 5, 5),
}
OTHERS = {
    "layer.3": (64, 64, 1, 1),
    "layer.4": (8, 1, 3, 3),
    "layer.5": (8, 4, 1, 3),
    "layer.6": (2, 2, 3, 3, 3),
    "fc": (50, 512),
}
N_SLICES = 40


@pytest.fixture
def weights(rng):
    shapes = SHAPES | OTHERS
    return {name: rng.standard_normal(shapes[name]).astype(np.float32) for name in shapes}


@pytest.fixture
def path(tmp_path, weights):
    path = tmp_path / "resnet.safetensors"
    tensors = {f"{name}.weight": ("F32", w.shape, w) for name, w in weights.items()}
    write_safetensors(path, tensors)
    return path


def draw(path, n_slices=N_SLICES, seed=1):
    layers = read_checkpoint(LocalFile(path), RegularSample(n_slices, seed)).layers
    return {layer.name: layer.kernels for layer in layers}


def slices(weight):
    """The k x k slices of a weight, as bytes."""
    return [kernel.tobytes() for kernel in weight.reshape(-1, *weight.shape[-2:])]


@pytest.mark.parametrize("n_slices", [1, N_SLICES, 10**6])
def test_slices_of_each_regular_layer_are_drawn_without_repetition(path, weights, n_slices):
    found = draw(path, n_slices)
    assert list(found) == list(SHAPES)
    for name, kernels in found.items():
        _, m, *size = SHAPES[name]
        assert kernels.shape == (min(n_slices, N_FILTERS * m), *size)
        assert kernels.dtype == np.float32
        drawn = slices(kernels)
        assert len(set(drawn)) == len(drawn)
        assert set(drawn) <= set(slices(weights[name]))


def test_the_sample_reaches_over_output_and_input_channels(path, weights):
    every = slices(weights["layer.2"])
    places = np.array([every.index(kernel) for kernel in slices(draw(path)["layer.2"])])
    filters, channels = np.divmod(places, 512)
    assert 8 < len(set(filters.tolist())) <= N_FILTERS
    assert filters.max() - filters.min() > 128
    assert len(set(channels.tolist())) > 20


def test_the_seed_decides(path):
    first, again, other = draw(path), draw(path), draw(path, seed=2)
    for name in SHAPES:
        np.testing.assert_array_equal(first[name], again[name])
        assert set(slices(first[name])) != set(slices(other[name])), name


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_pickle_gives_the_same_sample(path, weights, tmp_path, dtype):
    state = {f"{name}.weight": torch.from_numpy(w).to(dtype) for name, w in weights.items()}
    torch.save({"state_dict": dict(reversed(state.items()))}, tmp_path / "resnet.pth")
    found = draw(tmp_path / "resnet.pth")
    for name, kernels in draw(path).items():
        expected = torch.from_numpy(kernels).to(dtype).float().numpy()
        np.testing.assert_array_equal(found[name], expected)


def test_the_hub_gives_the_same_sample_for_few_bytes(hub, serve, path, extraction):
    facts = extraction.run(serve(path=path), regular=(N_SLICES, 1))
    extraction.check(draw(path))
    assert facts["convolutions"] == "regular, a sample"
    assert len(hub.requests) <= 2 + 3 * N_FILTERS
    assert facts["bytes_read"] < path.stat().st_size / 10


def test_depthwise_kernels_are_kept_apart(path, extraction):
    extraction.run(f"file:{path}")
    assert read_kernels(extraction.group, 3).layer_names == ["layer.4"]
    extraction.run(f"file:{path}", regular=(N_SLICES, 1))
    assert read_kernels(extraction.group, 3).layer_names == list(SHAPES)


def test_a_file_without_regular_convolutions_is_refused(tmp_path):
    path = tmp_path / "net.safetensors"
    write_safetensors(path, {"fc.weight": ("F32", (4, 4), None)})
    with pytest.raises(AtlasError, match=r"net\.safetensors has no regular convolution"):
        read_checkpoint(LocalFile(path), RegularSample(4, 1))
