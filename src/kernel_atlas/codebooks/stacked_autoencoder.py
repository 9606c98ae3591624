"""Several autoencoders as one, with a leading dimension of seeds."""

from collections.abc import Iterable, Sequence
from itertools import chain

import torch
from torch import Tensor, nn

from kernel_atlas.codebooks.autoencoder import Autoencoder


class StackedAutoencoder:
    """Several autoencoders of the same widths, as one.

    Their parameters become views of `parameters`: what changes one changes the other.

    Parameters
    ----------
    models : sequence of Autoencoder

    Attributes
    ----------
    parameters : Tensor of shape (p,)
        Of all models; the first `n_decoder` are the decoders'.
    """

    def __init__(self, models: Sequence[Autoencoder]) -> None:
        self._first = models[0]
        # The decoders come first, so that one slice of the parameters is theirs. The encoder
        # ends with the one bias of the code, which would misalign what followed it.
        parts = [chain(model.decoder.parameters(), model.encoder.parameters()) for model in models]
        groups = list(zip(*parts, strict=True))
        self.parameters = torch.cat([torch.stack(group).detach().flatten() for group in groups])
        self._stacks: dict[Tensor, Tensor] = {}  # by the first model's parameter
        start = 0
        for group in groups:
            stop = start + len(group) * group[0].numel()
            stack = self.parameters[start:stop].view(len(group), *group[0].shape)
            for parameter, values in zip(group, stack, strict=True):
                parameter.data = values
            self._stacks[group[0]] = stack.detach().requires_grad_()
            start = stop
        self.n_decoder = sum(stack.numel() for stack in self.leaves(self._first.decoder))

    def leaves(self, part: nn.Module) -> list[Tensor]:
        """The stacked parameters of the first model, or of its decoder, in order."""
        own = set(part.parameters())
        return [stack for parameter, stack in self._stacks.items() if parameter in own]

    def encode(self, kernels: Tensor) -> Tensor:
        """Codes of shape (s, n, 1) of unit vectors of shape (s, n, k*k - 1)."""
        return self._apply(self._first.encoder, kernels * self._first.input_scale)

    def decode(self, codes: Tensor) -> Tensor:
        """Reconstructions of shape (s, n, k*k - 1) from codes of shape (s, n, 1)."""
        return self._apply(self._first.decoder, codes)

    def __call__(self, kernels: Tensor) -> Tensor:
        """Reconstructions of unit vectors."""
        return self.decode(self.encode(kernels))

    def _apply(self, layers: Iterable[nn.Module], values: Tensor) -> Tensor:
        for layer in layers:
            if isinstance(layer, nn.Linear):
                weights, biases = self._stacks[layer.weight], self._stacks[layer.bias]
                values = torch.baddbmm(biases.unsqueeze(1), values, weights.mT)
            else:
                values = layer(values)
        return values
