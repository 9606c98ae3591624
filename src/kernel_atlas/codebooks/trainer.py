"""The way through the epochs of a training, and the checkpoint that it resumes from."""

import logging
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from kernel_atlas.atomic import replacing

logger = logging.getLogger(__name__)

CHECKPOINT_SECONDS = 5.0


class Trainer(ABC):
    """Trains one seed, or several in step, epoch by epoch.

    Attributes
    ----------
    name : str
        Which seeds, for messages.
    fingerprint : str
        Of all that the result depends on: it names the checkpoint.
    n_epochs : int
        Of all phases.
    """

    name: str
    fingerprint: str
    n_epochs: int

    @property
    @abstractmethod
    def n_done(self) -> int:
        """Number of epochs that are in the history."""

    @abstractmethod
    def advance(self, epoch: int) -> float:
        """Train for one epoch, put it into the history, and return its loss."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """What `load` needs, and the history with it."""

    @abstractmethod
    def load(self, state: dict[str, Any]) -> None:
        """Go back to the state that `state` returned."""

    @property
    @abstractmethod
    def device(self) -> torch.device:
        """Where the training runs."""

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
            If the training was stopped.
        """
        checkpoint = folder / f"checkpoint-{self.fingerprint}.pt"
        if checkpoint.exists():
            self.load(torch.load(checkpoint, map_location=self.device, weights_only=True))
            logger.info(
                f"{self.name}: going on after epoch {self.n_done} of a run that was cut off"
            )
        saved_at = time.monotonic()
        # a live bar in a terminal, a line every 15 seconds in a file
        interval, position = (0.2, line) if sys.stderr.isatty() else (15, 0)
        bar = tqdm(
            range(self.n_done + 1, self.n_epochs + 1),
            desc=f"training {label}, {self.name}",
            unit="epoch",
            initial=self.n_done,
            total=self.n_epochs,
            mininterval=interval,
            position=position,
        )
        for epoch in bar:
            loss = self.advance(epoch)
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
            if epoch == self.n_epochs or time.monotonic() - saved_at > CHECKPOINT_SECONDS:
                with replacing(checkpoint) as partial:
                    torch.save(self.state(), partial)
                saved_at = time.monotonic()
