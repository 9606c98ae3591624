"""One model into the store: order and geometry of its layers, and no group when it fails."""

import numpy as np
import pytest
import torch
from support.checkpoints import write_checkpoint

from kernel_atlas.checkpoints.layer import Layer
from kernel_atlas.errors import AtlasError
from kernel_atlas.extraction.extract import arrange
from kernel_atlas.extraction.store import read_kernels
from kernel_atlas.sources import timm
from kernel_atlas.sources.timm import (
    Architecture,
    ArchitectureLayer,
    read_architecture,
    resolve_timm,
)

MIXNET = "mixnet_s.ft_in1k"


@pytest.fixture(scope="module")
def resolved(tmp_path_factory):
    """What timm says of a model, of two names that it does not know, and of one that fails."""
    path = tmp_path_factory.mktemp("resolved") / "timm.json"
    with pytest.MonkeyPatch.context() as patch:
        resolve = timm.resolve

        def fail_for_one(name):
            return 1 / 0 if name == "broken" else resolve(name)

        patch.setattr(timm, "resolve", fail_for_one)
        resolve_timm([MIXNET, "mixnet_s.no_such_tag", "no_such_net", "broken"], path)
    return path


@pytest.fixture(scope="module")
def mixnet(tmp_path_factory):
    """A checkpoint of that model: its path and its depthwise weights by name."""
    path = tmp_path_factory.mktemp("mixnet") / "model.safetensors"
    return path, write_checkpoint(MIXNET, path)


def test_a_timm_model_has_the_networks_order_and_geometry(serve, extraction, resolved, mixnet):
    path, weights = mixnet
    source = serve(repo=f"timm/{MIXNET}", path=path)
    facts = extraction.run(f"timm:{MIXNET}", architectures=[resolved])
    architecture = read_architecture(MIXNET, [resolved])
    assert facts["timm"] == {"model": MIXNET, "version": architecture.timm_version}
    assert facts["source"] == f"timm:{MIXNET}"
    assert facts["url"].endswith("/model.safetensors")
    assert facts["bytes_read"] < path.stat().st_size
    rows = facts["layers"]
    assert [
        (row["name"], row["kernel_size"], row["n_kernels"], row["stride"], row["dilation"])
        for row in rows
    ] == [(x.layer, x.kernel_size, x.n_kernels, x.stride, x.dilation) for x in architecture.layers]
    assert {row["stride"] for row in rows} == {1, 2}
    assert [row["padding"] for row in rows] == [row.padding for row in architecture.layers]
    # the splits of a layer share its index
    assert len({row["index"] for row in rows}) == len({row["name"] for row in rows}) < len(rows)
    for size in (3, 5, 7, 9, 11):
        chosen = [layer for layer in architecture.layers if layer.kernel_size == size]
        expected = np.concatenate([weights[f"{layer.weight}.weight"][:, 0] for layer in chosen])
        np.testing.assert_array_equal(read_kernels(extraction.group, size).kernels, expected)
    # by its address the same file has no geometry, and names alone tell its norms
    unknown = {"stride": None, "dilation": None, "padding": None}
    by_names = extraction.run(source)["layers"]
    unknown["norm_why"] = by_names[0]["norm_why"]
    assert {row["norm_why"] for row in rows}.isdisjoint({row["norm_why"] for row in by_names})
    assert [row | unknown for row in by_names] == [row | unknown for row in rows]


@pytest.mark.parametrize(
    ("name", "layer"),
    [("coat_tiny.in1k", "crpe1.conv_list"), ("iformer_t.in1k", "stages.0.blocks.0.mixer.0.c")],
    ids=["mixed convolutions of another kind", "a module named module"],
)
def test_layers_are_named_as_without_timm(name, layer, serve, extraction, tmp_path):
    weights = write_checkpoint(name, tmp_path / "model.safetensors")
    serve(repo=f"timm/{name}", path=tmp_path / "model.safetensors")
    resolve_timm([name], tmp_path / "timm.json")
    architecture = read_architecture(name, [tmp_path / "timm.json"])
    facts = extraction.run(f"timm:{name}", architectures=[tmp_path / "timm.json"])
    assert layer in {row["name"] for row in facts["layers"]}
    for size in {row.kernel_size for row in architecture.layers}:
        chosen = [row.weight for row in architecture.layers if row.kernel_size == size]
        expected = np.concatenate([weights[f"{weight}.weight"][:, 0] for weight in chosen])
        np.testing.assert_array_equal(read_kernels(extraction.group, size).kernels, expected)


def test_a_sample_of_a_timm_model_is_not_arranged(serve, extraction, resolved, mixnet):
    path, _ = mixnet
    serve(repo=f"timm/{MIXNET}", path=path)
    sample = (9, 1)
    facts = extraction.run(f"timm:{MIXNET}", architectures=[resolved], regular=sample)
    assert [row["name"] for row in facts["layers"]] == ["conv_stem"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mixnet_s.no_such_tag", "no model 'mixnet_s.no_such_tag'; similar: mixnet_s.ft_in1k"),
        ("no_such_net", "knows no model 'no_such_net'"),
        ("broken", "timm cannot build 'broken': division by zero"),
        ("x", "timm was not asked for 'x'"),
    ],
)
def test_a_name_that_timm_cannot_resolve(extraction, resolved, name, message):
    assert message in extraction.refusal(f"timm:{name}", architectures=[resolved])


def test_a_checkpoint_of_another_model(serve, extraction, resolved):
    serve(repo=f"timm/{MIXNET}")
    message = extraction.refusal(f"timm:{MIXNET}", architectures=[resolved])
    assert "layer blocks.2.dw: its 64 kernels of 7x7 are not in both the checkpoint" in message


def layers_of(*names):
    """A 3x3 layer for each name, filled with its number; "name:6" has 6 kernels instead of 4."""
    return [
        Layer(
            name.partition(":")[0],
            np.full((int(name.partition(":")[2] or 4), 3, 3), number, np.float32),
        )
        for number, name in enumerate(names)
    ]


def architecture_of(*names):
    """An architecture of these layers; the stride gives the position of each."""
    rows = [
        ArchitectureLayer(layer.name, layer.name, 3, len(layer.kernels), number, 1, 0)
        for number, layer in enumerate(layers_of(*names), start=1)
    ]
    return Architecture("net.tag", "hf:o/r", "1.0", tuple(rows))


@pytest.mark.parametrize(
    ("found", "expected", "arranged"),
    [
        (["a", "b"], ["b", "a"], ["b", "a"]),
        (["a", "b:6", "c"], ["c", "b:6", "a"], ["c", "b", "a"]),
        # other names: by their position
        (["x", "y:6"], ["b", "a:6"], ["x", "y"]),
        (["a", "y"], ["a", "b"], ["a", "y"]),
    ],
)
def test_layers_are_arranged_by_name_or_position(found, expected, arranged):
    layers = layers_of(*found)
    numbers = {layer.name: number for number, layer in enumerate(layers)}
    result = arrange(layers, architecture_of(*expected))
    assert [layer.name for layer in result] == arranged
    assert [layer.kernels[0, 0, 0] for layer in result] == [numbers[name] for name in arranged]
    assert [layer.stride for layer in result] == list(range(1, len(result) + 1))
    assert {layer.dilation for layer in result} == {1}


@pytest.mark.parametrize(
    ("found", "expected", "culprit"),
    [
        (["a"], ["a", "b"], "layer b: its 4 kernels of 3x3"),
        (["a", "b"], ["a"], "layer b: its 4 kernels of 3x3"),
        (["a:6"], ["a"], "layer a: its 6 kernels of 3x3"),
        (["x", "y:6"], ["a:6", "b"], "layer x: its 4 kernels of 3x3"),
        (["a"], [], "layer a: its 4 kernels of 3x3"),
    ],
)
def test_layers_that_are_not_the_architectures(found, expected, culprit):
    with pytest.raises(
        AtlasError, match=r"timm's net\.tag; it is the checkpoint of another"
    ) as error:
        arrange(layers_of(*found), architecture_of(*expected))
    assert culprit in str(error.value)


@pytest.fixture
def pickled(tmp_path):
    """A function that writes kernels of two layers, the first of this value, as a pickle."""

    def save(first=1.0):
        weights = {"b.9.dw.weight": first * torch.arange(100.0).reshape(4, 1, 5, 5)}
        weights["b.10.dw.weight"] = torch.arange(54.0).reshape(6, 1, 3, 3)
        torch.save(weights, tmp_path / "net.pth")
        return f"file:{tmp_path}/net.pth"

    return save


def test_a_failure_names_the_model_and_leaves_no_group(pickled, serve, extraction):
    extraction.run(pickled())
    assert "model net_a: layer b.9.dw: " in extraction.refusal(pickled(float("nan")))
    extraction.run(pickled())
    message = extraction.refusal(pickled(), sha256="0" * 64)
    assert "wrong checksum: net.pth (" in message
    assert f"expected {'0' * 64}; " in message
    assert "no such file" in extraction.refusal("file:absent.pth")
    assert "does not name a file" in extraction.refusal("none:never released")


def test_a_group_records_where_its_kernels_came_from(pickled, extraction):
    source = pickled()
    facts = extraction.run(source)
    expected = {"model": "net_a", "source": source, "stamp": "", "convolutions": "depthwise"}
    expected |= dict.fromkeys(["sha256", "revision", "url", "timm"])
    assert facts | expected == facts
    assert [layer["name"] for layer in facts["layers"]] == ["b.9.dw", "b.10.dw"]
