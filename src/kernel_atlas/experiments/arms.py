"""The arms of an experiment: what is trained, and the names of what comes of it.

Standard library only: the Snakefile reads the arms each time it is parsed.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from kernel_atlas.errors import AtlasError
from kernel_atlas.sheet import Model

FOLDER = "results/experiments"
DATA = (
    *("imagenet:PATH", "folder:PATH", "cifar10:PATH"),
    *("photographs:rotation", "photographs:source", "photographs:texture"),
)
STARTS = ("kaiming", "dog", "keys", "file:PATH")
DECIDED = {"checkpoint_path", "num_classes", "pretrained"}  # by other keys of an arm
ROTATION = "photographs:rotation"  # a mirrored image would have another class


@dataclass(frozen=True)
class Augmentation:
    """How timm changes each training image at random."""

    scale: tuple[float, float] = (0.08, 1.0)
    hflip: float = 0.5
    color_jitter: float = 0.4
    auto_augment: str = ""
    random_erasing: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0

    @property
    def mixes(self) -> bool:
        """Whether images of a batch are mixed with each other."""
        return self.mixup > 0 or self.cutmix > 0


@dataclass(frozen=True)
class Arm:
    """One arm as the configuration has it (docs/reference/settings.md describes each key)."""

    name: str
    network: dict[str, Any]
    data: str
    image_size: int
    epochs: int
    batch_size: int
    learning_rate: float
    start: str = "kaiming"
    frozen: bool = False
    classes: int = 0
    shuffle: str = "none"
    regularise: bool = True
    keep: tuple[int, ...] = ()
    seeds: int = 3
    seed: int = 1
    optimizer: str = "adamw"
    weight_decay: float = 0.05
    warmup_epochs: int = 0
    label_smoothing: float = 0.0
    clip_gradient: float = 0.0
    ema: float = 0.0
    augmentation: Augmentation = field(default_factory=Augmentation)
    workers: int = 0
    device: str = "auto"
    gpus: int = 1

    @property
    def kept_epochs(self) -> list[int]:
        """Epochs after which the weights are kept: the start, those of `keep`, and the last."""
        return sorted({0, *self.keep, self.epochs})

    @property
    def trainings(self) -> "list[Training]":
        """One per seed."""
        return [Training(self, seed) for seed in range(self.seed, self.seed + self.seeds)]

    @property
    def settings(self) -> str:
        """All that decides a training of this arm besides its seed, as JSON."""
        facts = asdict(self)
        del facts["seed"], facts["seeds"]
        return json.dumps(facts, sort_keys=True)

    @property
    def network_text(self) -> str:
        """The network in one cell, as in ``ConvMixer(depth=4, dim=64)``."""
        arguments = self.network.get("arguments", {})
        text = ", ".join(f"{name}={value}" for name, value in sorted(arguments.items()))
        return f"{self.network['name']}({text})" if text else self.network["name"]


@dataclass(frozen=True)
class Training:
    """One arm with one seed: one job."""

    arm: Arm
    seed: int

    @classmethod
    def read(cls, settings: str, seed: int) -> "Training":
        """The training with these `Arm.settings`."""
        return cls(_make_arm(json.loads(settings)), seed)

    @property
    def name(self) -> str:
        """As in ``dog-s1``: the name of its folder too."""
        return f"{self.arm.name}-s{self.seed}"

    def model(self, epoch: int) -> str:
        """The model that the weights of a kept epoch are, as in ``dog-s1-e005``."""
        return f"{self.name}-e{epoch:03d}"

    def rows(self) -> list[Model]:
        """A row of the model sheet for each kept epoch."""
        return [
            Model(
                model=self.model(epoch),
                source=f"file:{FOLDER}/{self.name}/{file_of(epoch)}",
                role="classify",
                family=self.arm.name,
                include="*",  # kernels of the family or the keys look like fixed filters
            )
            for epoch in self.arm.kept_epochs
        ]


def file_of(epoch: int) -> str:
    """The file of a kept epoch in the folder of its training."""
    return f"epoch_{epoch:03d}.safetensors"


def read_arms(experiments: Mapping[str, Mapping[str, Any]]) -> dict[str, Arm]:
    """The arms of a configuration that agrees with the schema, by name.

    Raises
    ------
    AtlasError
        One line per fault, each naming the key by its dotted path.
    """
    arms = {str(name): _make_arm({**arm, "name": str(name)}) for name, arm in experiments.items()}
    faults = [
        f"config: experiments.{name}{fault}" for name, arm in arms.items() for fault in _faults(arm)
    ]
    # file systems that ignore case would put both arms in one place
    first: dict[str, str] = {}
    for name in arms:
        if (earlier := first.setdefault(name.lower(), name)) != name:
            faults.append(
                f"config: experiments.{name}: the same name as {earlier} but for its case"
            )
    if faults:
        raise AtlasError("\n".join(faults))
    return arms


def _make_arm(settings: Mapping[str, Any]) -> Arm:
    augmentation = dict(settings.get("augmentation", {}))
    if settings["data"] == ROTATION:
        augmentation.setdefault("hflip", 0.0)
    if "scale" in augmentation:
        augmentation["scale"] = tuple(augmentation["scale"])
    return Arm(
        **{
            **settings,
            "keep": tuple(settings.get("keep", ())),
            "augmentation": Augmentation(**augmentation),
        }
    )


def _faults(arm: Arm) -> Iterator[str]:
    """What a schema cannot express, each as '.key: fault'."""
    if not _has_form(arm.data, DATA):
        yield f".data: unknown data {arm.data!r} (known: {', '.join(DATA)})"
    if not _has_form(arm.start, STARTS):
        yield f".start: unknown start {arm.start!r} (known: {', '.join(STARTS)})"
    for name in sorted(DECIDED & {*arm.network.get("arguments", {})}):
        yield f".network.arguments.{name}: start and data decide this"
    if arm.classes == 1:
        yield ".classes: a network cannot learn to tell one class; 0 means all classes"
    if late := [epoch for epoch in arm.keep if epoch > arm.epochs]:
        yield f".keep: there is no epoch {late[0]} among {arm.epochs} epochs"
    if arm.warmup_epochs >= arm.epochs:
        yield f".warmup_epochs: {arm.warmup_epochs} of {arm.epochs} epochs leaves none after it"
    least, largest = arm.augmentation.scale
    if least > largest:
        yield f".augmentation.scale: {least} is more than {largest}"
    if arm.data == ROTATION and arm.augmentation.hflip:
        yield f".augmentation.hflip: a mirrored image of {ROTATION} has another class; use 0"
    each = arm.batch_size // arm.gpus
    if arm.batch_size % arm.gpus:
        yield f".batch_size: {arm.batch_size} images cannot be shared out to {arm.gpus} GPUs"
    elif arm.regularise and arm.augmentation.mixes and each % 2:
        on_each = " on each GPU" if arm.gpus > 1 else ""
        yield f".batch_size: {each}{on_each} is odd, and mixup pairs the images of a batch"


def _has_form(value: str, forms: tuple[str, ...]) -> bool:
    """Whether a value is one of these, or a path under one of these schemes."""
    scheme, _, path = value.partition(":")
    return value in forms or (path != "" and f"{scheme}:PATH" in forms)
