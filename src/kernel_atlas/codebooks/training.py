"""The training of one seed: its data, its steps, and the checkpoint it resumes from."""

import hashlib
import logging
import sys
import threading
import time
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from kernel_atlas import versions
from kernel_atlas.atomic import replacing
from kernel_atlas.codebooks.autoencoder import Autoencoder
from kernel_atlas.codebooks.history import PARTS, THRESHOLDS, format_value, percent_column

logger = logging.getLogger(__name__)

HISTORY_CODES = 1000
HISTORY_KERNELS = 2000

CHECKPOINT_SECONDS = 5.0


@dataclass(frozen=True)
class Settings:
    """What one seed's result depends on, of `autoencoder` in config.yaml."""

    widths: tuple[int, ...]
    epochs: int
    batch_size: int
    learning_rate: float
    held_out: float
    seed: int


class TrainingData:
    """The kernels to train on and the held-out ones: one draw for all seeds.

    Parameters
    ----------
    directions : ndarray of shape (n, k*k - 1), float32
        Unit vectors (`sphere.to_sphere`).
    settings : Settings
        Those of the first seed, which draws the held-out kernels.
    device : torch.device
    """

    def __init__(self, directions: np.ndarray, settings: Settings, device: torch.device) -> None:
        order = np.random.default_rng(settings.seed).permutation(len(directions))
        n_held_out = min(round(settings.held_out * len(directions)), len(directions) - 1)
        digest = hashlib.sha256(directions.tobytes())
        digest.update(repr((settings.held_out, settings.seed)).encode())
        self.fingerprint = digest.hexdigest()
        data = torch.from_numpy(directions[order]).to(device)
        self.held_out, self.train_set = data[:n_held_out], data[n_held_out:]


class Training:
    """The state of one seed's training, and the steps that change it.

    Make them in one thread: torch draws the initial weights from a generator that the
    whole process shares.
    """

    def __init__(self, data: TrainingData, settings: Settings) -> None:
        self.settings = settings
        self.held_out, self.train_set = data.held_out, data.train_set
        facts = (data.fingerprint, settings, versions.TRAIN, self.train_set.device.type)
        self.fingerprint = hashlib.sha256(repr(facts).encode()).hexdigest()[:16]

        torch.manual_seed(settings.seed)
        n_inputs = self.train_set.shape[1]
        self.model = Autoencoder(n_inputs, settings.widths).to(self.train_set.device)
        self.optimizer = torch.optim.Adam(
            self.model.parameters(), lr=settings.learning_rate, fused=True
        )
        steps_per_epoch = -(-len(self.train_set) // settings.batch_size)
        self.scheduler = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer,
            max_lr=settings.learning_rate,
            total_steps=settings.epochs * steps_per_epoch,
            pct_start=0.1001,  # with 0.1 of 10 steps, torch divides by zero
        )
        self.history: list[dict[str, float]] = []
        self._stopped = threading.Event()
        # MKL's first tanh may be inaccurate when two threads call it at once
        # (pytorch issue 188792), so it is called here, in one thread.
        with torch.no_grad():
            _loss(self.model(self.train_set[:1]), self.train_set[:1])

    def train(self, folder: Path, label: str, line: int = 0) -> None:
        """Train to the last epoch, from the checkpoint in `folder` if there is one.

        Parameters
        ----------
        folder : path
            Where the checkpoint is saved, every few seconds and at the end.
        label : str
            Shown by the progress bar.
        line : int
            The bar's line in the terminal: trainings side by side have one each.

        Raises
        ------
        concurrent.futures.CancelledError
            If `stop` was called.
        """
        checkpoint = folder / f"checkpoint-{self.fingerprint}.pt"
        if checkpoint.exists():
            self._restore(checkpoint)
            logger.info(
                f"seed {self.settings.seed}: going on after epoch {len(self.history)} of a run "
                "that was cut off"
            )
        saved_at = time.monotonic()
        # a live bar in a terminal, a line every 15 seconds in a file
        interval, position = (0.2, line) if sys.stderr.isatty() else (15, 0)
        bar = tqdm(
            range(len(self.history) + 1, self.settings.epochs + 1),
            desc=f"training {label}, seed {self.settings.seed}",
            unit="epoch",
            initial=len(self.history),
            total=self.settings.epochs,
            mininterval=interval,
            position=position,
        )
        for epoch in bar:
            loss = self._train_epoch(epoch)
            row = {"seed": self.settings.seed, "epoch": epoch, "loss": loss, **self._evaluate()}
            self.history.append(row)
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
            logger.info(", ".join(f"{name} {format_value(value)}" for name, value in row.items()))
            is_last = epoch == self.settings.epochs
            if is_last or time.monotonic() - saved_at > CHECKPOINT_SECONDS:
                self._save(checkpoint)
                saved_at = time.monotonic()

    def stop(self) -> None:
        """End `train`, which may run in another thread, before its next step."""
        self._stopped.set()

    @property
    def score(self) -> float:
        """The last held-out loss, or the last loss if nothing is held out. Lower is better."""
        return self.history[-1]["held_out_loss" if len(self.held_out) else "loss"]

    def codebook(self, count: int) -> torch.Tensor:
        """The decoder at `count` even codes, as unit vectors of shape (count, k*k - 1)."""
        codes = torch.linspace(0, 1, count, device=self.train_set.device).unsqueeze(1)
        with torch.no_grad():
            return torch.nn.functional.normalize(self.model.decode(codes))

    def _train_epoch(self, epoch: int) -> float:
        """Pass once over the training set, in the epoch's own order; return the mean loss."""
        # seeded by the epoch, so that a resumed run draws the same order
        generator = torch.Generator().manual_seed(self.settings.seed * 1_000_003 + epoch)
        order = torch.randperm(len(self.train_set), generator=generator)
        total = torch.zeros((), device=self.train_set.device)
        for rows in order.to(self.train_set.device).split(self.settings.batch_size):
            if self._stopped.is_set():
                raise CancelledError
            batch = self.train_set[rows]
            loss = _loss(self.model(batch), batch)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.scheduler.step()
            total += loss.detach() * len(batch)
        return total.item() / len(self.train_set)

    def _evaluate(self) -> dict[str, float]:
        """Held-out loss, and clustered percentages of both parts, from a share of each."""
        with torch.no_grad():
            held_out_loss = _loss(self.model(self.held_out), self.held_out).item()
        codebook = self.codebook(HISTORY_CODES)
        row = {"held_out_loss": held_out_loss}
        for part, data in zip(PARTS, (self.train_set, self.held_out), strict=True):
            cosine = (data[:HISTORY_KERNELS] @ codebook.T).amax(dim=1)
            for threshold in THRESHOLDS:
                share = (1 - cosine < threshold).double().mean().item()
                row[percent_column(part, threshold)] = 100 * share
        return row

    def _save(self, path: Path) -> None:
        state: dict[str, Any] = {name: part.state_dict() for name, part in self._parts().items()}
        with replacing(path) as partial:
            torch.save(state | {"history": self.history}, partial)

    def _restore(self, path: Path) -> None:
        state = torch.load(path, map_location=self.train_set.device, weights_only=True)
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self.history = state["history"]

    def _parts(self) -> dict[str, Any]:
        return {"model": self.model, "optimizer": self.optimizer, "scheduler": self.scheduler}


def _loss(reconstruction: torch.Tensor, kernels: torch.Tensor) -> torch.Tensor:
    """Mean of 1 - cosine. In the hyperplane's basis it is the mean-centred cosine (Section 4.1)."""
    return (1 - torch.nn.functional.cosine_similarity(reconstruction, kernels)).mean()
