"""Images in folders, one per class (ImageNet's layout), or in shards."""

from pathlib import Path

import numpy as np

from kernel_atlas.errors import AtlasError, one_line
from kernel_atlas.experiments.images import Images
from kernel_atlas.experiments.shards import find_shards, open_shards
from kernel_atlas.sources.timm_import import import_torchvision

VALIDATION = ("val", "validation")
VALIDATION_SHARE = 0.2  # of each class, of a folder that is not split
SPLIT_SEED = 0  # the same images for every training


def open_folder(path: str) -> tuple[Images, Images]:
    """Open ``train/CLASS/...`` and ``val/CLASS/...``, or shards, or split ``CLASS/...``.

    Without a folder ``train``, a fifth of each class's images are for validation: always the
    same ones.

    Raises
    ------
    AtlasError
        If a folder is missing or holds no images, or the folders' classes differ.
    """
    folder = _existing(Path(path).expanduser())
    if find_shards(folder):
        return open_shards(folder)
    if not (folder / "train").is_dir():
        return _split(_read_folder(folder))
    train, validation = _read_folder(folder / "train"), _read_folder(_find_validation(folder))
    for has, lacks, what in ((train, validation, "validation"), (validation, train, "training")):
        if missing := sorted({*has.classes} - {*lacks.classes}):
            raise AtlasError(f"{folder}: class {missing[0]!r} has no folder of {what} images")
    return train, validation


def open_imagenet(path: str) -> tuple[Images, Images]:
    """Open ``train/CLASS/...`` and ``val/CLASS/...``, or shards; errors as of `open_folder`."""
    folder = _existing(Path(path).expanduser())
    if not find_shards(folder):
        _existing(folder / "train")
    return open_folder(path)


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        raise AtlasError(f"no folder of images: {folder}")
    return folder


def _find_validation(folder: Path) -> Path:
    for name in VALIDATION:
        if (folder / name).is_dir():
            return folder / name
    raise AtlasError(f"{folder} has a folder train, but none of {' or '.join(VALIDATION)}")


def _read_folder(folder: Path) -> Images:
    import_torchvision()
    from torchvision.datasets.folder import IMG_EXTENSIONS, find_classes, make_dataset

    try:
        classes, numbers = find_classes(folder)
        found = make_dataset(folder, numbers, extensions=IMG_EXTENSIONS)
    except OSError as error:  # torchvision's errors say which class has no image
        raise AtlasError(f"{folder}: {one_line(error)}") from None
    paths, labels = zip(*found, strict=True)
    return Images([Path(path) for path in paths], np.array(labels), classes)


def _split(images: Images) -> tuple[Images, Images]:
    rng = np.random.default_rng(SPLIT_SEED)
    is_validation = np.zeros(len(images), bool)
    for label, name in enumerate(images.classes):
        rows = rng.permutation(np.flatnonzero(images.labels == label))
        if len(rows) < 2:
            raise AtlasError(f"class {name!r} has a single image, so none is left for validation")
        is_validation[rows[: max(1, round(VALIDATION_SHARE * len(rows)))]] = True
    train, validation = (images.take(np.flatnonzero(m)) for m in (~is_validation, is_validation))
    return train, validation
