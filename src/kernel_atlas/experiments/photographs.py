"""A small set of images for everybody, made from photographs that installed packages ship.

Seven colour photographs come with scikit-image and scikit-learn. They are cut into blocks;
every fourth is for validation, so that no patch of one set has a pixel of the other. All
tasks are about patches of the same photographs: what a network scores tells how well it
knows these, and nothing of photographs in general.
"""

import numpy as np
from PIL import Image

from kernel_atlas.errors import AtlasError
from kernel_atlas.experiments.images import Images
from kernel_atlas.sources import package

PHOTOGRAPHS = {
    "astronaut": "package:skimage/data/astronaut.png",
    "chelsea": "package:skimage/data/chelsea.png",
    "china": "package:sklearn/datasets/images/china.jpg",
    "coffee": "package:skimage/data/coffee.png",
    "flower": "package:sklearn/datasets/images/flower.jpg",
    "motorcycle": "package:skimage/data/motorcycle_left.png",
    "rocket": "package:skimage/data/rocket.jpg",
}
ROTATIONS = (0, 90, 180, 270)  # degrees, counterclockwise

PATCH = 32  # pixels
BLOCK = 96
STEP = 16  # between patches of a block
MIN_CONTRAST = 8  # standard deviation of brightness, of 255: less is sky, with nothing to tell


def open_photographs(task: str) -> tuple[Images, Images]:
    """Patches of 32 x 32 pixels, always the same.

    Parameters
    ----------
    task : str
        ``source``: which photograph a patch is from (seven classes), which colours nearly tell;
        ``texture``: the same of grey patches, all of one brightness and contrast; ``rotation``:
        by how many degrees it was turned (four classes).

    Raises
    ------
    AtlasError
        If there is no such task, or scikit-image is not installed.
    """
    if task not in TASKS:
        raise AtlasError(f"unknown task photographs:{task} (known: {', '.join(TASKS)})")
    label = TASKS[task]
    return label(_cut(for_validation=False)), label(_cut(for_validation=True))


def _cut(for_validation: bool) -> list[np.ndarray]:
    """The patches of each photograph, each of shape (n, 32, 32, 3), uint8."""
    corners = range(0, BLOCK - PATCH + 1, STEP)
    cut = []
    for source in PHOTOGRAPHS.values():
        pixels = _read(source)
        blocks = [
            pixels[row * BLOCK :, column * BLOCK :][:BLOCK, :BLOCK]
            for row, column in np.ndindex(pixels.shape[0] // BLOCK, pixels.shape[1] // BLOCK)
            if ((2 * row + column) % 4 == 0) == for_validation
        ]
        patches = np.array(
            [
                block[y : y + PATCH, x : x + PATCH]
                for block in blocks
                for y in corners
                for x in corners
            ]
        )
        cut.append(patches[patches.mean(axis=3).std(axis=(1, 2)) >= MIN_CONTRAST])
    return cut


def _read(source: str) -> np.ndarray:
    try:
        path = package.locate(source).path
    except AtlasError as error:
        raise AtlasError(f"{error}; photographs: needs scikit-image and scikit-learn") from None
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def _label_sources(cut: list[np.ndarray]) -> Images:
    labels = np.repeat(np.arange(len(cut)), [len(patches) for patches in cut])
    return Images(np.concatenate(cut), labels, list(PHOTOGRAPHS))


def _rotate(cut: list[np.ndarray]) -> Images:
    """Turn each patch by all four rotations."""
    patches = np.concatenate(cut)
    turned = [np.rot90(patches, quarter, axes=(1, 2)) for quarter in range(len(ROTATIONS))]
    labels = np.repeat(np.arange(len(ROTATIONS)), len(patches))
    return Images(np.concatenate(turned), labels, [str(degrees) for degrees in ROTATIONS])


def _label_textures(cut: list[np.ndarray]) -> Images:
    return _label_sources([_to_grey(patches) for patches in cut])


def _to_grey(patches: np.ndarray) -> np.ndarray:
    """Grey patches of one brightness and contrast: mean 128 and standard deviation 48, of 255."""
    grey = patches.mean(axis=3, keepdims=True)
    grey -= grey.mean(axis=(1, 2), keepdims=True)
    grey *= 48 / grey.std(axis=(1, 2), keepdims=True)
    return np.repeat((grey + 128).round().clip(0, 255).astype(np.uint8), 3, axis=3)


TASKS = {"source": _label_sources, "texture": _label_textures, "rotation": _rotate}
