"""The decoder's curve over the code: its points, the nearest one to a kernel, its length."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from kernel_atlas.codebooks.autoencoder import Autoencoder

STEP = 1 / 512  # of the code: the length of the curve is measured by chords between such steps

_BATCH = 64  # kernels at once: faster than larger ones, by the processor's cache


def draw_curve(model: Autoencoder, codes: Tensor) -> Tensor:
    """The decoder at codes of shape (m,), as unit vectors of shape (m, k*k - 1)."""
    return normalize(model.decode(codes.unsqueeze(1)))


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
    found = [(batch @ points.T).max(dim=1) for batch in kernels.split(_BATCH)]
    return torch.cat([each.values for each in found]), torch.cat([each.indices for each in found])


def measure_length(model: Autoencoder, starts: Tensor) -> Tensor:
    """The length of the curve on the unit sphere, in radians: the mean chord over its step.

    Parameters
    ----------
    model : Autoencoder
    starts : Tensor of shape (m,)
        Codes from 0 to 1 - `STEP`, where the chords start. With all multiples of `STEP` the
        length is exact but for the curve's bends within a step, with others an estimate.
    """
    chords = draw_curve(model, starts + STEP) - draw_curve(model, starts)
    return chords.norm(dim=1).mean() / STEP
