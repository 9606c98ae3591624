"""What the refinement of the decoder draws: each kernel's code, and the curve's length."""

import torch
from torch import Tensor

from kernel_atlas.codebooks.autoencoder import Autoencoder
from kernel_atlas.codebooks.curve import STEP, draw_curve, find_nearest

ASSIGNED_CODES = 2000  # a refined kernel belongs to the nearest of so many
CHORDS = 64  # a step estimates the curve's length from so many


def assign_codes(model: Autoencoder, kernels: Tensor, generator: torch.Generator) -> Tensor:
    """The nearest code of each kernel, moved by up to half a step.

    Codes between the even ones are thus trained, too.

    Parameters
    ----------
    model : Autoencoder
    kernels : Tensor of shape (n, k*k - 1)
        Unit vectors.
    generator : torch.Generator
        On the kernels' device.

    Returns
    -------
    Tensor of shape (n, 1)
    """
    even = torch.linspace(0, 1, ASSIGNED_CODES, device=kernels.device)
    with torch.no_grad():
        _, rows = find_nearest(kernels, draw_curve(model, even))
    moves = torch.rand(len(rows), generator=generator, device=rows.device) - 0.5
    return ((rows + moves) / (ASSIGNED_CODES - 1)).clamp(0, 1).unsqueeze(1)


def draw_starts(generator: torch.Generator, n_steps: int = 1) -> Tensor:
    """Where chords start that estimate the curve's length: one in each of `CHORDS` parts.

    Parameters
    ----------
    generator : torch.Generator
    n_steps : int
        Number of estimates.

    Returns
    -------
    Tensor of shape (n_steps, CHORDS)
        Codes, on the generator's device.
    """
    device = generator.device
    moves = torch.rand(n_steps, CHORDS, generator=generator, device=device)
    return (torch.arange(CHORDS, device=device) + moves) / CHORDS * (1 - STEP)
