"""The state of a training, the steps that change it, and the checkpoint that it resumes from."""

import logging
import math
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from timm.utils import ModelEmaV3, distribute_bn
from torch import Tensor, nn
from tqdm import tqdm

from kernel_atlas.atomic import replacing
from kernel_atlas.device import find_device
from kernel_atlas.errors import AtlasError
from kernel_atlas.experiments import group
from kernel_atlas.experiments.arms import Training, file_of
from kernel_atlas.experiments.keeping import find_fingerprint, keep_weights
from kernel_atlas.experiments.loaders import Batches, Loaders
from kernel_atlas.experiments.progress import Progress
from kernel_atlas.experiments.recipe import (
    make_loss,
    make_network,
    make_optimizer,
    make_scheduler,
)

logger = logging.getLogger(__name__)

COLUMNS = (
    *("epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy"),
    *("learning_rate", "seconds"),
)
RANK_STEP = 50_000_000  # seeds of up to 64 processes, each below 2**32 and unlike the others
FORMAT = torch.channels_last  # half the time of the other one for small depthwise layers on a CPU

MakeLoaders = Callable[[Training, torch.device], Loaders]


class Run:
    """The state of a training, and the steps that change it."""

    def __init__(self, training: Training, make_loaders: MakeLoaders = Loaders) -> None:
        arm = training.arm
        self.training = training
        self.device = find_device(arm.device, f"experiments.{arm.name}.device")
        if self.device.type == "cpu":
            torch.set_num_threads(1)  # a sum split over threads rounds differently
        self.loaders = make_loaders(training, self.device)
        n_classes, n_steps = self.loaders.n_classes, self.loaders.n_steps
        self._seed(0)
        model = make_network(training, n_classes)
        self.fingerprint = find_fingerprint(training, self.loaders.n_images, self.device, model)
        self.model = model.to(self.device, memory_format=FORMAT)  # type: ignore[call-overload]
        self.stepped = group.share_steps(self.model)
        self.ema = ModelEmaV3(self.model, decay=arm.ema, use_warmup=True) if arm.ema else None
        self.optimizer = make_optimizer(arm, self.model)
        self.scheduler = make_scheduler(arm, self.optimizer, n_steps)
        self.mixup, self.loss = make_loss(arm, n_classes)
        self.precision = torch.float32
        if self.device.type == "cuda":
            self.precision = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
        # float16 alone has too small a range for gradients
        self.scaler = torch.amp.GradScaler(enabled=self.precision is torch.float16)
        self.progress = Progress(training.name, name_place(self.device), arm.epochs, n_steps)
        self.history: list[dict[str, float]] = []
        self.chance = math.nan

    def train(self, folder: Path) -> None:
        """Train to the last epoch, from the state in `folder` if there is one."""
        name, n_epochs = self.training.name, self.training.arm.epochs
        state = folder / "state.pt"
        if state.exists():
            self.load(torch.load(state, map_location=self.device, weights_only=True))
            done = len(self.history) - 1
            logger.info(f"{name}: going on after epoch {done} of a run that was cut off")
        else:
            logger.info(f"{name}: {self._describe()}")
            self._finish(0, 0.0, folder)
        first = len(self.history)
        bar = tqdm(
            range(first, n_epochs + 1),
            desc=f"training {name}",
            unit="epoch",
            initial=first - 1,
            total=n_epochs,
            mininterval=0.2 if sys.stderr.isatty() else 15,
            disable=group.get_rank() > 0,
        )
        for epoch in bar:
            loss, seconds = self.advance(epoch)
            self._finish(epoch, seconds, folder)
            row = self.history[-1]
            logger.info(
                f"{name}: epoch {epoch} of {n_epochs}, loss {loss:.4f}, "
                f"training accuracy {row['train_accuracy']:.1f} %, "
                f"validation accuracy {row['validation_accuracy']:.1f} % "
                f"(chance {self.chance:.1f} %), {self.progress.find_left()} left"
            )
            bar.set_postfix(accuracy=f"{row['validation_accuracy']:.1f} %", refresh=False)

    def advance(self, epoch: int) -> tuple[float, float]:
        """Train for one epoch; return its mean loss and its seconds."""
        n_steps = self.loaders.n_steps
        self.loaders.set_epoch(self._seed(epoch))
        self.model.train()
        self.progress.start_epoch(epoch)
        total = torch.zeros((), device=self.device)
        for step, (images, labels) in enumerate(self.loaders.train, start=1):
            total += self.step(images, labels, (epoch - 1) * n_steps + step)
            if self.progress.is_due(step):
                self._check(total.item(), epoch)
                self.progress.tell_step(step, total.item() / step)
        for model in self._models() if group.get_size() > 1 else []:
            distribute_bn(model, group.get_size(), reduce=True)
        mean = group.sum_up(total).item() / (n_steps * group.get_size())
        self._check(mean, epoch)
        return mean, self.progress.end_epoch()

    def step(self, images: Tensor, labels: Tensor, number: int) -> Tensor:
        """Take the step with this number, counted from 1 over all epochs; return the loss."""
        images, labels = self._move(images), labels.to(self.device)
        if self.mixup is not None:
            images, labels = self.mixup(images, labels)
        with self._autocast():
            loss = self.loss(self.stepped(images), labels)
        self.optimizer.zero_grad()
        self.scaler.scale(loss).backward()
        if limit := self.training.arm.clip_gradient:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), limit)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.scheduler.step_update(number)
        if self.ema is not None:
            self.ema.update(self.model, step=number)
        return loss.detach()

    def evaluate(self, batches: Batches) -> tuple[float, float, float]:
        """Mean cross-entropy, accuracy and the share of the largest class, both in percent."""
        model = self._models()[-1]
        model.eval()
        losses = torch.zeros((), device=self.device)
        right = torch.zeros((), dtype=torch.int64, device=self.device)
        counts = torch.zeros(self.loaders.n_classes, dtype=torch.int64, device=self.device)
        with torch.no_grad():
            for images, labels in batches:
                images, labels = self._move(images), labels.to(self.device)
                with self._autocast():
                    scores = model(images)
                losses += nn.functional.cross_entropy(scores.float(), labels, reduction="sum")
                right += (scores.argmax(dim=1) == labels).sum()
                counts += labels.bincount(minlength=len(counts))
        loss, n_right = group.sum_up(losses).item(), group.sum_up(right).item()
        n_images, largest = int(group.sum_up(counts).sum()), int(counts.max())
        return loss / n_images, 100 * n_right / n_images, 100 * largest / n_images

    def state(self) -> dict[str, Any]:
        """What `load` needs. Random generators have no part in it: each epoch seeds its own."""
        parts = [part.state_dict() for part in self._parts()]
        return {"parts": parts, "history": self.history, "chance": self.chance}

    def load(self, state: dict[str, Any]) -> None:
        """Go back to the state that `state` returned."""
        for part, values in zip(self._parts(), state["parts"], strict=True):
            part.load_state_dict(values)
        self.history, self.chance = state["history"], state["chance"]

    def _parts(self) -> list[Any]:
        model, *average = self._models()
        return [model, self.optimizer, self.scaler, *average]

    def _models(self) -> list[nn.Module]:
        """The network, and its moving average if there is one: the last is evaluated and kept."""
        return [self.model, *([] if self.ema is None else [self.ema.module])]

    def _finish(self, epoch: int, seconds: float, folder: Path) -> None:
        """Evaluate an epoch, put it into the history, and save state and kept weights."""
        started_at = time.monotonic()
        *train, _ = self.evaluate(self.loaders.sample)
        *validation, self.chance = self.evaluate(self.loaders.validation)
        self.progress.evaluation = time.monotonic() - started_at
        self._check(train[0] + validation[0], epoch)
        learning_rate = self.optimizer.param_groups[0]["lr"]
        values = (epoch, *train, *validation, learning_rate, seconds)
        self.history.append(dict(zip(COLUMNS, values, strict=True)))
        if group.get_rank() > 0:
            return
        if epoch in self.training.arm.kept_epochs:
            path, n_classes = folder / file_of(epoch), self.loaders.n_classes
            keep_weights(self._models()[-1], self.training, epoch, n_classes, self.chance, path)
        with replacing(folder / "state.pt") as partial:
            torch.save(self.state(), partial)

    def _move(self, images: Tensor) -> Tensor:
        return images.to(self.device, memory_format=FORMAT)

    def _autocast(self) -> torch.autocast:
        is_mixed = self.precision is not torch.float32
        return torch.autocast(self.device.type, dtype=self.precision, enabled=is_mixed)

    def _seed(self, epoch: int) -> int:
        """Seed each generator by the epoch, so that a resumed run draws the same.

        Epoch 0 stands for the start, which all processes of a training draw alike.
        """
        seed = self.training.seed * 1009 + epoch  # there are at most 999 epochs
        own = seed + (group.get_rank() * RANK_STEP if epoch else 0)
        random.seed(own)
        np.random.seed(own)  # noqa: NPY002  timm's mixup draws from it
        torch.manual_seed(own)
        return seed

    def _check(self, loss: float, epoch: int) -> None:
        if not math.isfinite(loss):
            raise AtlasError(
                f"the loss is {loss} in epoch {epoch}; set a smaller learning_rate for the arm "
                f"{self.training.arm.name}, or clip_gradient: 1.0"
            )

    def _describe(self) -> str:
        n_weights = sum(each.numel() for each in self.model.parameters())
        return (
            f"{self.training.arm.network_text} with {n_weights:,} weights on "
            f"{self.loaders.n_images:,} images of {self.loaders.n_classes:,} classes, on "
            f"{self.progress.place}"
        )


def name_place(device: torch.device) -> str:
    """Where a training runs, as in ``4 x NVIDIA H100``."""
    n = group.get_size()
    if device.type == "cuda":
        name = torch.cuda.get_device_name()
        return f"{n} x {name}" if n > 1 else name
    return f"{n} cores of the CPU" if n > 1 else "the CPU"
