"""What the log says of a training under way: how far it is, and how long it will take."""

import logging
import time

logger = logging.getLogger(__name__)

TELL_SECONDS = 60.0
SKIPPED, MEASURED = 10, 50  # steps: the first ones are slow, and say little of the others


class Progress:
    """The clock of a training.

    Parameters
    ----------
    name : str
        Of the training.
    place : str
        Where it runs, as in ``NVIDIA H100``.
    n_epochs, n_steps : int
        Epochs, and steps of each.

    Attributes
    ----------
    evaluation : float
        Seconds that each epoch's evaluation takes, as far as is known.
    """

    def __init__(self, name: str, place: str, n_epochs: int, n_steps: int) -> None:
        self.name, self.place = name, place
        self.n_epochs, self.n_steps = n_epochs, n_steps
        self.evaluation = 0.0
        self._first: int | None = None  # epoch of this process
        self._begun_at = time.monotonic()

    def start_epoch(self, epoch: int) -> None:
        """Start the clock of an epoch; that of the training with its first one."""
        now = time.monotonic()
        if self._first is None:
            self._first, self._begun_at = epoch, now
        self.epoch = epoch
        self._started_at = self._told_at = self._measured_from = now

    def is_due(self, step: int) -> bool:
        """Whether `tell_step` has something to do after this step of the epoch."""
        is_measured = self.epoch == self._first and step in (SKIPPED, SKIPPED + MEASURED)
        return is_measured or time.monotonic() - self._told_at > TELL_SECONDS

    def tell_step(self, step: int, loss: float) -> None:
        """Say how far the epoch is; once, how long an epoch and the training will take."""
        now = time.monotonic()
        if self.epoch == self._first and step == SKIPPED:
            self._measured_from = now
        elif self.epoch == self._first and step == SKIPPED + MEASURED:
            self._tell_measured((now - self._measured_from) / MEASURED)
        else:
            left = (now - self._started_at) / step * (self.n_steps - step)
            logger.info(
                f"{self.name}: epoch {self.epoch}, step {step:,} of {self.n_steps:,}, loss "
                f"{loss:.4f}, {format_seconds(left)} left of the epoch"
            )
            self._told_at = now

    def end_epoch(self) -> float:
        """The seconds that the epoch's steps took."""
        return time.monotonic() - self._started_at

    def find_left(self) -> str:
        """How long the epochs after this one will take, by those of this process, evaluated."""
        n_done = self.epoch + 1 - (self._first or 0)
        seconds = (time.monotonic() - self._begun_at) / n_done
        return format_seconds(seconds * (self.n_epochs - self.epoch))

    def _tell_measured(self, seconds: float) -> None:
        epoch = seconds * self.n_steps + self.evaluation
        n_epochs = self.n_epochs + 1 - self.epoch
        logger.info(
            f"{self.name}: {seconds:.3g} s per step, measured over {MEASURED} steps on "
            f"{self.place}: an epoch takes about {format_seconds(epoch)}, and the "
            f"{n_epochs} to do about {format_seconds(n_epochs * epoch)}"
        )


def format_seconds(seconds: float) -> str:
    """Seconds in a unit that suits them, as in ``31 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.0f} h"
