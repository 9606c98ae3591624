"""Images in WebDataset shards, which the tests write with tarfile."""

import io
import tarfile

import numpy as np
import pytest
from PIL import Image
from support.images import ARM

from kernel_atlas.errors import AtlasError
from kernel_atlas.experiments.arms import read_arms
from kernel_atlas.experiments.data import open_data
from kernel_atlas.experiments.training import train_network


def encode(pixels, form="png"):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


def write_shard(path, files):
    """A tar file with these contents by name."""
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w") as shard:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            shard.addfile(member, io.BytesIO(content))


@pytest.fixture
def folder(tmp_path, rng):
    """Two training shards and one for validation, each with 12 images of three classes."""
    folder = tmp_path / "shards"
    for name in ("made-train-0000", "made-train-0001", "made-validation-0000"):
        files = {}
        for number in range(12):
            pixels = rng.integers(256, size=(8, 10, 3), dtype=np.uint8)
            files[f"a/{name}-{number}.png"] = encode(pixels)
            files[f"a/{name}-{number}.cls"] = f"{number % 3}\n".encode()
            files[f"a/{name}-{number}.json"] = b"{}"
        write_shard(folder / f"{name}.tar", files)
    (folder / "_info.json").write_text("{}")  # timm's index, which is not needed
    return folder


def assert_one_line(folder, message):
    with pytest.raises(AtlasError, match=message) as caught:
        open_data(f"folder:{folder}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["folder", "imagenet"])
def test_all_images_are_there_in_order(folder, scheme):
    train, validation = open_data(f"{scheme}:{folder}")
    assert (len(train), len(validation), train.classes) == (24, 12, ["0", "1", "2"])
    for shard, images in (("made-train-0001", train), ("made-validation-0000", validation)):
        with tarfile.open(folder / f"{shard}.tar") as file:
            expected = Image.open(file.extractfile(f"a/{shard}-7.png"))
            image, label = images[len(images) - 5]
            assert label == 7 % 3
            np.testing.assert_array_equal(np.asarray(image), np.asarray(expected))


def test_controls_and_first_classes_hold_for_shards(folder):
    train, _ = open_data(f"folder:{folder}", classes=2, shuffle="labels", seed=1)
    plain, _ = open_data(f"folder:{folder}", classes=2)
    assert sorted(train.labels) == sorted(plain.labels) == [0] * 8 + [1] * 8
    assert list(train.labels) != list(plain.labels)


def test_a_network_is_trained_on_shards(folder, tmp_path):
    arm = read_arms({"arm": {**ARM, "data": f"folder:{folder}", "workers": 1}})["arm"]
    train_network(arm.trainings[0], tmp_path / "run")
    assert (tmp_path / "run/history.tsv").exists()


def test_an_unreadable_image_is_named_when_it_is_asked_for(folder):
    files = {"x.jpg": b"nothing", "x.cls": b"0", "y.png": encode(np.zeros((4, 4, 3), np.uint8))}
    write_shard(folder / "z-train.tar", files | {"y.cls": b"1"})
    train, _ = open_data(f"folder:{folder}")
    with pytest.raises(AtlasError, match=r"z-train\.tar: x\.jpg: unreadable image"):
        train[24]
    assert train[25][1] == 1


def test_faults_of_shards_are_named(folder):
    image = encode(np.zeros((4, 4, 3), np.uint8))
    extra = folder / "extra-train.tar"
    write_shard(extra, {"x.png": image})
    assert_one_line(folder, r"extra-train\.tar: sample x has no \.cls file with its class")
    write_shard(extra, {"x.cls": b"0"})
    assert_one_line(folder, r"extra-train\.tar: sample x has no image")
    write_shard(extra, {"x.png": image, "x.cls": b"cat"})
    assert_one_line(folder, r"extra-train\.tar: x\.cls: b'cat' is not the number of a class")
    write_shard(extra, {"x.png": image, "x.cls": b"3"})
    assert_one_line(folder, r"shards: class 3 has no validation images")
    write_shard(extra, {"readme.txt": b"nothing"})
    assert_one_line(folder, r"extra-train\.tar: no images \(jpg, ")
    extra.write_bytes(b"no tar file" * 100)
    assert_one_line(folder, r"extra-train\.tar: unreadable shard")
    whole = (folder / "made-train-0000.tar").read_bytes()
    extra.write_bytes(whole[: len(whole) // 2])
    assert_one_line(folder, r"extra-train\.tar: unreadable shard")
    extra.unlink()
    (folder / "made-validation-0000.tar").unlink()
    assert_one_line(folder, r"shards has no shards of validation images \(\*val\*\.tar\)")
