"""A sample of the k x k slices of regular convolutions, to compare with (Section 3, Figure 2 i)."""

import zlib
from collections.abc import Collection

import numpy as np

from kernel_atlas.checkpoints.choice import Choice
from kernel_atlas.checkpoints.entry import Tensors
from kernel_atlas.checkpoints.facts import MAX_SIZE
from kernel_atlas.checkpoints.inventory import Candidate
from kernel_atlas.checkpoints.layer import layer_name
from kernel_atlas.checkpoints.names import weight_names
from kernel_atlas.sources.norms import Norm

N_FILTERS = 16  # output channels read per layer: a single slice is too small for a request


class RegularSample:
    """Slices of each regular convolution, drawn at random.

    In each layer `N_FILTERS` output channels are drawn, and then `n_slices` of their
    slices (one per input channel). The draw depends on the seed and on the weight's name.

    Parameters
    ----------
    n_slices : int
        Slices per layer, at most.
    seed : int
    choice : Choice
    """

    what = "regular convolution (no weight of shape n x m x k x k)"
    judges_values = False  # of a sample, which is drawn by name

    def __init__(self, n_slices: int, seed: int, choice: Choice | None = None) -> None:
        self.n_slices = n_slices
        self.seed = seed
        self.choice = choice or Choice()

    def judge(self, tensors: Tensors) -> dict[str, Candidate]:
        """The weights of shape (n, m, k, k) with m, k > 1, by name."""
        found: dict[str, Candidate] = {}
        seen = set()
        weights = set(weight_names(tensors.entries))
        for name, entry in tensors.entries.items():
            shape, layer = entry.shape, layer_name(name)
            if len(shape) != 4 or shape[0] < 1 or shape[1] < 2 or not shape[2] == shape[3] > 1:
                continue
            why = ""
            if self.choice.excludes(layer):
                why = "named in exclude"
            elif entry.kind in ("unreadable", "transposed"):
                why = entry.evidence
            elif not entry.is_float:
                why = f"{entry.dtype} weights; only floating point is read"
            elif name not in weights or shape[-1] > MAX_SIZE:
                why = "not a convolution, by its name or size"
            elif entry.storage is not None and entry.storage in seen:
                why = "the same weight under another name"
            if self.choice.includes(layer):
                why = ""
            seen.add(entry.storage)
            found[name] = Candidate(layer, shape, not why, False, why or "a regular convolution")
        self.choice.check_used(candidate.name for candidate in found.values())
        return found

    def find_norms(self, tensors: Tensors, names: Collection[str]) -> dict[str, Norm]:
        """None: a slice is one of many that a gain scales together."""
        return {}

    def rows(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """The drawn output channels."""
        n_filters = min(N_FILTERS, self.n_slices)
        return _draw(shape[0], n_filters, [self.seed, zlib.crc32(name.encode())])

    def kernels(self, name: str, weights: np.ndarray) -> np.ndarray:
        """The drawn slices of these output channels."""
        slices = weights.reshape(-1, *weights.shape[2:])
        return slices[_draw(len(slices), self.n_slices, [self.seed, 1, zlib.crc32(name.encode())])]


def _draw(n: int, n_drawn: int, seed: list[int]) -> np.ndarray:
    """Ascending numbers below n, without repetition."""
    chosen = np.random.default_rng(seed).choice(n, min(n, n_drawn), replace=False)
    return np.sort(chosen)
