"""A section of the atlas: all that it holds of one kernel size."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from kernel_atlas.classes.classifier import Classifier
from kernel_atlas.classes.controls import percents_of_random
from kernel_atlas.codebooks.codebook import Codebook, read_codebook
from kernel_atlas.labels.table import Interval, label_rows, read_labels


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


def read_sections(
    paths_to_codebooks: Mapping[int, str | Path],
    paths_to_labels: Mapping[int, str | Path],
    thresholds: Mapping[int, float],
) -> dict[int, Section]:
    """Read the sections of a run: of all sizes that have a threshold, in its order.

    A size with a threshold alone is measured by the family's ruler.

    Raises
    ------
    AtlasError
        If a label table is malformed.
    """
    return {
        size: Section(
            read_codebook(paths_to_codebooks[size]), read_labels(paths_to_labels[size]), threshold
        )
        if size in paths_to_codebooks
        else Section.without_codes(size, threshold)
        for size, threshold in thresholds.items()
    }


def read_classifiers(
    paths_to_codebooks: Mapping[int, str | Path],
    paths_to_labels: Mapping[int, str | Path],
    thresholds: Mapping[int, float],
) -> dict[int, Classifier]:
    """The classifiers of `read_sections`, without the imports of a whole atlas."""
    sections = read_sections(paths_to_codebooks, paths_to_labels, thresholds)
    return {size: section.classifier for size, section in sections.items()}
