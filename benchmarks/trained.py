"""Epochs of the training on one core, beside a plain DataLoader loop, and the core's limits."""

from dataclasses import replace
from functools import partial
from hashlib import sha256

import numpy as np
import torch
from card import copy_rate, median_seconds, product_rate
from gpu import count_operations, default_settings
from stored import draw
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
    limit = product_rate(64 if tiny else 2048, "highest")
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
            rate = len(data.train_set) / each.seconds
            of_limit = "-" if "alone" in way else f"{rate * of_kernel / limit:.0%}"
            rows.append(
                (
                    f"{size}x{size}",
                    way,
                    rate,
                    len(data.train_set) / each.processor_seconds,
                    of_limit,
                )
            )
    torch.set_num_threads(threads)
    columns = ("size", "way", "kernels per second", "per CPU second", "of the product's rate")
    return make_table(columns, rows)


def advance(run: Training) -> None:
    """Train for one more epoch."""
    run.advance(run.n_done + 1)


def measure_limits(tiny: bool) -> str:
    """Table of what one core of this machine can do at most."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    side = 64 if tiny else 2048
    data = np.random.default_rng(0).bytes(16 * side * side)
    rows = (
        ("product of large float32 matrices, GFLOP/s", product_rate(side, "highest") / 1e9),
        ("copy in memory, GB/s read and written", copy_rate(side) / 1e9),
        (
            "new memory, first written, GB/s",
            len(data) / median_seconds(lambda: bytearray(data)) / 1e9,
        ),
        ("SHA-256, GB/s", len(data) / median_seconds(lambda: sha256(data)) / 1e9),
    )
    torch.set_num_threads(threads)
    return make_table(("limit", "one core"), rows)


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
