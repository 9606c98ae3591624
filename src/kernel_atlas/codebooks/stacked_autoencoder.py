"""Several autoencoders as one, with a leading dimension of seeds."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from kernel_atlas.codebooks.autoencoder import Autoencoder


class SideStream:
    """A second queue of a GPU's work; on a CPU, nothing but the same order.

    Parameters
    ----------
    device : torch.device
    """

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream() if device.type == "cuda" else None
        self._used: list[Tensor] = []

    @contextmanager
    def beside(self, *used: Tensor) -> Iterator[None]:
        """Queue the block's work beside what follows it. `used` stays in memory until `join`."""
        if self._stream is None:
            yield
            return
        self._used += used
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            yield

    def join(self) -> None:
        """Let what follows wait for the work beside it."""
        if self._stream is not None:
            torch.cuda.current_stream().wait_stream(self._stream)
            self._used.clear()


class _Linear(torch.autograd.Function):
    """Linear layers side by side, s of them.

    The gradients that go on to the layer before are a chain of small operations, which leaves
    most of a GPU idle. Those of weights and biases are taken meanwhile, and those of biases as
    a product with ones, since torch's sum takes three times as long.
    """

    @staticmethod
    def forward(
        ctx: Any, side: SideStream, ones: Tensor, values: Tensor, weights: Tensor, biases: Tensor
    ) -> Any:
        ctx.side, ctx.ones = side, ones
        ctx.save_for_backward(values, weights)
        return torch.baddbmm(biases.unsqueeze(1), values, weights.mT)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        (gradient,) = gradients
        values, weights = ctx.saved_tensors
        with ctx.side.beside(gradient, values):
            of_weights = gradient.mT @ values
            of_biases = (ctx.ones @ gradient).squeeze(1)
        of_values = gradient @ weights if ctx.needs_input_grad[2] else None
        return None, None, of_values, of_weights, of_biases


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
        self._side = SideStream(self.parameters.device)
        self._ones: dict[int, Tensor] = {}  # by the number of kernels
        self._applied: set[nn.Module] = set()
        self.n_decoder = sum(stack.numel() for stack in self.leaves(self._first.decoder))

    def leaves(self, part: nn.Module) -> list[Tensor]:
        """The stacked parameters of the first model, or of its decoder, in order."""
        own = set(part.parameters())
        return [stack for parameter, stack in self._stacks.items() if parameter in own]

    def gradients(self, objective: Tensor, leaves: list[Tensor]) -> list[Tensor]:
        """The gradients of `leaves`, for each model of its own objective.

        Parameters
        ----------
        objective : Tensor of shape (s,)
        leaves : list of Tensor
        """
        found = torch.autograd.grad(objective.sum(), leaves)
        self._side.join()
        self._applied.clear()
        return list(found)

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
        n_models, n_kernels, _ = values.shape
        if n_kernels not in self._ones:
            self._ones[n_kernels] = values.new_ones(n_models, 1, n_kernels)
        for layer in layers:
            if isinstance(layer, nn.Linear):
                # torch would add up the gradients of both uses before they are there
                if layer in self._applied:
                    raise RuntimeError("a layer is applied twice before gradients are taken")
                self._applied.add(layer)
                weights, biases = self._stacks[layer.weight], self._stacks[layer.bias]
                values = _Linear.apply(self._side, self._ones[n_kernels], values, weights, biases)
            else:
                values = layer(values)
        return values
