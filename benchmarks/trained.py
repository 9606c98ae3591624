"""Epochs of the training on one core, beside a plain DataLoader loop, and the core's limits."""

from dataclasses import replace
from functools import partial
from hashlib import sha256
from zlib import crc32

import numpy as np
import torch
from gpu import count_operations, default_settings
from stored import draw
from threadpoolctl import threadpool_limits
from timing import make_table, race
from torch.optim import Adam
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader, TensorDataset

from kernel_atlas.codebooks.autoencoder import Autoencoder
from kernel_atlas.codebooks.training import Training, mean_loss
from kernel_atlas.codebooks.training_data import Settings, TrainingData
from kernel_atlas.sphere import to_sphere

N_KERNELS = 24_000


def time_training(n_runs: int, tiny: bool) -> str:
    """Table of kernels per second, one seed on one thread of a processor."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as the training of a seed
    limit = product_rate(n_runs, tiny)
    settings = replace(default_settings(), epochs=n_runs + 1, refine_epochs=n_runs + 2)
    if tiny:
        settings = replace(settings, widths=(16, 8))
    rows = []
    for size in (5, 7):
        kernels = draw(size, 200 if tiny else N_KERNELS, np.random.default_rng(size))
        data = TrainingData(to_sphere(kernels), settings, torch.device("cpu"))
        run, loop = Training(data, settings), Loop(data, settings)
        ways = {"kernel_atlas": partial(advance, run)}
        found = race(ways | {"plain loop with a DataLoader": loop.run_epoch}, n_runs)
        found |= race({"kernel_atlas, decoder alone": ways["kernel_atlas"]}, n_runs)
        of_kernel, _ = count_operations(data.train_set.shape[1], settings)
        for way, each in found.items():
            rates = [len(data.train_set) / each[place] for place in (0, 1)]
            share = "-" if "alone" in way else f"{rates[1] * of_kernel / limit:.0%}"
            rows.append((f"{size}x{size}", way, *rates, share))
    torch.set_num_threads(threads)
    columns = ("size", "way", "kernels per second", "per CPU second", "of the product's rate")
    return make_table(columns, rows)


def advance(run: Training) -> None:
    """Train for one more epoch."""
    run.advance(run.n_done + 1)


def measure_limits(n_runs: int, tiny: bool) -> str:
    """Table of what one core of this machine can do at most, by its CPU seconds."""
    data = bytes(1 << (16 if tiny else 26))
    whole = np.frombuffer(data, np.uint8).copy()
    target = whole.copy()
    ways = {
        "copy in memory, GB/s": partial(np.copyto, target, whole),
        "copy into new memory, GB/s": partial(bytearray, data),
        "SHA-256, GB/s": partial(sha256, data),
        "CRC-32, GB/s": partial(crc32, data),
    }
    product = product_rate(n_runs, tiny) / 1e9
    rows = [("product of large float32 matrices, GFLOP/s", product)]
    for name, each in race(ways, n_runs).items():
        rows.append((name, len(data) / each.processor_seconds / 1e9))
    return make_table(("limit", "one core"), rows)


def product_rate(n_runs: int, tiny: bool) -> float:
    """Operations per CPU second of a product of large float32 matrices, on one core."""
    side = 64 if tiny else 2048
    with threadpool_limits(1):
        matrix = torch.ones(side, side)
        (each,) = race({"product": partial(torch.mm, matrix, matrix)}, n_runs).values()
    return 2 * side**3 / each.processor_seconds


class Loop:
    """A training as one would write it."""

    def __init__(self, data: TrainingData, settings: Settings) -> None:
        dataset = TensorDataset(data.train_set)
        self.loader = DataLoader(dataset, batch_size=settings.batch_size, shuffle=True)
        self.model = Autoencoder(data.train_set.shape[1], settings.widths)
        self.optimizer = Adam(self.model.parameters(), lr=settings.learning_rate)
        n_steps = settings.epochs * len(self.loader)
        self.scheduler = OneCycleLR(self.optimizer, settings.learning_rate, total_steps=n_steps)

    def run_epoch(self) -> None:
        """One pass over the kernels."""
        for (batch,) in self.loader:
            loss = mean_loss(self.model(batch), batch)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.scheduler.step()
