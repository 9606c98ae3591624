"""The refinement of the decoder: all codes in each step, each drawn toward its kernels.

A code that decodes to the direction p adds 1 - cosine = 1 - p.x to the loss for each of its
kernels x. The sum of these x is thus all that a step needs to know of them: it costs as much as
`CODES` kernels, however many there are.
"""

import torch
from torch import Tensor

from kernel_atlas.codebooks.autoencoder import Autoencoder
from kernel_atlas.codebooks.curve import STEP, draw_curve, find_nearest, length_of_chords

CODES = round(1 / STEP)  # so that neighbours are the ends of a chord of the curve's length
STEPS = 20  # between two assignments of kernels to codes: an epoch of the refinement
# Times the learning rate of the autoencoder: a step that knows all kernels has no noise to fear.
RATE = 8.0


def gather_kernels(model: Autoencoder, kernels: Tensor) -> Tensor:
    """For each code, the sum of the kernels that are nearest to it, over the number of all.

    Parameters
    ----------
    model : Autoencoder
    kernels : Tensor of shape (n, k*k - 1)
        Unit vectors.

    Returns
    -------
    Tensor of shape (CODES, k*k - 1)
        Of the codes in the middle of each `STEP`.
    """
    middles = (torch.arange(CODES, device=kernels.device) + 0.5) * STEP
    with torch.no_grad():
        _, rows = find_nearest(kernels, draw_curve(model, middles))
    sums = kernels.new_zeros(CODES, kernels.shape[1])
    return sums.index_add_(0, rows, kernels) / len(kernels)


def draw_codes(generator: torch.Generator) -> Tensor:
    """The codes of an epoch: in each step one in each `STEP`, evenly apart.

    Where they begin is drawn, so that all codes are trained.

    Parameters
    ----------
    generator : torch.Generator

    Returns
    -------
    Tensor of shape (STEPS, CODES)
        On the generator's device.
    """
    device = generator.device
    moves = torch.rand(STEPS, 1, generator=generator, device=device)
    return (torch.arange(CODES, device=device) + moves) * STEP


def compare_curve(curve: Tensor, sums: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of 1 - cosine over all kernels, and the length of the curve in radians.

    Parameters
    ----------
    curve : Tensor of shape (..., CODES, k*k - 1)
        Unit vectors (`draw_curve`) at codes of `draw_codes`.
    sums : Tensor of the same shape
        As from `gather_kernels`.

    Returns
    -------
    loss, length : Tensor of shape (...)
    """
    loss = 1 - (curve * sums).sum(dim=(-2, -1))
    return loss, length_of_chords(curve[..., :-1, :], curve[..., 1:, :])
