"""A sample of the k x k slices of regular convolutions, to compare with (Section 3, Figure 2 i)."""

import zlib

import numpy as np

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
    """

    what = "regular convolution (no weight of shape n x m x k x k)"

    def __init__(self, n_slices: int, seed: int) -> None:
        self.n_slices = n_slices
        self.seed = seed

    def rows(self, name: str, shape: tuple[int, ...]) -> np.ndarray | None:
        """The drawn output channels of a weight of shape (n, m, k, k) with m, k > 1."""
        if len(shape) != 4 or shape[0] < 1 or shape[1] < 2 or not shape[2] == shape[3] > 1:
            return None
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
