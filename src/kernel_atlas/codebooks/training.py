"""The training of one seed: its steps, and the checkpoint it resumes from."""

import hashlib
import logging
import sys
import threading
import time
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam
from torch.optim.lr_scheduler import OneCycleLR
from tqdm import tqdm

from kernel_atlas import versions
from kernel_atlas.atomic import replacing
from kernel_atlas.codebooks.autoencoder import Autoencoder
from kernel_atlas.codebooks.codebook import N_CODES
from kernel_atlas.codebooks.curve import draw_curve, find_nearest
from kernel_atlas.codebooks.history import (
    AUTOENCODER,
    PARTS,
    REFINEMENT,
    THRESHOLDS,
    format_value,
    paper_threshold,
    percent_column,
)
from kernel_atlas.codebooks.refinement import assign_codes, estimate_length
from kernel_atlas.codebooks.training_data import Settings, TrainingData

logger = logging.getLogger(__name__)

HISTORY_CODES = 1000
HISTORY_KERNELS = 2000

CHECKPOINT_SECONDS = 5.0


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
        self.phases = {
            AUTOENCODER: self._one_cycle(self.model, settings.epochs),
            REFINEMENT: self._one_cycle(self.model.decoder, settings.refine_epochs),
        }
        self.n_epochs = settings.epochs + settings.refine_epochs
        self.history: list[dict[str, Any]] = []
        self._stopped = threading.Event()
        # MKL's first tanh may be inaccurate when two threads call it at once
        # (pytorch issue 188792), so it is called here, in one thread.
        with torch.no_grad():
            _loss(self.model(self.train_set[:1]), self.train_set[:1])

    def _one_cycle(self, part: nn.Module, epochs: int) -> tuple[Adam, OneCycleLR]:
        """Adam for a part of the model, and its one-cycle schedule over the epochs of a phase."""
        optimizer = Adam(part.parameters(), lr=self.settings.learning_rate, fused=True)
        steps_per_epoch = -(-len(self.train_set) // self.settings.batch_size)
        return optimizer, OneCycleLR(
            optimizer,
            max_lr=self.settings.learning_rate,
            total_steps=max(1, epochs * steps_per_epoch),
            pct_start=0.1001,  # with 0.1 of 10 steps, torch divides by zero
        )

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
            range(len(self.history) + 1, self.n_epochs + 1),
            desc=f"training {label}, seed {self.settings.seed}",
            unit="epoch",
            initial=len(self.history),
            total=self.n_epochs,
            mininterval=interval,
            position=position,
        )
        for epoch in bar:
            loss = self._train_epoch(epoch)
            facts = {"seed": self.settings.seed, "epoch": epoch, "phase": self._phase(epoch)}
            row = {**facts, "loss": loss, **self._evaluate(epoch)}
            self.history.append(row)
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
            logger.info(", ".join(f"{name} {format_value(value)}" for name, value in row.items()))
            if epoch == self.n_epochs or time.monotonic() - saved_at > CHECKPOINT_SECONDS:
                self._save(checkpoint)
                saved_at = time.monotonic()

    def stop(self) -> None:
        """End `train`, which may run in another thread, before its next step."""
        self._stopped.set()

    @property
    def last_loss(self) -> float:
        """The last held-out loss, or the last loss if nothing is held out."""
        return self.history[-1]["held_out_loss" if len(self.held_out) else "loss"]

    def near_percent(self, size: int) -> float:
        """Held-out kernels that end nearer to a code than the paper's threshold, in percent.

        Kernels trained on, if nothing is held out.
        """
        part = "held_out" if len(self.held_out) else "train"
        return self.history[-1][percent_column(part, paper_threshold(size))]

    def codebook(self, count: int) -> Tensor:
        """The decoder at `count` even codes, as unit vectors of shape (count, k*k - 1)."""
        codes = torch.linspace(0, 1, count, device=self.train_set.device)
        with torch.no_grad():
            return draw_curve(self.model, codes)

    def _phase(self, epoch: int) -> str:
        return AUTOENCODER if epoch <= self.settings.epochs else REFINEMENT

    def _train_epoch(self, epoch: int) -> float:
        """Pass once over the training set, in the epoch's own order; return the mean loss."""
        # seeded by the epoch, so that a resumed run draws the same order
        generator = torch.Generator().manual_seed(self.settings.seed * 1_000_003 + epoch)
        order = torch.randperm(len(self.train_set), generator=generator)
        phase = self._phase(epoch)
        optimizer, scheduler = self.phases[phase]
        codes = assign_codes(self.model, self.train_set, generator) if phase == REFINEMENT else None
        total = torch.zeros((), device=self.train_set.device)
        for rows in order.to(self.train_set.device).split(self.settings.batch_size):
            if self._stopped.is_set():
                raise CancelledError
            batch = self.train_set[rows]
            decoded = self.model(batch) if codes is None else self.model.decode(codes[rows])
            loss = objective = _loss(decoded, batch)
            if codes is not None and self.settings.length_penalty:
                length = estimate_length(self.model, generator)
                objective = loss + self.settings.length_penalty * length
            optimizer.zero_grad()
            objective.backward()
            optimizer.step()
            scheduler.step()
            total += loss.detach() * len(batch)
        return total.item() / len(self.train_set)

    def _evaluate(self, epoch: int) -> dict[str, float]:
        """Held-out loss, and percentages of near kernels of both parts.

        They are estimates from a share of kernels and codes, but for the last epoch.
        """
        is_last = epoch == self.n_epochs
        codebook = self.codebook(N_CODES if is_last else HISTORY_CODES)
        n_kernels = None if is_last else HISTORY_KERNELS
        row: dict[str, float] = {}
        for part, data in zip(PARTS, (self.train_set, self.held_out), strict=True):
            cosines, _ = find_nearest(data[:n_kernels], codebook)
            for threshold in THRESHOLDS:
                share = (1 - cosines < threshold).double().mean().item()
                row[percent_column(part, threshold)] = 100 * share
        if self._phase(epoch) == REFINEMENT:
            return row | {"held_out_loss": (1 - cosines).mean().item()}
        with torch.no_grad():
            return row | {"held_out_loss": _loss(self.model(self.held_out), self.held_out).item()}

    def _save(self, path: Path) -> None:
        states = [part.state_dict() for part in self._parts()]
        with replacing(path) as partial:
            torch.save({"parts": states, "history": self.history}, partial)

    def _restore(self, path: Path) -> None:
        state = torch.load(path, map_location=self.train_set.device, weights_only=True)
        for part, values in zip(self._parts(), state["parts"], strict=True):
            part.load_state_dict(values)
        self.history = state["history"]

    def _parts(self) -> list[Any]:
        return [self.model, *(part for phase in self.phases.values() for part in phase)]


def _loss(reconstruction: Tensor, kernels: Tensor) -> Tensor:
    """Mean of 1 - cosine. In the hyperplane's basis it is the mean-centred cosine (Section 4.1)."""
    return (1 - torch.nn.functional.cosine_similarity(reconstruction, kernels)).mean()
