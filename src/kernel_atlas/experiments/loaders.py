"""Batches of images for a training and its evaluation, by timm's own loader."""

import copy
from collections.abc import Iterable
from typing import Any

import torch
from timm.data import create_loader
from torch import Tensor
from torch.utils.data import Dataset

from kernel_atlas.errors import AtlasError, one_line
from kernel_atlas.experiments import group
from kernel_atlas.experiments.arms import Arm, Training
from kernel_atlas.experiments.data import open_data

Batches = Iterable[tuple[Tensor, Tensor]]


class Sample(Dataset):
    """Some images of a dataset, with a transform of their own."""

    def __init__(self, dataset: Any, indices: list[int]) -> None:
        self.dataset = copy.copy(dataset)
        self.indices = indices

    @property
    def transform(self) -> Any:
        return self.dataset.transform

    @transform.setter
    def transform(self, transform: Any) -> None:
        self.dataset.transform = transform

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[self.indices[index]]


class Loaders:
    """The batches of one training: images float32 of shape (n, 3, side, side), labels int64.

    If several processes train, each has its part of every batch and of the evaluated images.

    Attributes
    ----------
    train : iterable of batch
        Augmented, in an order that torch's generator decides; the last, smaller batch is left out.
    sample, validation : iterable of batch
        Neither augmented nor shuffled, the largest square of each: as many of the training images
        as there are validation images (drawn by the seed), and those.
    n_steps : int
        Batches of `train`.
    n_classes, n_images : int
        Of the training images.

    Raises
    ------
    AtlasError
        If the images cannot be read or are fewer than one batch, or timm cannot augment them.
    """

    def __init__(self, training: Training, device: torch.device) -> None:
        arm = training.arm
        train, validation = open_data(
            arm.data, classes=arm.classes, shuffle=arm.shuffle, seed=training.seed
        )
        if len(train) < arm.batch_size:
            raise AtlasError(
                f"{len(train):,} training images in {arm.data} do not fill one batch; set a "
                f"batch_size of less than {arm.batch_size:,}"
            )
        generator = torch.Generator().manual_seed(training.seed)
        order = torch.randperm(len(train), generator=generator)[: len(validation)]
        self.sample = _evaluated(train, order.sort().values.tolist(), arm, device)
        self.train = _trained_on(train, arm, device)
        self.validation = _evaluated(validation, [*range(len(validation))], arm, device)
        self.n_steps = len(self.train)
        self.n_classes = len(train.classes)
        self.n_images = len(train)

    def set_epoch(self, seed: int) -> None:
        """Seed the order of an epoch where several processes share the images."""
        if group.get_size() > 1:
            self.train.sampler.set_epoch(seed)


def _trained_on(dataset: Any, arm: Arm, device: torch.device) -> Any:
    changes = arm.augmentation
    try:
        return create_loader(
            dataset,
            **_shared(arm, device),
            is_training=True,
            distributed=group.get_size() > 1,
            no_aug=not arm.regularise,
            scale=changes.scale,
            hflip=changes.hflip,
            color_jitter=changes.color_jitter,
            auto_augment=changes.auto_augment or None,
            re_prob=changes.random_erasing,
        )
    except (AssertionError, LookupError, ValueError) as error:  # what timm's parser raises
        raise AtlasError(
            f"timm has no augmentation {changes.auto_augment!r} ({one_line(error)})"
        ) from None


def _evaluated(dataset: Any, indices: list[int], arm: Arm, device: torch.device) -> Any:
    # not timm's sampler, which lets some images count twice so that all processes have as many
    own: Any = Sample(dataset, indices[group.get_rank() :: group.get_size()])
    return create_loader(own, **_shared(arm, device), crop_pct=1.0)


def _shared(arm: Arm, device: torch.device) -> dict[str, Any]:
    is_cuda = device.type == "cuda"
    return {
        "input_size": (3, arm.image_size, arm.image_size),
        "batch_size": arm.batch_size // arm.gpus,
        "num_workers": arm.workers,
        "device": device,
        "use_prefetcher": is_cuda,
        "pin_memory": is_cuda,
        # new processes in each epoch draw what they would draw after a resumption
        "persistent_workers": False,
    }
