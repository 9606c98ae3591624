"""The store: kernels come back as written, in few files; damage is never read as kernels."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import zarr
from zarr.errors import ContainsGroupError

from kernel_atlas.checkpoints.layer import Layer
from kernel_atlas.errors import AtlasError
from kernel_atlas.extraction.store import (
    LayerInfo,
    kernel_sizes,
    read_kernel_array,
    read_kernels,
    read_layers,
)
from kernel_atlas.extraction.writing import write_model


@pytest.fixture
def layers(rng):
    """Two sizes alternating, as (name, kernels)."""
    shapes = [("a", 4, 5), ("b", 3, 7), ("c", 2, 5), ("d", 1, 7)]
    return [(name, rng.normal(size=(n, k, k)).astype(np.float32)) for name, n, k in shapes]


def files_of(folder):
    return {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("size", "layer", "channel"),
    [
        (5, [0, 0, 0, 0, 2, 2], [0, 1, 2, 3, 0, 1]),
        (7, [1, 1, 1, 3], [0, 1, 2, 0]),
        (9, [], []),
    ],
)
def test_kernels_come_back_as_written(write_group, layers, size, layer, channel):
    found = read_kernels(write_group("net", layers), size)
    expected = [np.zeros((0, size, size)), *(k for _, k in layers if k.shape[-1] == size)]
    np.testing.assert_array_equal(found.kernels, np.concatenate(expected))
    assert (found.layer.tolist(), found.channel.tolist()) == (layer, channel)
    assert found.kernels.dtype == np.float32
    assert found.layer.dtype == found.channel.dtype == np.int32
    assert found.layers == [
        LayerInfo(name, i, k.shape[-1], len(k)) for i, (name, k) in enumerate(layers)
    ]
    assert found.layer_names == ["a", "b", "c", "d"]
    np.testing.assert_array_equal(
        read_kernel_array(write_group("net", layers), size), found.kernels
    )


def test_compressed_chunks_in_shards_are_read_as_well(write_group, layers):
    group = write_group("net", layers)  # below as earlier versions wrote them
    expected = read_kernels(group, 5).kernels
    options = {"chunks": (4, 5, 5), "shards": (8, 5, 5), "overwrite": True}
    zarr.create_array(group / "k5/kernels", data=expected, **options)
    np.testing.assert_array_equal(read_kernels(group, 5).kernels, expected)


def test_a_chunk_of_zeros_has_no_file_and_comes_back(write_group, monkeypatch):
    monkeypatch.setattr("kernel_atlas.extraction.writing.CHUNK_KERNELS", 4)
    zeros, ones = (np.full((4, 5, 5), value, np.float32) for value in (0, 1))
    group = write_group("net", [("a", zeros), ("b", ones)])
    assert not (group / "k5/kernels/c/0").exists()
    np.testing.assert_array_equal(read_kernel_array(group, 5), np.concatenate([zeros, ones]))


@pytest.mark.parametrize("size", [3, 5, 7])
def test_the_group_of_a_failed_model_has_no_kernels_of_any_size(tmp_path, size):
    group = tmp_path / "kernels.zarr" / "net"
    write_model(group, [], {"failed": "no such file"})
    found = read_kernels(group, size)
    assert (found.kernels.shape, found.kernels.dtype) == ((0, size, size), np.float32)
    assert len(found.layer) == len(found.channel) == 0
    assert found.layers == found.layer_names == []
    assert zarr.open_group(group, mode="r").attrs["failed"] == "no such file"


def test_a_group_that_also_numbers_the_layers_is_read_as_well(write_group, layers):
    group = write_group("net", layers)
    expected = read_kernels(group, 5)
    zarr.open_group(group)["k5"].create_array("layer", data=expected.layer)  # encoding 1
    metadata = (group / "zarr.json").read_text()
    (group / "zarr.json").write_text(
        metadata.replace('"encoding-version": 2', '"encoding-version": 1')
    )
    found = read_kernels(group, 5)
    assert np.array_equal(found.kernels, expected.kernels)
    assert np.array_equal(found.layer, expected.layer)


def test_a_model_has_few_files(write_group, layers):
    assert len(files_of(write_group("net", layers))) == 1 + 3 * 2


def test_the_layer_table_is_read_without_the_kernels(write_group, layers):
    group = write_group("net", layers)
    for size in ("k5", "k7"):
        shutil.rmtree(group / size)
    table = [
        (info.name, info.index, info.kernel_size, info.n_kernels) for info in read_layers(group)
    ]
    assert table == [("a", 0, 5, 4), ("b", 1, 7, 3), ("c", 2, 5, 2), ("d", 3, 7, 1)]


def test_signs_come_back_as_written_and_unknown_where_a_group_has_none(tmp_path, layers):
    (_, first), _, (_, third), _ = layers
    sign = np.array([1, -1, 0, 1], np.int8)
    group = tmp_path / "kernels.zarr" / "net"
    made = [Layer("a", first, norm="bn", norm_why="so", gain_sign=sign), Layer("c", third)]
    write_model(group, made, {})
    found = read_kernels(group, 5)
    np.testing.assert_array_equal(found.gain_sign, [1, -1, 0, 1, np.nan, np.nan])
    np.testing.assert_array_equal(found.folded[1], -first[1])
    assert np.isnan(found.folded[4:]).all()
    assert [(info.norm, info.norm_why) for info in found.layers] == [("bn", "so"), ("", "")]
    metadata = json.loads((group / "zarr.json").read_bytes())
    of_layers = metadata["attributes"]["layers"]
    for row in of_layers:  # as earlier releases wrote them
        del row["norm"], row["norm_why"]
    for signs, is_damaged in (("+-0", True), ("+-?+", True), (None, False)):
        of_layers[0]["gain_signs"] = signs
        if signs is None:
            del of_layers[0]["gain_signs"]
        (group / "zarr.json").write_text(json.dumps(metadata))
        if is_damaged:
            with pytest.raises(AtlasError, match=r"model net: .*damaged"):
                read_kernels(group, 5)
        else:
            assert np.isnan(read_kernels(group, 5).gain_sign).all()


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
    assert kernel_sizes(group) == [5]
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


def test_the_store_lists_its_models(write_group, layers):
    groups = [write_group(name, layers) for name in ("net.b", "net_a", "net-c")]
    root = zarr.open_group(groups[0].parent, mode="r")
    assert {name for name, _ in root.members()} == {"net.b", "net_a", "net-c"}
    assert len(list(root.members(max_depth=None))) == 3 * (1 + 2 + 2)


def test_two_jobs_may_create_the_store_at_once(write_group, layers, monkeypatch):
    original = zarr.open_group

    def second(path, mode):
        group = original(path, mode=mode)
        if mode == "a":  # zarr found no group, and now is too late to create it
            raise ContainsGroupError("LocalStore", "")
        return group

    monkeypatch.setattr(zarr, "open_group", second)
    assert len(read_kernels(write_group("net", layers), 5).kernels) == 6


def test_many_kernels_are_few_files(write_group, rng):
    kernels = rng.integers(-128, 128, (50_000, 7, 7)).astype(np.float32)
    group = write_group("net", [("a", kernels[:30_000]), ("b", kernels[30_000:])])
    assert len(files_of(group)) < 12
    found = read_kernels(group, 7)
    np.testing.assert_array_equal(found.kernels, kernels)
    assert found.channel[-1] == 19_999


def test_the_same_kernels_give_the_same_bytes(write_group, layers):
    first, second = (
        {name: path.read_bytes() for name, path in files_of(write_group("net", layers)).items()}
        for _ in range(2)
    )
    assert first == second


@pytest.mark.parametrize(
    ("attribute", "value"), [("encoding-version", 3), ("encoding-type", "other")]
)
def test_another_encoding_is_refused(write_group, layers, attribute, value):
    group = write_group("net", layers)
    metadata = json.loads((group / "zarr.json").read_bytes())
    metadata["attributes"][attribute] = value
    (group / "zarr.json").write_text(json.dumps(metadata))
    with pytest.raises(AtlasError, match=f"model net: .*has encoding .*{value}"):
        read_kernels(group, 5)


def test_a_missing_group_is_named(tmp_path, write_group, layers):
    for _ in range(2):
        with pytest.raises(AtlasError, match="model other: not in the store"):
            read_kernels(tmp_path / "kernels.zarr" / "other", 5)
        write_group("net", layers)


@pytest.mark.parametrize("share", [0, 0.3, 0.6, 0.99])
@pytest.mark.parametrize("is_cut", [False, True], ids=["changed", "cut"])
@pytest.mark.parametrize("name", ["k5/kernels/c/0/0/0", "k5/kernels/zarr.json", "zarr.json"])
def test_damage_is_refused(write_group, layers, name, is_cut, share):
    group = write_group("net", layers)
    content = bytearray((group / name).read_bytes())
    place = int(share * len(content))
    content[place] ^= 0xFF
    (group / name).write_bytes(content[:place] if is_cut else content)
    where = "model net: " if name == "zarr.json" else r"model net: .*5x5.*damaged"
    with pytest.raises(AtlasError, match=where):
        read_kernels(group, 5)
    if "kernels" in name:
        with pytest.raises(AtlasError, match=where):
            read_kernel_array(group, 5)


def test_damage_is_refused_in_groups_of_earlier_releases_too(write_group, layers):
    group = write_group("net", layers)
    metadata = json.loads((group / "zarr.json").read_text())
    del metadata["attributes"]["kernels_crc32"]
    (group / "zarr.json").write_text(json.dumps(metadata))
    assert len(read_kernel_array(group, 5))
    chunk = group / "k5/kernels/c/0/0/0"
    chunk.write_bytes(bytes([chunk.read_bytes()[0] ^ 1]) + chunk.read_bytes()[1:])
    with pytest.raises(AtlasError, match=r"model net: .*5x5.*damaged.*checksum"):
        read_kernel_array(group, 5)


@pytest.mark.parametrize("name", ["kernels/c/0/0/0", "kernels/zarr.json"])
def test_a_missing_file_is_damage(write_group, layers, name):
    group = write_group("net", layers)
    (group / "k5" / name).unlink()
    with pytest.raises(AtlasError, match=r"model net: .*5x5.*damaged"):
        read_kernels(group, 5)
