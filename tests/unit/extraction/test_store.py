"""The store: kernels come back as written, in few files; damage is never read as kernels."""

import json
import warnings
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import zarr
from zarr.errors import ContainsGroupError

from kernel_atlas.errors import AtlasError
from kernel_atlas.extraction import store
from kernel_atlas.extraction.store import LayerInfo, read_kernels, write_model


@pytest.fixture
def layers(rng):
    """Two sizes alternating, as (name, kernels)."""
    shapes = [("a", 4, 5), ("b", 3, 7), ("c", 2, 5), ("d", 1, 7)]
    return [(name, rng.normal(size=(n, k, k)).astype(np.float32)) for name, n, k in shapes]


def files_of(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_round_trip(write_group, layers):
    group = write_group("net", layers)
    table = [LayerInfo(name, i, k.shape[-1], len(k)) for i, (name, k) in enumerate(layers)]
    for size, layer, channel in (
        (5, [0, 0, 0, 0, 2, 2], [0, 1, 2, 3, 0, 1]),
        (7, [1, 1, 1, 3], [0, 1, 2, 0]),
    ):
        found = read_kernels(group, size)
        assert found.layers == table
        assert (found.kernels.dtype, found.layer.dtype) == (np.float32, np.int32)
        assert found.channel.dtype == np.int32
        expected = np.concatenate([k for _, k in layers if k.shape[-1] == size])
        np.testing.assert_array_equal(found.kernels, expected)
        assert found.layer.tolist() == layer
        assert found.channel.tolist() == channel


def test_a_size_that_the_model_lacks_is_empty(write_group, layers):
    found = read_kernels(write_group("net", layers), 9)
    assert found.kernels.shape == (0, 9, 9)
    assert len(found.layer) == len(found.channel) == 0
    assert [info.name for info in found.layers] == ["a", "b", "c", "d"]


@pytest.mark.parametrize("size", [3, 5, 7])
def test_the_group_of_a_failed_model_has_no_kernels_of_any_size(tmp_path, size):
    group = tmp_path / "kernels.zarr" / "net"
    write_model(group, [], {"failed": "no such file"})
    found = read_kernels(group, size)
    assert (found.kernels.shape, found.kernels.dtype) == ((0, size, size), np.float32)
    assert len(found.layer) == len(found.channel) == 0
    assert found.layers == found.layer_names == []
    assert zarr.open_group(group, mode="r").attrs["failed"] == "no such file"


def test_zarr_alone_reads_the_group(write_group, layers):
    root = zarr.open_group(write_group("net", layers), mode="r")
    assert root.metadata.zarr_format == 3
    assert sorted(root.group_keys()) == ["k5", "k7"]
    assert root["k5/kernels"].metadata.dimension_names == ("kernel", "y", "x")
    assert root.attrs["encoding-type"] == "kernel-atlas-model"
    assert root.attrs["model"] == "net"
    assert {"zarr", "kernel_atlas"} == set(root.attrs["versions"])
    assert root.attrs["layers"][1] == asdict(LayerInfo("b", 1, 7, 3))


def test_a_group_is_replaced_whole(write_group, layers):
    group = write_group("net", layers)
    write_group("net", layers[:1])
    assert len(read_kernels(group, 5).kernels) == 4
    assert len(read_kernels(group, 7).kernels) == 0
    assert not (group / "k7").exists()


def test_leftovers_of_a_killed_job_are_replaced(write_group, layers, tmp_path, monkeypatch):
    def killed(self, target):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            write_group("net", layers)
    assert not (tmp_path / "kernels.zarr" / "net").exists()
    group = write_group("net", layers[:1])
    assert len(read_kernels(group, 5).kernels) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["kernels.zarr"]
    assert sorted(path.name for path in group.parent.iterdir()) == ["net", "zarr.json"]


def test_listing_the_store_gives_the_models_without_a_warning(write_group, layers):
    groups = [write_group(name, layers) for name in ("net.b", "net_a", "net-c")]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        root = zarr.open_group(groups[0].parent, mode="r")
        assert {name for name, _ in root.members()} == {"net.b", "net_a", "net-c"}
        assert len(list(root.members(max_depth=None))) == 3 * (1 + 2 + 4)


def test_another_job_may_make_the_store_at_the_same_moment(write_group, layers, monkeypatch):
    original = zarr.open_group

    def second(path, mode):
        group = original(path, mode=mode)
        if mode == "a":  # zarr has looked for a group, found none, and now comes too late
            raise ContainsGroupError("LocalStore", "")
        return group

    monkeypatch.setattr(store.zarr, "open_group", second)
    group = write_group("net", layers)
    assert len(read_kernels(group, 5).kernels) == 6


def test_many_kernels_are_few_files(write_group, rng):
    kernels = rng.integers(-128, 128, (50_000, 7, 7)).astype(np.float32)
    group = write_group("net", [("a", kernels[:30_000]), ("b", kernels[30_000:])])
    assert len(files_of(group)) < 12
    found = read_kernels(group, 7)
    np.testing.assert_array_equal(found.kernels, kernels)
    assert found.channel[-1] == 19_999


def test_the_same_kernels_give_the_same_bytes(write_group, layers):
    first, second = (
        {path.relative_to(group): path.read_bytes() for path in files_of(group)}
        for group in (write_group("net", layers), write_group("net", layers))
    )
    assert first == second


def test_a_missing_group_is_named(tmp_path, write_group, layers):
    with pytest.raises(AtlasError, match="model net: not in the store"):
        read_kernels(tmp_path / "kernels.zarr" / "net", 5)
    group = write_group("net", layers)
    with pytest.raises(AtlasError, match="model other: not in the store"):
        read_kernels(group.with_name("other"), 5)


@pytest.mark.parametrize(
    ("attribute", "value"), [("encoding-version", 2), ("encoding-type", "other")]
)
def test_another_encoding_is_refused(write_group, layers, attribute, value):
    group = write_group("net", layers)
    metadata = json.loads((group / "zarr.json").read_bytes())
    metadata["attributes"][attribute] = value
    (group / "zarr.json").write_text(json.dumps(metadata))
    with pytest.raises(AtlasError, match=f"model net: .*has encoding .*{value}"):
        read_kernels(group, 5)


def flip(share, path):
    content = bytearray(path.read_bytes())
    content[int(share * len(content))] ^= 0xFF
    path.write_bytes(content)


def cut(share, path):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])


DAMAGES = {
    **{f"flip {share}": partial(flip, share) for share in (0, 0.3, 0.6, 0.99)},
    **{f"cut {share}": partial(cut, share) for share in (0, 0.5, 0.99)},
}


@pytest.mark.parametrize("damage", [*DAMAGES.values(), Path.unlink], ids=[*DAMAGES, "remove"])
@pytest.mark.parametrize("name", ["kernels/c/0/0/0", "layer/c/0", "kernels/zarr.json"])
def test_damage_is_refused(write_group, layers, name, damage):
    group = write_group("net", layers)
    damage(group / "k5" / name)
    with pytest.raises(AtlasError, match=r"model net: .*5x5.*damaged"):
        read_kernels(group, 5)


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_layer_table_is_refused(write_group, layers, damage):
    group = write_group("net", layers)
    damage(group / "zarr.json")
    with pytest.raises(AtlasError, match="model net: "):
        read_kernels(group, 5)
