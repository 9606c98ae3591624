"""Labelled images as a map-style dataset, and the controls that shuffle them."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from kernel_atlas.errors import AtlasError, one_line

SHUFFLES = ("none", "labels", "pixels")


class Stored(Protocol):
    """An image that lies in a larger file."""

    def read(self) -> bytes:
        """The encoded image."""


Item = Path | Stored


class Images:
    """Labelled images; a `torch.utils.data.DataLoader` takes them as a dataset.

    Unlike timm's, an image that cannot be read is an error and not skipped.

    Parameters
    ----------
    items : sequence of path or Stored, or ndarray of shape (n, height, width, 3), uint8
    labels : ndarray of shape (n,), int
        Rows of `classes`.
    classes : sequence of str

    Attributes
    ----------
    transform : callable or None
        What each image goes through.
    pixel_seed : int or None
        If given, the pixels of each image are shuffled, always in the same way.
    """

    def __init__(
        self, items: Sequence[Item] | np.ndarray, labels: np.ndarray, classes: Sequence[str]
    ) -> None:
        self.items = items
        self.labels = np.asarray(labels, int)
        self.classes = list(classes)
        self.transform: Callable[[Image.Image], Any] | None = None
        self.pixel_seed: int | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, number: int) -> tuple[Any, int]:
        """An image (PIL, RGB, unless `transform` makes it something else) and its label."""
        image = _open(self.items[number])
        if self.pixel_seed is not None:
            image = _shuffle_pixels(image, np.random.default_rng([self.pixel_seed, number]))
        if self.transform is not None:
            image = self.transform(image)
        return image, int(self.labels[number])

    def take(self, rows: np.ndarray) -> "Images":
        """The images with these numbers."""
        items = self.items
        some = items[rows] if isinstance(items, np.ndarray) else [items[row] for row in rows]
        return Images(some, self.labels[rows], self.classes)

    def of_first_classes(self, n: int) -> "Images":
        """The images of the first n classes alone."""
        images = self.take(np.flatnonzero(self.labels < n))
        images.classes = self.classes[:n]
        return images


def shuffle_images(train: Images, validation: Images, how: str, seed: int) -> None:
    """Shuffle what there is to learn, in place: always the same by a seed.

    Parameters
    ----------
    how : str
        ``none``; ``labels``: each training image has the label of another one, while those of
        validation images stay; ``pixels``: each image is made of its own pixels in an order of
        its own.

    Raises
    ------
    AtlasError
        If there is no such control.
    """
    if how not in SHUFFLES:
        raise AtlasError(f"cannot shuffle {how!r} (known: {', '.join(SHUFFLES)})")
    if how == "labels":
        train.labels = np.random.default_rng(seed).permutation(train.labels)
    if how == "pixels":
        train.pixel_seed, validation.pixel_seed = 2 * seed, 2 * seed + 1


def _open(item: Item | np.ndarray) -> Image.Image:
    if isinstance(item, np.ndarray):
        return Image.fromarray(item)
    try:
        with Image.open(item if isinstance(item, Path) else io.BytesIO(item.read())) as image:
            return image.convert("RGB")
    # Pillow's plug-ins raise these for broken files
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise AtlasError(f"{item}: unreadable image ({one_line(error)})") from None


def _shuffle_pixels(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    pixels = np.asarray(image)
    return Image.fromarray(rng.permutation(pixels.reshape(-1, 3)).reshape(pixels.shape))
