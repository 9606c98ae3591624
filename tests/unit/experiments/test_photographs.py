"""The small set of patches: its two tasks, and that its parts share no pixel."""

from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image

from kernel_atlas.errors import AtlasError
from kernel_atlas.experiments import photographs
from kernel_atlas.experiments.data import open_data

SIZE = 200, 400  # height, width


@pytest.fixture
def numbered(tmp_path, monkeypatch):
    """Two photographs in a package, each pixel of which has a colour of its own."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    (tmp_path / "album").mkdir()
    for number, name in enumerate(("one", "two")):
        # neighbours differ by enough to be no flat patch
        pixels = np.stack([y % 256, x * 37 % 256, x // 256 + 2 * (y // 256) + 4 * number], axis=2)
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"album/{name}.png")
    monkeypatch.syspath_prepend(tmp_path)
    sources = {name: f"package:album/{name}.png" for name in ("one", "two")}
    monkeypatch.setattr(photographs, "PHOTOGRAPHS", sources)


def colours(images):
    """The colours of each patch as whole numbers, (n, 32, 32)."""
    patches = np.array([np.asarray(images[number][0]) for number in range(len(images))])
    red, green, blue = np.moveaxis(patches.astype(np.int32), 3, 0)
    return red + 256 * green + 65536 * blue


def test_training_and_validation_share_no_pixel(numbered):
    for task in ("rotation", "source"):
        train, validation = (np.unique(colours(part)) for part in open_data(f"photographs:{task}"))
        assert not np.intersect1d(train, validation).size
        share = len(validation) / (len(train) + len(validation))
        assert share == pytest.approx(0.25, abs=0.05)


def test_the_source_of_a_patch_is_its_photograph(numbered):
    for images in open_data("photographs:source"):
        assert images.classes == ["one", "two"]
        assert (colours(images)[:, 0, 0] // 65536 // 4 == images.labels).all()
        assert np.ptp(np.bincount(images.labels)) == 0


def test_textures_are_the_same_patches_without_colour_brightness_and_contrast(numbered):
    for images, coloured in zip(
        open_data("photographs:texture"), open_data("photographs:source"), strict=True
    ):
        assert (images.labels == coloured.labels).all()
        patches = np.array([np.asarray(images[number][0], float) for number in range(len(images))])
        assert (np.ptp(patches, axis=3) == 0).all()
        np.testing.assert_allclose(patches.mean(axis=(1, 2)), 128, atol=3)
        np.testing.assert_allclose(patches.std(axis=(1, 2)), 48, atol=3)
        grey = np.asarray(coloured[0][0], float).mean(axis=2)
        assert np.corrcoef(grey.ravel(), patches[0, :, :, 0].ravel())[0, 1] > 0.99


def test_each_patch_is_turned_by_all_rotations_counterclockwise(numbered):
    upright = [colours(images) for images in open_data("photographs:source")]
    for images, expected in zip(open_data("photographs:rotation"), upright, strict=True):
        assert images.classes == ["0", "90", "180", "270"]
        turned = colours(images)
        for label in range(4):
            own = turned[images.labels == label]
            np.testing.assert_array_equal(np.rot90(own, -label, axes=(1, 2)), expected)
        image = images[0][0]
        by_pillow = np.asarray(image.transpose(Image.Transpose.ROTATE_90))
        number = int(np.flatnonzero(images.labels == 1)[0])
        np.testing.assert_array_equal(np.asarray(images[number][0]), by_pillow)


def test_flat_patches_are_left_out(numbered, tmp_path):
    half = np.array(Image.open(tmp_path / "album/two.png"))
    half[:, SIZE[1] // 2 :] = 200
    Image.fromarray(half).save(tmp_path / "album/two.png")
    train, _ = open_data("photographs:source")
    one, two = np.bincount(train.labels)
    assert 0.4 < two / one < 0.7


def test_a_package_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(photographs, "PHOTOGRAPHS", {"x": "package:no_such_package/x.png"})
    with pytest.raises(AtlasError, match=r"'no_such_package'; .*scikit-image and scikit-learn"):
        open_data("photographs:source")


@pytest.mark.skipif(find_spec("skimage") is None, reason="scikit-image is not installed")
def test_the_photographs_are_where_their_packages_have_them():
    train, validation = open_data("photographs:source")
    assert set(train.labels) == set(validation.labels) == set(range(7))
    assert (len(train), len(validation)) == (2123, 805)
    assert train[0][0].size == (32, 32)
