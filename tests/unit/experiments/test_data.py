"""What networks are trained on: folders, CIFAR-10's files, photographs, and shuffled controls."""

import pickle

import numpy as np
import pytest
from PIL import Image

from kernel_atlas.errors import AtlasError
from kernel_atlas.experiments.arms import DATA
from kernel_atlas.experiments.cifar10 import RECORD, TRAIN, VALIDATION
from kernel_atlas.experiments.data import SCHEMES, open_data
from kernel_atlas.experiments.photographs import TASKS


def write_images(folder, n, rng):
    folder.mkdir(parents=True)
    for number in range(n):
        pixels = rng.integers(256, size=(8, 12, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")


@pytest.fixture
def split(tmp_path, rng):
    """Two classes, in ``train`` and ``val``."""
    for part, n in (("train", 3), ("val", 2)):
        for name in ("cat", "dog"):
            write_images(tmp_path / part / name, n, rng)
    return tmp_path


@pytest.fixture
def cifar10(tmp_path, rng):
    for name in TRAIN + VALIDATION:
        records = rng.integers(256, size=(4, RECORD), dtype=np.uint8)
        records[:, 0] = [9, 0, 3, 9]
        records.tofile(tmp_path / name)
    return tmp_path


def pixels_of(images):
    return [np.asarray(images[number][0]) for number in range(len(images))]


def labels_of(images):
    return [images[number][1] for number in range(len(images))]


def assert_one_line(uri, message, **options):
    with pytest.raises(AtlasError, match=message) as caught:
        open_data(uri, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["imagenet", "folder"])
def test_folders_of_classes_are_read(split, scheme):
    train, validation = open_data(f"{scheme}:{split}")
    assert train.classes == validation.classes == ["cat", "dog"]
    assert labels_of(train) == [0, 0, 0, 1, 1, 1]
    assert labels_of(validation) == [0, 0, 1, 1]
    image, label = train[4]
    assert (image.mode, image.size, label) == ("RGB", (12, 8), 1)
    expected = np.asarray(Image.open(split / "train/dog/1.png"))
    np.testing.assert_array_equal(np.asarray(image), expected)


def test_a_configuration_may_name_all_data_that_can_be_opened():
    files = {f"{scheme}:PATH" for scheme in SCHEMES if scheme != "photographs"}
    assert set(DATA) == files | {f"photographs:{task}" for task in TASKS}


def test_a_transform_is_applied_and_workers_get_the_dataset(split):
    train, _ = open_data(f"folder:{split}")
    train = pickle.loads(pickle.dumps(train))
    train.transform = np.ndim
    assert train[0] == (3, 0)


def test_a_folder_without_train_is_split_in_the_same_way_for_every_seed(tmp_path, rng):
    for name in ("a", "b"):
        write_images(tmp_path / name, 10, rng)
    train, validation = open_data(f"folder:{tmp_path}", seed=1)
    assert (labels_of(train), labels_of(validation)) == ([0] * 8 + [1] * 8, [0, 0, 1, 1])
    assert not {*train.items} & {*validation.items}
    assert open_data(f"folder:{tmp_path}", seed=2)[1].items == validation.items


def test_cifar10_is_read_as_it_is_published(cifar10):
    train, validation = open_data(f"cifar10:{cifar10}")
    assert (len(train), len(validation)) == (20, 4)
    assert [train.classes[label] for label in labels_of(validation)] == [
        *("truck", "airplane", "cat", "truck")
    ]
    record = np.fromfile(cifar10 / TRAIN[1], np.uint8)[2 * RECORD : 3 * RECORD]
    image = np.asarray(train[6][0])
    np.testing.assert_array_equal(image[0, :, 0], record[1:33])  # red, the first row
    np.testing.assert_array_equal(image[31, :, 2], record[-32:])  # blue, the last row


def test_the_first_classes_can_be_had_alone(cifar10):
    train, validation = open_data(f"cifar10:{cifar10}", classes=4)
    assert train.classes == validation.classes == ["airplane", "automobile", "bird", "cat"]
    assert labels_of(train) == [0, 3] * 5
    assert_one_line(f"cifar10:{cifar10}", "has 10 classes, not 11", classes=11)


def test_shuffled_labels_are_those_of_other_training_images(cifar10):
    plain, _ = open_data(f"cifar10:{cifar10}")
    train, validation = open_data(f"cifar10:{cifar10}", shuffle="labels", seed=3)
    assert labels_of(train) != labels_of(plain)
    assert sorted(labels_of(train)) == sorted(labels_of(plain))
    assert labels_of(validation) == [9, 0, 3, 9]
    assert labels_of(open_data(f"cifar10:{cifar10}", shuffle="labels", seed=3)[0]) == (
        labels_of(train)
    )
    np.testing.assert_array_equal(pixels_of(train), pixels_of(plain))


def test_shuffled_pixels_stay_whole_and_in_place(cifar10):
    plain, shuffled = (
        open_data(f"cifar10:{cifar10}", shuffle=how, seed=3) for how in ("none", "pixels")
    )
    for before, after in zip(plain, shuffled, strict=True):
        image, own = np.asarray(before[1][0]), np.asarray(after[1][0])
        assert not np.array_equal(image, own)
        np.testing.assert_array_equal(np.asarray(after[1][0]), own)  # the same each time
        assert sorted(map(tuple, image.reshape(-1, 3))) == sorted(map(tuple, own.reshape(-1, 3)))
    assert labels_of(plain[0]) == labels_of(shuffled[0])


def test_missing_and_empty_folders_are_named(split, tmp_path):
    assert_one_line(f"imagenet:{tmp_path}/no", f"no folder of images: {tmp_path}/no")
    (tmp_path / "empty").mkdir()
    assert_one_line(f"imagenet:{tmp_path}/empty", "no folder of images: .*/empty/train")
    assert_one_line(f"folder:{tmp_path}/empty", "/empty: .*any class folder")
    (split / "val/dog/0.png").rename(split / "val/cat/2.png")
    (split / "val/dog/1.png").unlink()
    assert_one_line(f"imagenet:{split}", "/val: .*no valid file for the classes dog")
    (split / "val/dog").rmdir()
    assert_one_line(f"imagenet:{split}", "class 'dog' has no folder of validation images")
    (split / "val").rename(split / "other")
    assert_one_line(f"folder:{split}", "none of val or validation")


def test_an_unreadable_image_is_named_when_it_is_asked_for(split):
    path = split / "train/cat/1.png"
    path.write_bytes(path.read_bytes()[:60])
    train, _ = open_data(f"folder:{split}")
    with pytest.raises(AtlasError, match=rf"{path}: unreadable image"):
        train[1]
    path.write_text("not an image")
    with pytest.raises(AtlasError, match=rf"{path}: unreadable image"):
        train[1]


def test_faults_of_cifar10_are_named(cifar10):
    path = cifar10 / TRAIN[2]
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert_one_line(f"cifar10:{cifar10}", r"data_batch_3.bin: 12,291 bytes, .* records of 3,073")
    path.write_bytes(b"\xff" + whole[1:])
    assert_one_line(f"cifar10:{cifar10}", "data_batch_3.bin: a record has the label 255")
    path.unlink()
    assert_one_line(f"cifar10:{cifar10}", "data_batch_3.bin: cannot be read")


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("mnist:/x", "unknown data 'mnist:/x' .known: imagenet:"),
        ("folder:", "unknown data 'folder:'"),
        ("photographs:depth", "unknown task photographs:depth .known: source, texture, rotation"),
    ],
)
def test_unknown_data_are_refused(uri, message):
    assert_one_line(uri, message)


def test_unknown_controls_are_refused(cifar10):
    assert_one_line(f"cifar10:{cifar10}", "cannot shuffle 'words'", shuffle="words")
