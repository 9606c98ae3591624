"""The autoencoder of Section 4.1 and Appendix C: one code in [0, 1] for each kernel."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

# The initial slope of the decoder's first layer over the code's unit interval. Its units
# then bend at even distances along the code instead of mostly outside it, and the same
# training clusters more kernels (benchmarks/RESULTS.md).
CODE_SLOPE = 10.0


class Autoencoder(nn.Module):
    """Hidden layers, a sigmoid code of size 1, and their mirror image with a final tanh.

    Parameters
    ----------
    n_inputs : int
        k*k - 1: kernels are unit vectors in a basis of the hyperplane 1'r = 0.
    widths : sequence of int
        Widths of the encoder's hidden layers; the decoder has them in reverse.
    """

    def __init__(self, n_inputs: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.input_scale = n_inputs**0.5  # gives unit vectors unit variance
        self.encoder = nn.Sequential(
            *_hidden(n_inputs, *widths), nn.Linear(widths[-1], 1), nn.Sigmoid()
        )
        mirrored = list(reversed(widths))
        self.decoder = nn.Sequential(
            *_hidden(1, *mirrored), nn.Linear(mirrored[-1], n_inputs), nn.Tanh()
        )
        with torch.no_grad():
            first = self.decoder[0]
            assert isinstance(first, nn.Linear)
            signs = torch.ones(mirrored[0])
            signs[1::2] = -1
            first.weight[:, 0] = CODE_SLOPE * signs
            first.bias[:] = -CODE_SLOPE * signs * torch.linspace(0, 1, mirrored[0])

    def encode(self, kernels: Tensor) -> Tensor:
        """Codes in [0, 1], shape (n, 1), of unit vectors of shape (n, k*k - 1)."""
        return self.encoder(kernels * self.input_scale)

    def decode(self, codes: Tensor) -> Tensor:
        """Reconstructions of shape (n, k*k - 1), of any length, from codes of shape (n, 1)."""
        return self.decoder(codes)

    def forward(self, kernels: Tensor) -> Tensor:
        """Reconstructions of unit vectors."""
        return self.decode(self.encode(kernels))


def _hidden(*widths: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(widths):
        layers += [nn.Linear(n_in, n_out), nn.LeakyReLU()]
    return layers
