"""Which weights of a checkpoint are depthwise kernels."""

import numpy as np


class Depthwise:
    """All kernels of all depthwise convolutions."""

    what = (
        "depthwise kernel (no weight of shape n x 1 x k x k); "
        "for regular convolutions, role 'compare' takes a sample"
    )

    def rows(self, name: str, shape: tuple[int, ...]) -> range | None:
        """All rows of a depthwise weight."""
        return range(shape[0]) if is_depthwise(shape) else None

    def kernels(self, name: str, weights: np.ndarray) -> np.ndarray:
        """The weight without its dimension of one input channel."""
        return weights[:, 0]


def is_depthwise(shape: tuple[int, ...]) -> bool:
    """Whether a weight of this shape belongs to a depthwise convolution with square kernels.

    Shape (channels, 1, k, k) with more than one channel and k > 1.
    """
    return len(shape) == 4 and shape[0] > 1 and shape[1] == 1 and shape[2] == shape[3] > 1
