"""The decoder's curve over the code: its points, the nearest one to a kernel, its length."""

from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import normalize

STEP = 1 / 512  # of the code: the length of the curve is measured by chords between such steps

# kernels at once: on a processor faster than larger ones, by its cache
_BATCH = {"cpu": 64, "cuda": 8192}


class Decoder(Protocol):
    """An autoencoder, or several as one."""

    def decode(self, codes: Tensor) -> Tensor:
        """Reconstructions of shape (..., m, k*k - 1), from codes of shape (..., m, 1)."""


def draw_curve(model: Decoder, codes: Tensor) -> Tensor:
    """The decoder at codes of shape (..., m), as unit vectors of shape (..., m, k*k - 1)."""
    return normalize(model.decode(codes.unsqueeze(-1)), dim=-1)


def find_nearest(kernels: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Find the point of a curve that is nearest to each kernel.

    Parameters
    ----------
    kernels : Tensor of shape (n, k*k - 1)
        Unit vectors.
    points : Tensor of shape (m, k*k - 1)
        Unit vectors.

    Returns
    -------
    cosines : Tensor of shape (n,)
    rows : Tensor of shape (n,), int64
        Of `points`.
    """
    size = _BATCH[kernels.device.type]
    # One buffer for all batches. A new one for each would fragment the heap: small results that
    # are kept lie between the freed buffers, and a million kernels took more than 24 GB.
    products = kernels.new_empty(size, len(points))
    cosines = kernels.new_empty(len(kernels))
    rows = torch.empty_like(cosines, dtype=torch.int64)
    parts = zip(kernels.split(size), cosines.split(size), rows.split(size), strict=True)
    for batch, *found in parts:
        cosine = torch.mm(batch, points.T, out=products[: len(batch)])
        torch.max(cosine, dim=1, out=found)
    return cosines, rows


def length_of_chords(starts: Tensor, stops: Tensor) -> Tensor:
    """The length of the curve on the unit sphere, in radians: the mean chord over its step.

    Parameters
    ----------
    starts, stops : Tensor of shape (..., m, k*k - 1)
        Unit vectors at codes `STEP` apart. With all multiples of `STEP` the length is exact but
        for the curve's bends within a step.

    Returns
    -------
    Tensor of shape (...)
    """
    return (stops - starts).norm(dim=-1).mean(dim=-1) / STEP
