"""A section of the atlas: all that it holds of one kernel size."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kernel_atlas.classes.classifier import Classifier
from kernel_atlas.classes.controls import percents_of_random
from kernel_atlas.codebooks.codebook import Codebook
from kernel_atlas.labels.table import Interval, label_rows


@dataclass(frozen=True)
class Section:
    """What decides the class of a kernel of one size.

    Attributes
    ----------
    codebook : Codebook
        Empty where the size was skipped in training.
    intervals : list of Interval
        The label table.
    threshold : float
        A kernel less dissimilar than this from its nearest code is near.
    known_percents : dict or None
        `random_percents`, where they were computed before.
    """

    codebook: Codebook
    intervals: list[Interval]
    threshold: float
    known_percents: dict[str, float] | None = None

    @classmethod
    def without_codes(
        cls, size: int, threshold: float, known_percents: dict[str, float] | None = None
    ) -> "Section":
        """A section of a size that only the family's ruler measures."""
        return cls(Codebook(np.zeros((0, size, size), np.float32)), [], threshold, known_percents)

    @cached_property
    def classifier(self) -> Classifier:
        """What classifies kernels of this size."""
        return Classifier(self.codebook, label_rows(self.intervals, self.codebook), self.threshold)

    @cached_property
    def random_percents(self) -> dict[str, float]:
        """How many uniformly random directions are near, clustered and matched, in percent."""
        if self.known_percents is not None:
            return self.known_percents
        return percents_of_random(self.classifier)
