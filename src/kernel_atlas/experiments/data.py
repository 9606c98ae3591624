"""What networks are trained on: the one module that lists the schemes of `data`."""

from collections.abc import Callable

from kernel_atlas.errors import AtlasError
from kernel_atlas.experiments.cifar10 import open_cifar10
from kernel_atlas.experiments.image_folders import open_folder, open_imagenet
from kernel_atlas.experiments.images import Images, shuffle_images
from kernel_atlas.experiments.photographs import open_photographs

SCHEMES: dict[str, Callable[[str], tuple[Images, Images]]] = {
    "imagenet": open_imagenet,
    "folder": open_folder,
    "cifar10": open_cifar10,
    "photographs": open_photographs,
}


def open_data(
    uri: str, *, classes: int = 0, shuffle: str = "none", seed: int = 0
) -> tuple[Images, Images]:
    """Open training and validation images.

    Parameters
    ----------
    uri : str
        ``imagenet:/path``, ``folder:/path``, ``cifar10:/path``, or ``photographs:source`` (or
        another of `photographs.TASKS`).
    classes : int, default=0
        The first so many classes alone (ten in Appendix H), in alphabetical order; 0 for all.
    shuffle : str, default="none"
        ``labels`` or ``pixels``: controls (see `shuffle_images`).
    seed : int, default=0
        Of what is shuffled. Which images are for validation does not depend on it.

    Raises
    ------
    AtlasError
        If it is missing, empty or malformed. An unreadable image raises when it is asked for.
    """
    scheme, _, rest = uri.partition(":")
    if scheme not in SCHEMES or not rest:
        known = ", ".join(f"{name}:..." for name in SCHEMES)
        raise AtlasError(f"unknown data {uri!r} (known: {known})")
    train, validation = SCHEMES[scheme](rest)
    if classes > len(train.classes):
        raise AtlasError(f"{uri} has {len(train.classes)} classes, not {classes}")
    if classes:
        train, validation = (each.of_first_classes(classes) for each in (train, validation))
    shuffle_images(train, validation, shuffle, seed)
    return train, validation
