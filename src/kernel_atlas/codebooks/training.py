"""The training of one seed: its steps, and what the history says of them."""

import hashlib
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam
from torch.optim.lr_scheduler import OneCycleLR

from kernel_atlas import versions
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
from kernel_atlas.codebooks.refinement import (
    RATE,
    STEPS,
    compare_curve,
    draw_codes,
    gather_kernels,
)
from kernel_atlas.codebooks.trainer import Trainer
from kernel_atlas.codebooks.training_data import Settings, TrainingData

logger = logging.getLogger(__name__)

HISTORY_CODES = 1000
HISTORY_KERNELS = 2000


class Training(Trainer):
    """The state of one seed's training, and the steps that change it.

    Make them in one thread: torch draws the initial weights from a generator that the
    whole process shares.
    """

    def __init__(self, data: TrainingData, settings: Settings) -> None:
        self.settings = settings
        self.name = f"seed {settings.seed}"
        self.held_out, self.train_set = data.held_out, data.train_set
        facts = (data.fingerprint, settings, versions.TRAIN, self.train_set.device.type)
        self.fingerprint = hashlib.sha256(repr(facts).encode()).hexdigest()[:16]

        torch.manual_seed(settings.seed)
        n_inputs = self.train_set.shape[1]
        self.model = Autoencoder(n_inputs, settings.widths).to(self.train_set.device)
        self.n_steps = {  # in an epoch
            AUTOENCODER: -(-len(self.train_set) // settings.batch_size),
            REFINEMENT: STEPS,
        }
        rate = settings.learning_rate
        self.phases = {
            AUTOENCODER: _one_cycle(self.model, rate, settings.epochs * self.n_steps[AUTOENCODER]),
            REFINEMENT: _one_cycle(
                self.model.decoder, RATE * rate, settings.refine_epochs * self.n_steps[REFINEMENT]
            ),
        }
        self.n_epochs = settings.epochs + settings.refine_epochs
        self.history: list[dict[str, Any]] = []
        self._stopped = threading.Event()
        # MKL's first tanh may be inaccurate when two threads call it at once
        # (pytorch issue 188792), so it is called here, in one thread.
        with torch.no_grad():
            mean_loss(self.model(self.train_set[:1]), self.train_set[:1])

    @property
    def n_done(self) -> int:
        return len(self.history)

    @property
    def device(self) -> torch.device:
        return self.train_set.device

    def advance(self, epoch: int) -> float:
        loss = self._train_epoch(epoch)
        self.record(epoch, loss)
        return loss

    def record(self, epoch: int, loss: float) -> None:
        """Put an epoch into the history."""
        facts = {"seed": self.settings.seed, "epoch": epoch, "phase": self.phase(epoch)}
        row = {**facts, "loss": loss, **self._evaluate(epoch)}
        self.history.append(row)
        logger.info(", ".join(f"{name} {format_value(value)}" for name, value in row.items()))

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

    def phase(self, epoch: int) -> str:
        """The phase that an epoch belongs to."""
        return AUTOENCODER if epoch <= self.settings.epochs else REFINEMENT

    def generator(self, epoch: int) -> torch.Generator:
        """Seeded by the epoch, so that a resumed run draws the same order."""
        seed = self.settings.seed * 1_000_003 + epoch
        return torch.Generator(self.device).manual_seed(seed)

    def _train_epoch(self, epoch: int) -> float:
        """Pass once over the training set; return the mean loss."""
        phase = self.phase(epoch)
        optimizer, scheduler = self.phases[phase]
        steps = self._encode_batches if phase == AUTOENCODER else self._draw_curves
        total, weights = torch.zeros((), device=self.device), 0
        for loss, objective, weight in steps(self.generator(epoch)):
            if self._stopped.is_set():
                raise CancelledError
            optimizer.zero_grad()
            objective.backward()
            optimizer.step()
            scheduler.step()
            total += loss.detach() * weight
            weights += weight
        return total.item() / weights

    def _encode_batches(self, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor, int]]:
        """For each step of an epoch: the loss, what is minimised, and the loss's weight."""
        order = torch.randperm(len(self.train_set), generator=generator, device=self.device)
        for rows in order.split(self.settings.batch_size):
            batch = self.train_set[rows]
            loss = mean_loss(self.model(batch), batch)
            yield loss, loss, len(batch)

    def _draw_curves(self, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor, int]]:
        """The same of a refine epoch, in which each kernel keeps its code."""
        sums = gather_kernels(self.model, self.train_set)
        for codes in draw_codes(generator):
            loss, length = compare_curve(draw_curve(self.model, codes), sums)
            yield loss, loss + self.settings.length_penalty * length, 1

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
        if self.phase(epoch) == REFINEMENT:
            return row | {"held_out_loss": (1 - cosines).mean().item()}
        with torch.no_grad():
            loss = mean_loss(self.model(self.held_out), self.held_out)
        return row | {"held_out_loss": loss.item()}

    def state(self) -> dict[str, Any]:
        return {"parts": [part.state_dict() for part in self._parts()], "history": self.history}

    def load(self, state: dict[str, Any]) -> None:
        for part, values in zip(self._parts(), state["parts"], strict=True):
            part.load_state_dict(values)
        self.history = state["history"]

    def _parts(self) -> list[Any]:
        return [self.model, *(part for phase in self.phases.values() for part in phase)]


def _one_cycle(part: nn.Module, rate: float, n_steps: int) -> tuple[Adam, OneCycleLR]:
    """Adam for a part of the model, and its one-cycle schedule over the steps of a phase."""
    optimizer = Adam(part.parameters(), lr=rate, fused=True)
    return optimizer, OneCycleLR(
        optimizer,
        max_lr=rate,
        total_steps=max(1, n_steps),
        pct_start=0.1001,  # with 0.1 of 10 steps, torch divides by zero
    )


def mean_loss(reconstruction: Tensor, kernels: Tensor) -> Tensor:
    """Mean of 1 - cosine. In the hyperplane's basis it is the mean-centred cosine (Section 4.1).

    Parameters
    ----------
    reconstruction, kernels : Tensor of shape (..., n, k*k - 1)

    Returns
    -------
    Tensor of shape (...)
    """
    cosine = torch.nn.functional.cosine_similarity(reconstruction, kernels, dim=-1)
    return (1 - cosine).mean(dim=-1)
