"""The state of a training, the steps that change it, and the checkpoint that it resumes from."""

import hashlib
import json
import logging
import math
import random
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from safetensors.torch import save_file
from timm.utils import ModelEmaV3
from torch import Tensor, nn
from tqdm import tqdm

from kernel_atlas import versions
from kernel_atlas.atomic import replacing
from kernel_atlas.device import find_device
from kernel_atlas.errors import AtlasError
from kernel_atlas.experiments.arms import Training, file_of
from kernel_atlas.experiments.loaders import Batches, Loaders
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
PROGRESS_SECONDS = 60.0
FORMAT = torch.channels_last  # half the time of the other one for small depthwise layers on a CPU


class Run:
    """The state of a training, and the steps that change it."""

    def __init__(self, training: Training) -> None:
        arm = training.arm
        self.training = training
        self.device = find_device(arm.device, f"experiments.{arm.name}.device")
        if self.device.type == "cpu":
            torch.set_num_threads(1)  # a sum split over threads rounds differently
        self.loaders = Loaders(training, self.device)
        n_classes, n_steps = self.loaders.n_classes, self.loaders.n_steps
        self._seed(0)
        model = make_network(training, n_classes)
        self.fingerprint = self._find_fingerprint(model)
        self.model = model.to(self.device, memory_format=FORMAT)  # type: ignore[call-overload]
        self.ema = ModelEmaV3(self.model, decay=arm.ema, use_warmup=True) if arm.ema else None
        self.optimizer = make_optimizer(arm, self.model)
        self.scheduler = make_scheduler(arm, self.optimizer, n_steps)
        self.mixup, self.loss = make_loss(arm, n_classes)
        self.precision = torch.float32
        if self.device.type == "cuda":
            self.precision = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
        # float16 alone has too small a range for gradients
        self.scaler = torch.amp.GradScaler(enabled=self.precision is torch.float16)
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
        )
        started_at = time.monotonic()
        for epoch in bar:
            loss, seconds = self.advance(epoch)
            self._finish(epoch, seconds, folder)
            left = (time.monotonic() - started_at) / (epoch + 1 - first) * (n_epochs - epoch)
            row = self.history[-1]
            logger.info(
                f"{name}: epoch {epoch} of {n_epochs}, loss {loss:.4f}, "
                f"training accuracy {row['train_accuracy']:.1f} %, "
                f"validation accuracy {row['validation_accuracy']:.1f} % "
                f"(chance {self.chance:.1f} %), {_minutes(left)} left"
            )
            bar.set_postfix(accuracy=f"{row['validation_accuracy']:.1f} %", refresh=False)

    def advance(self, epoch: int) -> tuple[float, float]:
        """Train for one epoch; return its mean loss and its seconds."""
        arm, n_steps = self.training.arm, self.loaders.n_steps
        self._seed(epoch)
        self.model.train()
        started_at = said_at = time.monotonic()
        total = torch.zeros((), device=self.device)
        for step, (images, labels) in enumerate(self.loaders.train, start=1):
            images, labels = self._move(images), labels.to(self.device)
            if self.mixup is not None:
                images, labels = self.mixup(images, labels)
            with self._autocast():
                loss = self.loss(self.model(images), labels)
            self.optimizer.zero_grad()
            self.scaler.scale(loss).backward()
            if arm.clip_gradient:
                self.scaler.unscale_(self.optimizer)
                nn.utils.clip_grad_norm_(self.model.parameters(), arm.clip_gradient)
            self.scaler.step(self.optimizer)
            self.scaler.update()
            total += loss.detach()
            n_updates = (epoch - 1) * n_steps + step
            self.scheduler.step_update(n_updates)
            if self.ema is not None:
                self.ema.update(self.model, step=n_updates)
            if time.monotonic() - said_at > PROGRESS_SECONDS:
                said_at = time.monotonic()
                self._check(total.item(), epoch)
                left = (said_at - started_at) / step * (n_steps - step)
                logger.info(
                    f"{self.training.name}: epoch {epoch}, step {step:,} of {n_steps:,}, loss "
                    f"{total.item() / step:.4f}, {_minutes(left)} left of the epoch"
                )
        mean = total.item() / n_steps
        self._check(mean, epoch)
        return mean, time.monotonic() - started_at

    def evaluate(self, batches: Batches) -> tuple[float, float, float]:
        """Mean cross-entropy, accuracy and the share of the largest class, both in percent."""
        model = self._kept_model()
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
        n_images = int(counts.sum())
        largest = int(counts.max())
        return losses.item() / n_images, 100 * right.item() / n_images, 100 * largest / n_images

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
        averages = [] if self.ema is None else [self.ema.module]
        return [self.model, self.optimizer, self.scaler, *averages]

    def _finish(self, epoch: int, seconds: float, folder: Path) -> None:
        """Evaluate an epoch, put it into the history, and save state and kept weights."""
        *train, _ = self.evaluate(self.loaders.sample)
        *validation, self.chance = self.evaluate(self.loaders.validation)
        self._check(train[0] + validation[0], epoch)
        learning_rate = self.optimizer.param_groups[0]["lr"]
        values = (epoch, *train, *validation, learning_rate, seconds)
        self.history.append(dict(zip(COLUMNS, values, strict=True)))
        if epoch in self.training.arm.kept_epochs:
            self._keep(epoch, folder / file_of(epoch))
        with replacing(folder / "state.pt") as partial:
            torch.save(self.state(), partial)

    def _keep(self, epoch: int, path: Path) -> None:
        weights = self._kept_model().state_dict()
        facts = {
            "arm": self.training.arm.name,
            "seed": self.training.seed,
            "epoch": epoch,
            "network": self.training.arm.network_text,
            "classes": self.loaders.n_classes,
            "chance": self.chance,
        }
        # one key, because safetensors writes several in an order that changes from run to run
        metadata = {"training": json.dumps(facts)}
        with replacing(path) as partial:
            save_file({k: v.cpu().contiguous() for k, v in weights.items()}, partial, metadata)

    def _kept_model(self) -> nn.Module:
        return self.model if self.ema is None else self.ema.module

    def _move(self, images: Tensor) -> Tensor:
        return images.to(self.device, memory_format=FORMAT)

    def _autocast(self) -> torch.autocast:
        is_mixed = self.precision is not torch.float32
        return torch.autocast(self.device.type, dtype=self.precision, enabled=is_mixed)

    def _find_fingerprint(self, model: nn.Module) -> str:
        """Of all that the result depends on, the weights at the start with it."""
        facts = (
            (self.training.arm.settings, self.training.seed, self.loaders.n_images),
            (versions.TRAIN_NETWORK, timm.__version__, torch.__version__, self.device.type),
        )
        found = hashlib.sha256(repr(facts).encode())
        for tensor in model.state_dict().values():
            found.update(tensor.numpy().tobytes())
        return found.hexdigest()[:16]

    def _seed(self, epoch: int) -> None:
        """Seed each generator by the epoch, so that a resumed run draws the same."""
        seed = self.training.seed * 1009 + epoch  # there are at most 999 epochs
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002  timm's mixup draws from it
        torch.manual_seed(seed)

    def _check(self, loss: float, epoch: int) -> None:
        if not math.isfinite(loss):
            raise AtlasError(
                f"the loss is {loss} in epoch {epoch}; set a smaller learning_rate for the arm "
                f"{self.training.arm.name}, or clip_gradient: 1.0"
            )

    def _describe(self) -> str:
        n_weights = sum(each.numel() for each in self.model.parameters())
        device = torch.cuda.get_device_name() if self.device.type == "cuda" else "the CPU"
        return (
            f"{self.training.arm.network_text} with {n_weights:,} weights on "
            f"{self.loaders.n_images:,} images of {self.loaders.n_classes:,} classes, on {device}"
        )


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
