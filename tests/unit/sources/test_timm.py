"""Every timm row of the sheets: its layers as the network runs them, counted and described."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from kernel_atlas.checkpoints.depthwise import Depthwise, is_depthwise
from kernel_atlas.checkpoints.read import read_checkpoint
from kernel_atlas.sheet import read_sheets
from kernel_atlas.sources.local import LocalFile
from kernel_atlas.sources.timm import resolve
from kernel_atlas.sources.timm_import import import_timm

MODELS = Path(__file__).parents[3] / "models"
ROLES = {
    model.source.removeprefix("timm:"): model.role
    for model in read_sheets([MODELS / "paper.tsv", MODELS / "extras.tsv"])
    if model.source.startswith("timm:")
}


@pytest.fixture(scope="module")
def registry(registry_rows):
    """The verified facts about every row by its timm_name."""
    return {row["timm_name"]: row for row in registry_rows}


@pytest.fixture(scope="module")
def timm():
    return import_timm()


# each network is built once, by `resolve` itself, and serves all tests before the next is built
@pytest.fixture(scope="module", params=ROLES)
def model(request, timm):
    """A timm row: its name and role, the network, and what `resolve` says of it."""
    built = []
    create_model = timm.create_model

    def keep(*args, **kwargs):
        built.append(create_model(*args, **kwargs))
        return built[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timm, "create_model", keep)
        architecture = resolve(request.param)
    (network,) = built
    return SimpleNamespace(
        name=request.param, role=ROLES[request.param], network=network, architecture=architecture
    )


def count_by_size(model):
    """From size to kernels and layers; MixNet's splits of one size are one layer each."""
    layers = model.architecture.layers
    kernels = Counter()
    for layer in layers:
        kernels[layer.kernel_size] += layer.n_kernels
    sizes = Counter(layer.kernel_size for layer in layers)
    return {size: (kernels[size], sizes[size]) for size in kernels}


def count_by_registry(row):
    counts = {
        size: (int(row[f"n_dw_kernels_{size}"]), int(row[f"n_dw_layers_{size}"]))
        for size in (3, 5, 7)
    }
    # such as 9x9:924k/5l;11x11:144k/1l; 0 where there are none
    for entry in filter(None, row["n_dw_other"].removeprefix("0").split(";")):
        size, _, count = entry.partition(":")
        kernels, _, layers = count.partition("/")
        counts[int(size.partition("x")[0])] = (int(kernels.rstrip("k")), int(layers.rstrip("l")))
    return {size: count for size, count in counts.items() if count != (0, 0)}


def test_the_sheets_name_99_networks():
    assert len(ROLES) == 99


def test_name_and_file(model):
    assert model.architecture.name == model.name
    assert model.architecture.source == f"hf:timm/{model.name}"


def test_counts_are_those_of_the_registry(model, registry):
    assert count_by_size(model) == count_by_registry(registry[model.name])


def test_regular_families_have_no_depthwise_layer_and_the_others_do(model):
    assert bool(model.architecture.layers) == (model.role != "compare")


def test_layers_are_in_the_order_of_a_forward_pass(model):
    executed = []
    hooks = [
        module.register_forward_hook(lambda *_, name=name: executed.append(name))
        for name, module in model.network.named_modules()
        if isinstance(module, torch.nn.Conv2d)
        and module.groups == module.in_channels == module.out_channels > 1
        and module.kernel_size != (1, 1)
    ]
    image = torch.empty(1, *model.network.pretrained_cfg["input_size"], device="meta")
    with torch.no_grad():
        model.network.eval()(image)
    for hook in hooks:
        hook.remove()
    assert [layer.weight for layer in model.architecture.layers] == executed
    assert len(executed) == len(hooks)


def test_weights_are_those_that_a_header_shows(model):
    """A checkpoint on the hub has the names and shapes of the network's state dict."""
    shapes = {
        name.removesuffix(".weight"): tuple(tensor.shape)
        for name, tensor in model.network.state_dict().items()
        if is_depthwise(tuple(tensor.shape))
    }
    assert shapes == {
        layer.weight: (layer.n_kernels, 1, layer.kernel_size, layer.kernel_size)
        for layer in model.architecture.layers
    }


def test_the_natural_order_of_names_is_the_same(model, tmp_path):
    """So that safetensors without a `timm:` row get the network's order too."""
    if not model.architecture.layers:
        return
    path = tmp_path / "model.safetensors"
    # as small as kernels can be, each filled with its place
    save_file(
        {
            f"{layer.weight}.weight": np.full((2, 1, 2, 2), place, np.float32)
            for place, layer in enumerate(model.architecture.layers)
        },
        path,
    )
    places = np.concatenate(
        [layer.kernels[:, 0, 0] for layer in read_checkpoint(LocalFile(path), Depthwise())]
    )
    assert places.tolist() == np.arange(len(model.architecture.layers)).repeat(2).tolist()


def test_geometry_is_that_of_the_modules(model):
    modules = dict(model.network.named_modules())
    for layer in model.architecture.layers:
        module = modules[layer.weight]
        assert module.out_channels == layer.n_kernels, layer
        assert module.kernel_size == (layer.kernel_size,) * 2, layer
        assert module.stride == (layer.stride,) * 2, layer
        assert module.dilation == (layer.dilation,) * 2, layer


def test_only_the_splits_of_mixnet_share_a_layer(model):
    layers = model.architecture.layers
    if not model.name.startswith("mixnet"):
        assert [layer.layer for layer in layers] == [layer.weight for layer in layers]
        return
    # every block has one depthwise layer, of one kernel size or of several
    modules = dict(model.network.named_modules())
    blocks = [name for name in modules if name.endswith(".conv_dw")]
    assert list(dict.fromkeys(layer.layer for layer in layers)) == blocks
    assert len(layers) > len(blocks)
    for layer in layers:
        assert layer.weight == layer.layer or layer.weight.startswith(f"{layer.layer}.")


def test_no_two_layers_of_one_size_share_a_name(model):
    names = Counter((layer.kernel_size, layer.layer) for layer in model.architecture.layers)
    assert [name for name, count in names.items() if count > 1] == []
