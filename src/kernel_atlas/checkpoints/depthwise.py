"""All kernels of all depthwise convolutions of a checkpoint."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from kernel_atlas.checkpoints.choice import Choice
from kernel_atlas.checkpoints.entry import Tensors
from kernel_atlas.checkpoints.evidence import judge
from kernel_atlas.checkpoints.facts import Facts
from kernel_atlas.checkpoints.inventory import Candidate
from kernel_atlas.checkpoints.norms import find_norms
from kernel_atlas.sources.norms import Norm


@dataclass(frozen=True)
class Depthwise:
    """The selection for roles ``train`` and ``classify``.

    Attributes
    ----------
    choice : Choice
    architecture : mapping
        From the names of an architecture's depthwise layers to (kernels, kernel size).
    norms : mapping
        From the same names to the normalisations behind these layers.
    """

    choice: Choice = field(default_factory=Choice)
    architecture: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    norms: Mapping[str, Norm] = field(default_factory=dict)
    what = (
        "depthwise kernel (no weight of shape n x 1 x k x k); "
        "for regular convolutions, role 'compare' takes a sample"
    )
    judges_values = True

    def judge(self, tensors: Tensors) -> dict[str, Candidate]:
        """All candidate weights, by name (see `evidence`)."""
        entries = tensors.entries
        found = judge(Facts(entries, self.choice, self.architecture, tensors.is_ordered))
        self.choice.check_used(candidate.name for candidate in found.values())
        return found

    def find_norms(self, tensors: Tensors, names: Collection[str]) -> dict[str, Norm]:
        """The normalisations behind the layers of these weights (see `norms`)."""
        return find_norms(tensors, names, self.norms)

    def rows(self, name: str, shape: tuple[int, ...]) -> range:
        """All rows of a depthwise weight."""
        return range(shape[0])

    def kernels(self, name: str, weights: np.ndarray) -> np.ndarray:
        """The weight without its dimension of one input channel."""
        return weights[:, 0]
