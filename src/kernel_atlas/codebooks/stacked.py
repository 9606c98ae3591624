"""All seeds trained in step, as one model with a leading dimension: for a GPU.

The network is so small that a GPU waits for the processor to launch each operation. Here an
operation serves all seeds, and a step is one launch: a CUDA graph, captured once.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.optim import Adam
from torch.optim.lr_scheduler import OneCycleLR

from kernel_atlas.codebooks.curve import draw_curve
from kernel_atlas.codebooks.history import AUTOENCODER, REFINEMENT
from kernel_atlas.codebooks.refinement import (
    CODES,
    STEPS,
    compare_curve,
    draw_codes,
    gather_kernels,
)
from kernel_atlas.codebooks.stacked_autoencoder import StackedAutoencoder
from kernel_atlas.codebooks.trainer import Trainer
from kernel_atlas.codebooks.training import Training, mean_loss

# Of matrix products in a step: "high" is TF32 on an NVIDIA GPU, "highest" float32. As many
# kernels end near a code with both (benchmarks/RESULTS.md).
PRECISION = "high"
WARM_UP = 3  # steps before a capture, in which libraries get their memory


class Phase:
    """Adam for a part of the stacked parameters, at rates that a table gives for each step.

    Parameters
    ----------
    parameters : Tensor of shape (p,)
        Changed in place.
    leaves : list of Tensor
        The same parameters, as the model uses them.
    optimizer, scheduler : Adam, OneCycleLR
        Of one seed: they only tell the rates, and are used up.
    """

    def __init__(
        self, parameters: Tensor, leaves: list[Tensor], optimizer: Adam, scheduler: OneCycleLR
    ) -> None:
        self._parameters, self.leaves = parameters, leaves
        self.moments = torch.zeros_like(parameters), torch.zeros_like(parameters)
        self.table = _rates(optimizer, scheduler).to(parameters.device)
        self._square_decay = optimizer.param_groups[0]["betas"][1]

    def update(self, gradients: Sequence[Tensor], step: Tensor) -> None:
        """Take step number `step`, of shape (1,): a tensor, so that a graph can repeat this."""
        gradient = torch.cat([each.flatten() for each in gradients])
        weight, epsilon, rate = self.table.index_select(0, step).unbind(dim=1)
        mean, square = self.moments
        mean.lerp_(gradient, weight)
        square.mul_(self._square_decay).addcmul_(gradient, gradient, value=1 - self._square_decay)
        self._parameters.addcmul_(mean / (square.sqrt() + epsilon), rate)


def _rates(optimizer: Adam, scheduler: OneCycleLR) -> Tensor:
    """What changes from step to step in Adam, with the corrections of its bias gathered.

    Returns
    -------
    Tensor of shape (n_steps, 3)
        The weight of the new gradient in the mean, epsilon, and the rate, which is negative.
    """
    group, rows = optimizer.param_groups[0], []
    optimizer.step()  # without gradients it does nothing; a scheduler asks for it
    for step in range(1, scheduler.total_steps + 1):
        decay, square_decay = group["betas"]
        correction = (1 - square_decay**step) ** 0.5
        rate = -group["lr"] * correction / (1 - decay**step)
        rows.append((1 - decay, group["eps"] * correction, rate))
        scheduler.step()
    return torch.tensor(rows)


class Stack(Trainer):
    """All seeds' trainings in step. `train` fills their models and histories.

    Parameters
    ----------
    runs : sequence of Training
        New ones, with the same data, and settings that differ in the seed.
    """

    def __init__(self, runs: Sequence[Training]) -> None:
        self._runs = runs
        first = runs[0]
        self.n_epochs = first.n_epochs
        self.name = f"seed{'s' * (len(runs) > 1)} {', '.join(str(r.settings.seed) for r in runs)}"
        fingerprints = " ".join(run.fingerprint for run in runs)
        self.fingerprint = hashlib.sha256(f"{PRECISION} {fingerprints}".encode()).hexdigest()[:16]
        self.model = StackedAutoencoder([run.model for run in runs])
        parameters, n_decoder = self.model.parameters, self.model.n_decoder
        self._phases = {
            AUTOENCODER: Phase(
                parameters, self.model.leaves(first.model), *first.phases[AUTOENCODER]
            ),
            REFINEMENT: Phase(
                parameters[:n_decoder],
                self.model.leaves(first.model.decoder),
                *first.phases[REFINEMENT],
            ),
        }
        n_kernels, n_inputs = first.train_set.shape
        self._n_blocks = n_kernels // first.settings.batch_size
        zeros = partial(torch.zeros, device=self.device)
        # what a graph reads: each epoch writes into these
        self._order = zeros(len(runs), n_kernels, dtype=torch.int64)
        self._codes = zeros(STEPS, len(runs), CODES)
        self._sums = zeros(len(runs), CODES, n_inputs)
        self._total = zeros(len(runs))
        self._step_in_epoch = zeros(1, dtype=torch.int64)
        self._step_in_phase = zeros(1, dtype=torch.int64)
        self._graphs: dict[tuple[str, bool], Callable[[], None]] = {}

    @property
    def n_done(self) -> int:
        return self._runs[0].n_done

    @property
    def device(self) -> torch.device:
        return self._runs[0].device

    def advance(self, epoch: int) -> float:
        losses = self._train_epoch(epoch)
        for run, loss in zip(self._runs, losses, strict=True):
            run.record(epoch, loss)
        return sum(losses) / len(losses)

    def state(self) -> dict[str, Any]:
        moments = {name: phase.moments for name, phase in self._phases.items()}
        histories = [run.history for run in self._runs]
        return {"parameters": self.model.parameters, "moments": moments, "histories": histories}

    def load(self, state: dict[str, Any]) -> None:
        self.model.parameters.copy_(state["parameters"])
        for name, phase in self._phases.items():
            for moment, values in zip(phase.moments, state["moments"][name], strict=True):
                moment.copy_(values)
        for run, history in zip(self._runs, state["histories"], strict=True):
            run.history = history

    def _train_epoch(self, epoch: int) -> list[float]:
        """Pass once over the training set, each seed in its own way; return the mean losses."""
        first = self._runs[0]
        name = first.phase(epoch)
        n_kernels, n_steps = len(first.train_set), first.n_steps[name]
        for number, run in enumerate(self._runs):
            generator = run.generator(epoch)
            if name == AUTOENCODER:
                order = torch.randperm(n_kernels, generator=generator, device=self.device)
                self._order[number] = order
            else:
                self._sums[number] = gather_kernels(run.model, first.train_set)
                self._codes[:, number] = draw_codes(generator)
        n_before = 0 if name == AUTOENCODER else first.settings.epochs
        self._step_in_phase.fill_((epoch - 1 - n_before) * n_steps)
        self._step_in_epoch.zero_()
        self._total.zero_()
        for number in range(n_steps):
            self._take(name, is_whole=name == REFINEMENT or number < self._n_blocks)
        return (self._total / (n_kernels if name == AUTOENCODER else n_steps)).tolist()

    def _take(self, name: str, is_whole: bool) -> None:
        """Take a step; the last batch of an epoch may not be whole, and has a graph of its own."""
        key = (name, is_whole)
        if key not in self._graphs:
            step = partial(self._step, name, is_whole)
            self._graphs[key] = self._capture(step) if self.device.type == "cuda" else step
        self._graphs[key]()

    def _step(self, name: str, is_whole: bool) -> None:
        if name == AUTOENCODER:
            batch = self._runs[0].train_set[self._batch(is_whole)]
            objective = loss = mean_loss(self.model(batch), batch)
            weight = batch.shape[1]
        else:
            codes = self._codes.index_select(0, self._step_in_epoch)[0]
            loss, length = compare_curve(draw_curve(self.model, codes), self._sums)
            objective = loss + self._runs[0].settings.length_penalty * length
            weight = 1
        phase = self._phases[name]
        gradients = self.model.gradients(objective, phase.leaves)
        with torch.no_grad():
            phase.update(gradients, self._step_in_phase)
            self._total += loss.detach() * weight
            self._step_in_epoch += 1
            self._step_in_phase += 1

    def _batch(self, is_whole: bool) -> Tensor:
        """The rows of the training set that belong to the step, of shape (s, batch size)."""
        size = self._runs[0].settings.batch_size
        whole = self._n_blocks * size
        if not is_whole:
            return self._order[:, whole:]
        blocks = self._order[:, :whole].unflatten(1, (self._n_blocks, size))
        return blocks.index_select(1, self._step_in_epoch).squeeze(1)

    def _capture(self, step: Callable[[], None]) -> Callable[[], None]:
        """Make a CUDA graph of a step, and leave no trace of the steps that this takes."""
        moments = [moment for phase in self._phases.values() for moment in phase.moments]
        counters = [self._total, self._step_in_epoch, self._step_in_phase]
        changed = [self.model.parameters, *moments, *counters]
        before = [tensor.clone() for tensor in changed]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with _precision(), torch.cuda.stream(side):
            for _ in range(WARM_UP):
                step()
                for tensor, values in zip(changed, before, strict=True):
                    tensor.copy_(values)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with _precision(), torch.cuda.graph(graph):  # records the step, but does not take it
            step()
        return graph.replay


@contextmanager
def _precision() -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(PRECISION)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
