"""Networks in any form give the same kernels and classes, and what is no network is refused."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import save_file
from support.atlases import make_atlas
from support.checkpoints import write_checkpoint

import kernel_atlas
from kernel_atlas.checkpoints.choice import Choice
from kernel_atlas.errors import AtlasError
from kernel_atlas.networks import list_candidates

MIXNET = "mixnet_s.ft_in1k"


@pytest.fixture
def atlas(rng, monkeypatch):
    """A small atlas; sizes that it lacks ask for little of chance."""
    monkeypatch.setattr("kernel_atlas.classes.controls.N_CHANCE", 50)
    return make_atlas(rng)


@pytest.fixture
def network():
    """Two depthwise layers of 3x3 and 5x5 kernels, one dead kernel, and a regular layer."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3),
        torch.nn.Conv2d(8, 8, 3, groups=8),
        torch.nn.Conv2d(8, 16, 5, groups=8),
        torch.nn.Conv2d(16, 16, 5, groups=16),
    )
    network[3].weight.data[2] = 0
    return network


@pytest.fixture
def state(network):
    """Its state dict."""
    return network.state_dict()


def write_pth(state, folder):
    torch.save(state, folder / "net.pth")
    return folder / "net.pth"


def write_safetensors(state, folder):
    save_file({name: tensor.numpy() for name, tensor in state.items()}, folder / "net.safetensors")
    return folder / "net.safetensors"


FORMS = {
    "state dict": lambda state, folder: state,
    "arrays": lambda state, folder: {name: tensor.numpy() for name, tensor in state.items()},
    "pickle": write_pth,
    "safetensors": write_safetensors,
    "text": lambda state, folder: str(write_pth(state, folder)),
    "uri": lambda state, folder: f"file:{write_safetensors(state, folder)}",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_network_has_the_same_classes_in_any_form(atlas, network, state, tmp_path, form):
    of_module = atlas.classify(network)
    result = atlas.classify(FORMS[form](state, tmp_path))
    pd.testing.assert_frame_equal(result.kernels, of_module.kernels)
    pd.testing.assert_frame_equal(result.layers, of_module.layers)
    pd.testing.assert_frame_equal(result.summary, of_module.summary)
    assert of_module.kernels["layer"].unique().tolist() == ["1", "2", "3"]
    assert (of_module.kernels["class"] == "dead").sum() == 1
    assert isinstance(of_module.name, str)


def test_an_array_is_one_layer(atlas, state):
    weights = state["3.weight"]
    for x in (weights, weights.numpy(), weights.numpy()[:, 0], weights.double()):
        result = atlas.classify(x)
        assert result.kernels["layer"].unique().tolist() == ["kernels"]
        expected = atlas[5].classify(weights.numpy()[:, 0])
        assert result.kernels["code"].equals(expected["code"])
        assert result.kernels["channel"].tolist() == list(range(16))
    assert len(atlas.classify(weights.bfloat16()).kernels) == 16


def test_options_choose_what_counts(atlas, state):
    both = {"net": state, "ema": {name: -tensor for name, tensor in state.items()}}
    first, second = (atlas.classify(both, weights=key).kernels for key in both)
    assert not first["code"].equals(second["code"])
    assert set(atlas.classify(state, exclude="1 2").kernels["layer"]) == {"3"}


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((3, 5)), "an array of shape"),
        (np.zeros((4, 2, 5, 5)), "an array of shape"),
        (np.zeros((4, 5, 3)), "an array of shape"),
        (np.zeros((0, 5, 5)), "an array of shape"),
        (np.zeros((4, 5, 5), int), "an array of int64"),
        (np.full((4, 5, 5), np.nan), "NaN"),
        (np.full((4, 5, 5), 1e300), "infinite"),
        (17, "a int cannot be classified"),
        ([np.zeros((4, 5, 5))], "a list cannot be classified"),
        (Path("no/such/file.pth"), "no such file: .*no/such/file.pth"),
        ("no_such_file", "no such file: .*no_such_file$"),
        ("ftp://host/net.pth", "nor is it a source"),
        ("hf:no_owner", "does not have the form"),
        ("none:never released", "does not name a file"),
        ({}, "no"),
        (torch.nn.Linear(3, 3), "no depthwise"),
    ],
)
def test_what_is_no_network_is_refused_in_one_line(atlas, x, message):
    with pytest.raises(AtlasError, match=message) as caught:
        atlas.classify(x)
    assert len(str(caught.value).splitlines()) == 1


def test_a_path_may_look_like_a_source(atlas, state, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(state, "hf:a")
    assert len(atlas.classify(Path("hf:a")).kernels) == 40
    assert len(atlas.classify("./hf:a").kernels) == 40


def test_a_source_on_the_hub_is_read_by_ranges(atlas, hub, serve, checkpoint):
    kernels = atlas.classify(serve()).kernels
    assert kernels.groupby("kernel_size").size().to_dict() == {3: 16, 5: 32, 7: 64}
    expected = atlas[5].classify(checkpoint.kernels["blocks.10.dw"])
    assert kernels.loc[kernels["kernel_size"] == 5, "code"].tolist() == expected["code"].tolist()
    assert hub.bytes_sent.bodies < checkpoint.path.stat().st_size / 100


def test_a_timm_model_is_read_by_ranges_in_its_networks_order(atlas, hub, serve, tmp_path):
    path = tmp_path / "mixnet.safetensors"
    weights = write_checkpoint(MIXNET, path)
    serve(repo=f"timm/{MIXNET}", path=path)
    result = atlas.classify(f"timm:{MIXNET}")
    n_5x5 = sum(len(array) for array in weights.values() if array.shape[-1] == 5)
    assert (result.kernels["kernel_size"] == 5).sum() == n_5x5
    assert hub.bytes_sent.bodies < path.stat().st_size / 10
    candidates, note = list_candidates(f"timm:{MIXNET}", Choice())
    assert sum(row.shape[0] for row in candidates) == sum(map(len, weights.values()))
    assert note == f"the file is hf:timm/{MIXNET}"


def test_a_timm_model_that_cannot_be_built_is_refused(atlas, monkeypatch):
    with pytest.raises(AtlasError, match="knows no model 'no_such_net'"):
        atlas.classify("timm:no_such_net")
    monkeypatch.setattr("kernel_atlas.sources.timm.resolve", lambda name: 1 / 0)
    with pytest.raises(AtlasError, match="timm cannot build 'a_net': division by zero"):
        atlas.classify("timm:a_net")


def test_a_download_leaves_nothing_behind(atlas, source, tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    assert len(atlas.classify(source).kernels) == 112
    assert list((tmp_path / "temporary").iterdir()) == []


def test_the_package_offers_it_by_name(atlas, state, tmp_path):
    atlas.save(tmp_path / "my.atlas")
    expected = atlas.classify(state)
    for chosen in (atlas, tmp_path / "my.atlas", str(tmp_path / "my.atlas")):
        result = kernel_atlas.classify(state, chosen)
        pd.testing.assert_frame_equal(result.kernels, expected.kernels)
    assert {"Atlas", "classify", "read_kernels"} <= set(dir(kernel_atlas))
    assert isinstance(atlas, kernel_atlas.Atlas)
    with pytest.raises(AttributeError, match="no_such_name"):
        kernel_atlas.no_such_name  # noqa: B018


def test_the_bundled_atlas_is_the_default(state):
    result = kernel_atlas.classify(state)
    default = kernel_atlas.Atlas.load()
    assert default.sizes == [3, 5]
    assert default.training_models == [f"efficientnet_lite{n}" for n in range(3)]
    assert [len(default[size].codebook) for size in default.sizes] == [10, 10_000]
    assert result.atlas == default.name == "the atlas that comes with kernel-atlas"
    pd.testing.assert_frame_equal(result.kernels, default.classify(state).kernels)


def test_kernels_of_a_store_are_read_by_model(write_group, rng):
    kernels = rng.normal(size=(4, 5, 5)).astype(np.float32)
    group = write_group("net_a", [("dw", kernels)])
    found = kernel_atlas.read_kernels(group.parent, "net_a", 5)
    np.testing.assert_array_equal(found.kernels, kernels)
    assert found.layer_names == ["dw"]
    with pytest.raises(AtlasError, match="net_b"):
        kernel_atlas.read_kernels(group.parent, "net_b", 5)
