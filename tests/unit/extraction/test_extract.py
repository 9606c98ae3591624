"""One model into the store: order and geometry of its layers, and no group when it fails."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from support.checkpoints import write_checkpoint

from kernel_atlas.checkpoints.layer import Layer, join_splits
from kernel_atlas.checkpoints.regular import RegularSample
from kernel_atlas.errors import AtlasError
from kernel_atlas.extraction.arrange import arrange
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


def test_a_timm_model(serve, extraction, resolved, mixnet):
    path, weights = mixnet
    serve(repo=f"timm/{MIXNET}", path=path)
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
    # the splits of a layer share its index
    assert len({row["index"] for row in rows}) == len({row["name"] for row in rows}) < len(rows)
    for size in (3, 5, 7, 9, 11):
        expected = [weights[f"{x.weight}.weight"][:, 0] for x in architecture.layers
                    if x.kernel_size == size]  # fmt: skip
        found = read_kernels(extraction.group, size)
        np.testing.assert_array_equal(found.kernels, np.concatenate(expected))


def test_the_same_file_by_its_address_has_no_geometry(serve, extraction, resolved, mixnet):
    path, _ = mixnet
    source = serve(repo=f"timm/{MIXNET}", path=path)
    first = extraction.run(f"timm:{MIXNET}", architectures=[resolved])["layers"]
    second = extraction.run(source)["layers"]
    geometry = {"stride": None, "dilation": None}
    assert second == [row | geometry for row in first]


def test_a_sample_of_a_timm_model_is_not_arranged(serve, extraction, resolved, mixnet):
    path, _ = mixnet
    serve(repo=f"timm/{MIXNET}", path=path)
    sample = RegularSample(9, 1)
    facts = extraction.run(f"timm:{MIXNET}", architectures=[resolved], regular=sample)
    assert [row["name"] for row in facts["layers"]] == ["conv_stem"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mixnet_s.no_such_tag", "knows no model 'mixnet_s.no_such_tag'; near: mixnet_s.ft_in1k"),
        ("no_such_net", "knows no model 'no_such_net'"),
        ("broken", "timm cannot build 'broken': division by zero"),
    ],
)
def test_a_name_that_resolves_to_nothing(extraction, resolved, name, message):
    assert message in extraction.refusal(f"timm:{name}", architectures=[resolved])


def test_a_timm_model_that_was_not_resolved(extraction):
    assert "timm was not asked for 'x'" in extraction.refusal("timm:x")


def test_a_checkpoint_of_another_model(serve, checkpoint, extraction, resolved):
    serve(repo=f"timm/{MIXNET}")
    message = extraction.refusal(f"timm:{MIXNET}", architectures=[resolved])
    assert "layer blocks.2.dw: 64 kernels of 7x7 are in only one of the checkpoint" in message


def layers_of(*names, size=3):
    """A layer for each name, filled with its number; a name may end with :n for n kernels."""
    return [
        Layer(
            name.partition(":")[0],
            np.full((int(name.partition(":")[2] or 4), size, size), number, np.float32),
        )
        for number, name in enumerate(names)
    ]


def architecture_of(*names):
    """An architecture of these layers; the stride tells the place of each."""
    rows = [
        ArchitectureLayer(layer.name, layer.name, 3, len(layer.kernels), number, 1)
        for number, layer in enumerate(layers_of(*names), start=1)
    ]
    return Architecture("net.tag", "hf:o/r", "1.0", tuple(rows))


@pytest.mark.parametrize(
    ("found", "expected", "arranged"),
    [
        (["a", "b"], ["b", "a"], ["b", "a"]),
        (["a", "b:6", "c"], ["c", "b:6", "a"], ["c", "b", "a"]),
        # other names: by their place
        (["x", "y:6"], ["b", "a:6"], ["x", "y"]),
        (["a", "y"], ["a", "b"], ["a", "y"]),
    ],
)
def test_arrange(found, expected, arranged):
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
        (["a"], ["a", "b"], "layer b: 4 kernels of 3x3"),
        (["a", "b"], ["a"], "layer b: 4 kernels of 3x3"),
        (["a:6"], ["a"], "layer a: 6 kernels of 3x3"),
        (["x", "y:6"], ["a:6", "b"], "layer x: 4 kernels of 3x3"),
        (["a"], [], "layer a: 4 kernels of 3x3"),
    ],
)
def test_layers_that_are_not_the_architectures(found, expected, culprit):
    with pytest.raises(
        AtlasError, match=r"timm's net\.tag; the checkpoint is of another"
    ) as caught:
        arrange(layers_of(*found), architecture_of(*expected))
    assert culprit in str(caught.value)


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
def test_join_splits(sizes, joined):
    layers = [layer for name, size in sizes.items() for layer in layers_of(name, size=size)]
    found = join_splits([*layers_of("a"), *layers])
    assert [x.name for x in found] == ["a", *(["b"] * len(sizes) if joined else sizes)]
    assert [x.kernels.shape[-1] for x in found] == [3, *sizes.values()]


def test_a_written_architecture_is_read_from_whichever_file_has_it(tmp_path):
    architecture = architecture_of("a", "b:6")
    entries = [{"other": {"error": "no"}}, {"net": {"error": "no"}}, {"net": asdict(architecture)}]
    paths = [tmp_path / f"{number}.json" for number in range(3)]
    for path, entry in zip(paths, entries, strict=True):
        path.write_text(json.dumps(entry))
    # an error counts only where no file has the model
    assert read_architecture("net", paths) == architecture
    assert read_architecture("net", reversed(paths)) == architecture
    with pytest.raises(AtlasError, match=r"^no$"):
        read_architecture("net", paths[:2])
    with pytest.raises(AtlasError, match="timm was not asked for 'net'"):
        read_architecture("net", paths[:1])


@pytest.fixture
def pickled(tmp_path):
    """A function that writes kernels of two layers, the first named `first`, as a pickle."""

    def save(first=1.0):
        weights = {"b.9.dw.weight": torch.full((4, 1, 5, 5), first)}
        torch.save(weights | {"b.10.dw.weight": torch.ones(6, 1, 3, 3)}, tmp_path / "net.pth")
        return f"file:{tmp_path}/net.pth"

    return save


def test_a_failure_names_the_model_and_leaves_no_group(pickled, extraction):
    extraction.run(pickled())
    assert "model net_a: layer b.9.dw: " in extraction.refusal(pickled(float("nan")))
    extraction.run(pickled())
    assert "wrong checksum" in extraction.refusal(pickled(), sha256="0" * 64)
    assert "no such file" in extraction.refusal("file:absent.pth")
    assert "stands for no file by itself" in extraction.refusal("none:never released")


def test_a_group_says_where_the_kernels_came_from(pickled, extraction):
    source = pickled()
    facts = extraction.run(source)
    expected = {
        "model": "net_a", "source": source, "stamp": "", "sha256": None, "revision": None,
        "url": None, "timm": None, "convolutions": "depthwise",
    }  # fmt: skip
    assert facts | expected == facts
    assert [layer["name"] for layer in facts["layers"]] == ["b.9.dw", "b.10.dw"]
