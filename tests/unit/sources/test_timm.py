"""What timm knows: every architecture of the sheets, and the files that keep it."""

import json
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from kernel_atlas.checkpoints.depthwise import Depthwise
from kernel_atlas.checkpoints.read import read_checkpoint
from kernel_atlas.errors import AtlasError
from kernel_atlas.sheet import read_sheets
from kernel_atlas.sources.local import LocalFile
from kernel_atlas.sources.timm import (
    SAME,
    Architecture,
    ArchitectureLayer,
    assign_files,
    names_in,
    read_architecture,
    resolve,
    resolve_timm,
)
from kernel_atlas.sources.timm_import import import_timm

MODELS = Path(__file__).parents[3] / "models"
ROLES = {
    model.source.removeprefix("timm:"): model.role
    for model in read_sheets([MODELS / "paper.tsv", MODELS / "extras.tsv"])
    if model.source.startswith("timm:")
}
# one row per architecture: the tag after the dot changes no layer
NAMES = {name.partition(".")[0]: name for name in ROLES}


# each network is built once, by `resolve` itself, and serves all tests before the next is built
@pytest.fixture(scope="module", params=NAMES.values(), ids=NAMES)
def model(request):
    """A timm row: its name, the network, and what `resolve` says of it."""
    timm = import_timm()
    built = []
    create_model = timm.create_model

    def keep(*args, **kwargs):
        built.append(create_model(*args, **kwargs))
        return built[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timm, "create_model", keep)
        architecture = resolve(request.param)
    (network,) = built
    return SimpleNamespace(name=request.param, network=network, architecture=architecture)


@pytest.fixture(scope="module")
def registry(registry_rows):
    """The verified facts about every row by its timm_name."""
    return {row["timm_name"]: row for row in registry_rows}


def test_timm_knows_every_row_and_has_its_weights_on_the_hub():
    assert (len(ROLES), len(NAMES)) == (99, 59)
    timm = import_timm()
    for name in ROLES:
        config = timm.models.get_pretrained_cfg(name, allow_unregistered=False)
        assert f"{config.architecture}.{config.tag}" == name
        assert config.hf_hub_id == f"timm/{name}"


def test_counts_are_those_of_the_registry(model, registry):
    layers = model.architecture.layers
    for name in ROLES:
        if name.partition(".")[0] != model.name.partition(".")[0]:
            continue
        for size in (3, 5, 7):
            kernels = [layer.n_kernels for layer in layers if layer.kernel_size == size]
            row = registry[name]
            assert sum(kernels) == int(row[f"n_dw_kernels_{size}"]), name
            assert len(kernels) == int(row[f"n_dw_layers_{size}"]), name


def test_layers_and_weights_are_those_of_the_network(model):
    architecture = model.architecture
    assert architecture.name == model.name
    assert architecture.source == f"hf:timm/{model.name}"
    assert bool(architecture.layers) == (ROLES[model.name] != "compare")
    # a checkpoint on the hub has the names and shapes of the network's state dict
    assert {
        name.removesuffix(".weight"): tuple(tensor.shape)
        for name, tensor in model.network.state_dict().items()
        if tensor.ndim == 4 and tensor.shape[1] == 1 < min(tensor.shape[0], *tensor.shape[2:])
    } == {
        layer.weight: (layer.n_kernels, 1, layer.kernel_size, layer.kernel_size)
        for layer in architecture.layers
    }
    modules = dict(model.network.named_modules())
    for layer in architecture.layers:
        module = modules[layer.weight]
        assert module.stride == (layer.stride,) * 2, layer
        assert module.dilation == (layer.dilation,) * 2, layer
        is_same = type(module).__name__ == "Conv2dSame"
        assert layer.padding == (SAME if is_same else module.padding[0]), layer


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


def test_the_order_of_names_is_the_same(model, tmp_path):
    """So safetensors without a `timm:` row have the network's order too."""
    if not model.architecture.layers:
        return
    path = tmp_path / "model.safetensors"
    # kernels as small as can be, which begin with their position
    weights = {}
    for place, layer in enumerate(model.architecture.layers):
        kernels = np.full((2, 1, 2, 2), place, np.float32)
        kernels[1, 0, 1, 1] = -0.7182818  # or they would pass for designed filters
        weights[f"{layer.weight}.weight"] = kernels
    save_file(weights, path)
    places = np.concatenate(
        [layer.kernels[:, 0, 0] for layer in read_checkpoint(LocalFile(path), Depthwise()).layers]
    )
    assert places.tolist() == np.arange(len(model.architecture.layers)).repeat(2).tolist()


def test_only_the_splits_of_mixnet_share_a_layer(model):
    layers = model.architecture.layers
    if not model.name.startswith("mixnet"):
        assert [layer.layer for layer in layers] == [layer.weight for layer in layers]
        return
    # every block has one depthwise layer, of one kernel size or of several
    blocks = [name for name, _ in model.network.named_modules() if name.endswith(".conv_dw")]
    assert list(dict.fromkeys(layer.layer for layer in layers)) == blocks
    assert len(layers) > len(blocks)
    assert len({(layer.kernel_size, layer.layer) for layer in layers}) == len(layers)
    for layer in layers:
        assert layer.weight == layer.layer or layer.weight.startswith(f"{layer.layer}.")


def test_timm_is_asked_for_new_names_alone(tmp_path):
    first = assign_files(["b", "a"], tmp_path)
    assert assign_files(["a", "b"], tmp_path) == first  # the order of the sheet does not matter
    (path,) = set(first.values())
    assert names_in(path) == []
    (tmp_path / "damaged.json").write_text('{"a": ')
    unknown = {"error": "timm knows no 'b'", "timm_version": version("timm")}
    for answer, is_asked_again in ((unknown, False), (unknown | {"timm_version": "0.1"}, True)):
        Path(path).write_text(json.dumps({"a": {"layers": []}, "b": answer}))
        assert names_in(path) == ["a", "b"]
        second = assign_files(["a", "b", "c"], tmp_path)
        assert second["a"] == path != second["c"]
        # another timm is asked again for a name that failed
        assert second["b"] == (second["c"] if is_asked_again else path)
    assert assign_files(["a"], tmp_path) == {"a": path}
    assert assign_files([], tmp_path / "absent") == {}


def test_an_architecture_is_read_from_whichever_file_has_it(tmp_path):
    layer = ArchitectureLayer("a", "a", 3, 4, 1, 1, 0)
    architecture = Architecture("net.tag", "hf:o/r", "1.0", (layer,))
    entries = [{"other": {"error": "no"}}, {"net": {"error": "no"}}, {"net": asdict(architecture)}]
    paths = [tmp_path / f"{number}.json" for number in range(3)]
    for path, entry in zip(paths, entries, strict=True):
        path.write_text(json.dumps(entry))
    # an error counts only if no file has the model
    assert read_architecture("net", paths) == architecture
    assert read_architecture("net", reversed(paths)) == architecture
    with pytest.raises(AtlasError, match=r"^no$"):
        read_architecture("net", paths[:2])
    with pytest.raises(AtlasError, match="timm was not asked for 'net'"):
        read_architecture("net", paths[:1])


@pytest.mark.parametrize("fault", [MemoryError(), OSError("no such device")])
def test_a_fault_of_the_machine_is_not_written_down_as_one_of_the_name(
    tmp_path, monkeypatch, fault
):
    def fail(name):
        raise fault

    monkeypatch.setattr("kernel_atlas.sources.timm.resolve", fail)
    with pytest.raises(type(fault)):
        resolve_timm(["test_convnext"], tmp_path / "a.json")
    assert not (tmp_path / "a.json").exists()
