"""The parts of a training that an arm's settings decide, by timm's own factories."""

from difflib import get_close_matches
from typing import Any

from timm.data import Mixup
from timm.optim import create_optimizer_v2, list_optimizers
from timm.scheduler import create_scheduler_v2
from torch import nn
from torch.optim import Optimizer

from kernel_atlas.errors import AtlasError
from kernel_atlas.experiments.arms import Arm, Training
from kernel_atlas.experiments.networks import build_network, check_network, start_network


def make_network(training: Training, n_classes: int) -> nn.Module:
    """The network at its start; torch's generator decides what the start does not.

    Raises
    ------
    AtlasError
        If it cannot be built, started, or used for images of the arm's size.
    """
    arm = training.arm
    model = build_network(arm.network, n_classes=n_classes, image_size=arm.image_size)
    if not arm.regularise:
        _turn_off_dropout(model)
    check_network(model, n_classes, arm.image_size)
    start_network(model, arm.start, training.seed, arm.frozen)
    return model


def _turn_off_dropout(model: nn.Module) -> None:
    """Turn off dropout and stochastic depth, which an architecture may also have by itself."""
    for module in model.modules():
        for name in ("p", "drop_prob", "drop_rate", "drop_path_rate"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)


def make_optimizer(arm: Arm, model: nn.Module) -> Optimizer:
    """The optimiser; weight decay spares biases and norms.

    Raises
    ------
    AtlasError
        If timm has none of this name.
    """
    known = [str(name) for name in list_optimizers()]
    if arm.optimizer not in known:
        similar = ", ".join(get_close_matches(arm.optimizer, known))
        hint = f" (similar: {similar})" if similar else ""
        raise AtlasError(f"timm has no optimizer {arm.optimizer!r}{hint}")
    return create_optimizer_v2(
        model,
        opt=arm.optimizer,
        lr=arm.learning_rate,
        weight_decay=arm.weight_decay if arm.regularise else 0.0,
    )


def make_scheduler(arm: Arm, optimizer: Optimizer, n_steps: int) -> Any:
    """A cosine over all steps, `n_steps` in each epoch, after the warm-up."""
    scheduler, _ = create_scheduler_v2(
        optimizer,
        num_epochs=arm.epochs,
        warmup_epochs=arm.warmup_epochs,
        step_on_epochs=False,
        updates_per_epoch=n_steps,
    )
    return scheduler


def make_loss(arm: Arm, n_classes: int) -> tuple[Mixup | None, nn.Module]:
    """Mixing of the images of a batch (None without it), and the cross-entropy.

    Mixing makes soft labels of its own, and smooths them.
    """
    smoothing = arm.label_smoothing if arm.regularise else 0.0
    if not (arm.regularise and arm.augmentation.mixes):
        return None, nn.CrossEntropyLoss(label_smoothing=smoothing)
    mixup = Mixup(
        mixup_alpha=arm.augmentation.mixup,
        cutmix_alpha=arm.augmentation.cutmix,
        label_smoothing=smoothing,
        num_classes=n_classes,
    )
    return mixup, nn.CrossEntropyLoss()
