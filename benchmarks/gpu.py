"""How fast is the training on a GPU, and does it give the same result each time?

Usage: python benchmarks/gpu.py [GROUP...] [--epochs 100] [--repeats 2] [--precisions high highest]
           [--tiny]

Through the library's own call, with kernels made from the DoG family with noise:

- the default training (5x5, with refinement) twice, and once interrupted and resumed: the
  codebooks must be equal. With GROUPs, models of a store such as results/kernels.zarr/*, it
  trains on theirs.
- five seeds on 900,000 kernels of 7x7, at the precisions that torch has for products of matrices;
- beside it, a plain loop over the batches, one seed after another, from a few hundred steps;
- the card's limits, measured: a product of large matrices, and a copy;
- as many kernels as the paper's models have, with the settings of models/paper.yaml.

With --tiny, everything is small: a check that it runs, on any machine. Prints the tables of
RESULTS.md, section "On a GPU".
"""

import argparse
import sys
import tempfile
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
import yaml
from torch.optim import Adam
from torch.optim.lr_scheduler import OneCycleLR

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "tests"), str(REPOSITORY / "benchmarks")]

from card import DEVICE, copy_rate, launch_seconds, product_rate, synchronize
from support.known_kernels import CLASSES, SQUARES, draw_known_kernels

from kernel_atlas.checkpoints.layer import Layer
from kernel_atlas.codebooks import stacked, trainer
from kernel_atlas.codebooks.autoencoder import Autoencoder
from kernel_atlas.codebooks.history import paper_threshold, percent_column
from kernel_atlas.codebooks.seeds import train_autoencoder
from kernel_atlas.codebooks.training import Training, mean_loss
from kernel_atlas.codebooks.training_data import Settings
from kernel_atlas.codebooks.training_set import read_training_set
from kernel_atlas.extraction.writing import write_model
from kernel_atlas.sphere import to_sphere

NOISE = 0.35
SEEDS = 5
PRECISION = stacked.PRECISION
PAPER = {"epochs": 20, "refine_epochs": 0}


class Sizes(NamedTuple):
    """Kernels of the two trainings, steps of the plain loop, side of a large matrix."""

    small: int
    large: int
    steps: int
    side: int


def main(groups: list[Path], epochs: int, repeats: int, precisions: list[str], tiny: bool) -> None:
    """Print all tables."""
    settings = default_settings()
    sizes = Sizes(24_000, 900_000, 300, 8192)
    if tiny:
        sizes = Sizes(400, 600, 2, 256)
        settings = replace(settings, widths=(16, 8), epochs=1, refine_epochs=2, batch_size=128)
        epochs = 1
    name = torch.cuda.get_device_name() if DEVICE.type == "cuda" else "no GPU"
    print(f"{name}, torch {torch.__version__}\n", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        check_default(groups or [made_up(folder, 5, sizes.small)], settings, precisions)
        long = replace(settings, epochs=epochs, refine_epochs=0)
        time_seeds(made_up(folder, 7, sizes.large), long, precisions, repeats, sizes)
        time_paper(folder, replace(settings, **PAPER), tiny)


def default_settings() -> Settings:
    """Those of config.yaml."""
    config = yaml.safe_load((REPOSITORY / "config.yaml").read_text())["autoencoder"]
    config["widths"] = tuple(config["widths"])
    return Settings(**{field.name: config[field.name] for field in fields(Settings)})


def made_up(folder: Path, size: int, n_kernels: int) -> Path:
    """A model of kernels made from the family."""
    n_classes = len(CLASSES) + len(SQUARES) * (size == 5)
    rng = np.random.default_rng(size)
    kernels, _ = draw_known_kernels(size, n_kernels // n_classes, NOISE, rng)
    group = folder / "kernels.zarr" / f"made_{size}"
    write_model(group, [Layer("made", rng.permutation(kernels))], {"model": group.name})
    return group


def fit(
    groups: list[Path],
    size: int,
    settings: Settings,
    precision: str,
    folder: Path,
    n_seeds: int = SEEDS,
) -> float:
    """Train all seeds; return the seconds of the whole call."""
    stacked.PRECISION = precision
    began = time.perf_counter()
    train_autoencoder(groups, size, settings, n_seeds, n_seeds, "auto", folder)
    return time.perf_counter() - began


def check_default(groups: list[Path], settings: Settings, precisions: list[str]) -> None:
    """Train twice, and once more with an interruption, and compare the codebooks."""
    print(f"5x5, {SEEDS} seeds, {settings.epochs} + {settings.refine_epochs} epochs\n")
    print("| precision | first run, s | second | held-out near, % | equal | equal when resumed |")
    print("|---|---|---|---|---|---|")
    for precision in precisions:
        with tempfile.TemporaryDirectory() as temporary:
            folders = [Path(temporary, name) for name in ("first", "second", "resumed")]
            seconds = [fit(groups, 5, settings, precision, folder) for folder in folders[:2]]
            interrupt(groups, settings, precision, folders[2])
            fit(groups, 5, settings, precision, folders[2])
            first, *others = [(folder / "codebooks.npz").read_bytes() for folder in folders]
            cells = [precision, *(f"{each:.1f}" for each in seconds), near(folders[0], 5)]
            cells += ["yes" if other == first else "NO" for other in others]
            print(f"| {' | '.join(cells)} |", flush=True)


def interrupt(groups: list[Path], settings: Settings, precision: str, folder: Path) -> None:
    """Train until an epoch of the last phase, then stop as if by Ctrl-C."""
    original, seconds = Training.record, trainer.CHECKPOINT_SECONDS
    stop_after = settings.epochs + settings.refine_epochs // 2

    def record(run: Training, epoch: int, loss: float) -> None:
        if epoch > stop_after:
            raise KeyboardInterrupt
        original(run, epoch, loss)

    Training.record, trainer.CHECKPOINT_SECONDS = record, 0  # type: ignore[method-assign]
    try:
        fit(groups, 5, settings, precision, folder)
        sys.exit("the training was not interrupted")
    except KeyboardInterrupt:
        if not list(folder.glob("checkpoint-*.pt")):
            sys.exit("the interrupted training left no checkpoint")
    finally:
        Training.record, trainer.CHECKPOINT_SECONDS = original, seconds  # type: ignore[method-assign]


def near(folder: Path, size: int) -> str:
    """Held-out kernels near a code at the end, in percent: each seed's."""
    history = pd.read_csv(folder / "history.tsv", sep="\t")
    last = history[history["epoch"] == history["epoch"].max()]
    column = last[percent_column("held_out", paper_threshold(size))]
    return f"{', '.join(f'{percent:.2f}' for percent in column)} (mean {column.mean():.2f})"


def time_seeds(
    group: Path, settings: Settings, precisions: list[str], repeats: int, sizes: Sizes
) -> None:
    """Five seeds on many kernels of 7x7, beside a plain loop and the card's limits."""
    directions = to_sphere(read_training_set([group], 7))
    n_kernels = len(directions) - round(settings.held_out * len(directions))
    n_steps = settings.epochs * -(-n_kernels // settings.batch_size)
    passes = SEEDS * settings.epochs * n_kernels
    of_kernel, n_parameters = count_operations(directions.shape[1], settings)
    # each kernel read once; parameter, gradient and both moments read and written in each step
    moved = 4 * (passes * directions.shape[1] + n_steps * SEEDS * n_parameters * 8)
    copied = copy_rate(sizes.side)
    print(f"\n7x7, {len(directions)} kernels, {SEEDS} seeds, {settings.epochs} epochs")
    print(f"{passes * of_kernel:.3g} operations, at least {moved:.3g} bytes")
    print(f"a copy on the device moves {copied / 1e12:.3g} TB/s")
    print(f"the processor launches an operation in {1e6 * launch_seconds():.1f} us\n")
    print(
        "| way | precision | seconds | kernels/s | us per step of all seeds | TFLOP/s "
        "| share of a large product's | bytes/s, share of a copy's | held-out near, % |"
    )
    print("|---|---|---|---|---|---|---|---|---|")

    def show(way: str, precision: str, seconds: float, limit: float, near: str) -> None:
        rate = passes * of_kernel / seconds
        cells = [way, precision, f"{seconds:.1f}", f"{passes / seconds:.3g}"]
        cells += [f"{1e6 * seconds / n_steps:.0f}", f"{rate / 1e12:.3g}", f"{rate / limit:.1%}"]
        cells += [f"{moved / seconds / copied:.1%}", near]
        print(f"| {' | '.join(cells)} |", flush=True)

    for precision in precisions:
        limit = product_rate(sizes.side, precision)
        books = set()
        with tempfile.TemporaryDirectory() as temporary:
            for number in range(repeats):
                folder = Path(temporary, str(number))
                seconds = fit([group], 7, settings, precision, folder)
                show("library, whole call", precision, seconds, limit, near(folder, 7))
                books.add((folder / "codebooks.npz").read_bytes())
        seconds = plain_loop(directions, settings, precision, sizes.steps) * n_steps * SEEDS
        show(f"plain loop, from {sizes.steps} steps", precision, seconds, limit, "-")
        print(
            f"\n{precision}: {repeats} runs gave {len(books)} different results; a large product "
            f"does {limit / 1e12:.3g} TFLOP/s\n",
            flush=True,
        )


def time_paper(folder: Path, settings: Settings, tiny: bool) -> None:
    """As many kernels as the paper's models have, with the settings of models/paper.yaml."""
    print(f"{settings.epochs} epochs, 3 seeds, {PRECISION}\n")
    print("| size | kernels | seconds |\n|---|---|---|")
    for size, n_kernels in ((5, 520_000), (7, 880_000)):
        n_made = 600 if tiny else n_kernels
        group = made_up(folder, size, n_made)
        seconds = fit([group], size, settings, PRECISION, folder / "paper", n_seeds=3)
        print(f"| {size}x{size} | {n_made} | {seconds:.1f} |", flush=True)


def count_operations(n_inputs: int, settings: Settings) -> tuple[int, int]:
    """Of matrix products, to train on one kernel once; and the number of parameters."""
    model = Autoencoder(n_inputs, settings.widths)
    products = [each.numel() for each in model.parameters() if each.ndim == 2]
    # forward, for the weights and for the inputs; the kernels need no gradient
    return 2 * (3 * sum(products) - products[0]), sum(each.numel() for each in model.parameters())


def plain_loop(directions: np.ndarray, settings: Settings, precision: str, n_steps: int) -> float:
    """Seconds per step of one seed, in a loop as one would write it, kernels on the device."""
    torch.set_float32_matmul_precision(precision)
    kernels = torch.from_numpy(directions).to(DEVICE)
    model = Autoencoder(directions.shape[1], settings.widths).to(DEVICE)
    optimizer = Adam(model.parameters(), lr=settings.learning_rate, fused=True)
    scheduler = OneCycleLR(optimizer, settings.learning_rate, total_steps=2 * n_steps)
    order = torch.randperm(len(kernels), device=DEVICE)
    for number in range(2 * n_steps):
        if number == n_steps:  # the first half warms up
            synchronize()
            began = time.perf_counter()
        start = number * settings.batch_size % (len(order) - settings.batch_size)
        batch = kernels[order[start : start + settings.batch_size]]
        loss = mean_loss(model(batch), batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
    synchronize()
    torch.set_float32_matmul_precision("highest")
    return (time.perf_counter() - began) / n_steps


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("groups", type=Path, nargs="*", metavar="GROUP")
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--precisions", nargs="+", default=["high", "highest"])
    parser.add_argument("--tiny", action="store_true")
    arguments = parser.parse_args()
    main(
        arguments.groups,
        arguments.epochs,
        arguments.repeats,
        arguments.precisions,
        arguments.tiny,
    )
