"""How fast is the training on a GPU, and does it give the same result each time?

Usage: python benchmarks/gpu.py [GROUP...] [--epochs 100] [--repeats 2] [--precisions highest high]
           [--tiny]

Through the library's own call, with kernels made from the DoG family with noise:

- the default training (5x5, with refinement) twice, and once interrupted and resumed: the
  codebooks must be equal. With GROUPs, models of a store such as results/kernels.zarr/*, it
  trains on theirs.
- five seeds on 900,000 kernels of 7x7, at the precisions that torch has for products of matrices;
- beside it, a plain loop over the batches, one seed after another, from a few hundred steps;
- the card's limits, measured: a product of large matrices, and a copy.

With --tiny, everything is small: a check that it runs, on any machine. Prints the tables of
RESULTS.md, section "On a GPU".
"""

import argparse
import sys
import tempfile
import time
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import yaml
from torch.optim import Adam
from torch.optim.lr_scheduler import OneCycleLR

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))

from support.known_kernels import CLASSES, SQUARES, draw_known_kernels

from kernel_atlas.checkpoints.layer import Layer
from kernel_atlas.codebooks import stacked, trainer
from kernel_atlas.codebooks.autoencoder import Autoencoder
from kernel_atlas.codebooks.history import paper_threshold, percent_column
from kernel_atlas.codebooks.seeds import train_autoencoder
from kernel_atlas.codebooks.training import Training, mean_loss
from kernel_atlas.codebooks.training_data import Settings
from kernel_atlas.extraction.store import write_model
from kernel_atlas.sphere import to_sphere

NOISE = 0.35
SEEDS = 5
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def main(groups: list[Path], epochs: int, repeats: int, precisions: list[str], tiny: bool) -> None:
    settings = default_settings()
    n_small, n_large, n_steps = (24_000, 900_000, 300) if not tiny else (400, 600, 2)
    if tiny:
        settings = replace(settings, widths=(16, 8), epochs=2, refine_epochs=2, batch_size=128)
        epochs = 2
    name = torch.cuda.get_device_name() if DEVICE.type == "cuda" else "no GPU"
    print(f"{name}, torch {torch.__version__}", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for precision in precisions:
            check_default(groups or [made_up(folder, 5, n_small)], settings, precision)
        large = made_up(folder, 7, n_large)
        long = replace(settings, epochs=epochs, refine_epochs=0)
        time_seeds(large, long, repeats, precisions, n_steps, 256 if tiny else 8192)


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


def fit(groups: list[Path], size: int, settings: Settings, precision: str, folder: Path) -> float:
    """Train five seeds; return the seconds of the whole call."""
    stacked.PRECISION = precision
    began = time.perf_counter()
    train_autoencoder(groups, size, settings, SEEDS, SEEDS, "auto", folder)
    return time.perf_counter() - began


def check_default(groups: list[Path], settings: Settings, precision: str) -> None:
    """Train twice, and once more with an interruption, and compare the codebooks."""
    with tempfile.TemporaryDirectory() as temporary:
        folders = [Path(temporary, name) for name in ("first", "second", "resumed")]
        seconds = [fit(groups, 5, settings, precision, folder) for folder in folders[:2]]
        interrupt(groups, settings, precision, folders[2])
        left = [path.name for path in folders[2].iterdir()]
        fit(groups, 5, settings, precision, folders[2])
        first, *others = [(folder / "codebooks.npz").read_bytes() for folder in folders]
        print(
            f"5x5, {settings.epochs} + {settings.refine_epochs} epochs, {precision}: "
            f"{seconds[0]:.1f} and {seconds[1]:.1f} s; held-out near {near(folders[0], 5)}; "
            f"codebooks of two runs {'equal' if others[0] == first else 'DIFFER'}, resumed (from "
            f"{len(left)} checkpoints) {'equal' if others[1] == first else 'DIFFER'}",
            flush=True,
        )


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
        raise AssertionError("the training was not interrupted")
    except KeyboardInterrupt:
        pass
    finally:
        Training.record, trainer.CHECKPOINT_SECONDS = original, seconds  # type: ignore[method-assign]


def near(folder: Path, size: int) -> str:
    """Held-out kernels near a code at the end, in percent: each seed's."""
    history = pd.read_csv(folder / "history.tsv", sep="\t")
    last = history[history["epoch"] == history["epoch"].max()]
    column = last[percent_column("held_out", paper_threshold(size))]
    return f"{', '.join(f'{percent:.2f}' for percent in column)} (mean {column.mean():.2f})"


def time_seeds(
    group: Path, settings: Settings, repeats: int, precisions: list[str], n_steps: int, side: int
) -> None:
    """Five seeds on many kernels of 7x7, beside a plain loop and the card's limits."""
    directions = to_sphere(read(group))
    n_kernels = len(directions) - round(settings.held_out * len(directions))
    passes = SEEDS * settings.epochs * n_kernels
    n_total_steps = settings.epochs * -(-n_kernels // settings.batch_size)
    operations, n_parameters = count_operations(directions.shape[1], settings)
    moved = SEEDS * n_total_steps * n_parameters * 4 * 8 + passes * directions.shape[1] * 4
    copied = copy_rate(side)
    print(f"7x7, {len(directions)} kernels, {SEEDS} seeds, {settings.epochs} epochs")
    print(f"operations: {passes * operations:.3g}; bytes, at least: {moved:.3g}")
    print(f"a copy moves {copied / 1e12:.3g} TB/s")
    print("| way | precision | seconds | kernels/s | us per step | TFLOP/s | of a large product |")
    print("|---|---|---|---|---|---|---|")
    for precision in precisions:
        limit = product_rate(side, precision)
        with tempfile.TemporaryDirectory() as temporary:
            folders = [Path(temporary, str(number)) for number in range(repeats)]
            for folder in folders:
                seconds = fit([group], 7, settings, precision, folder)
                row(
                    "library, whole call",
                    precision,
                    seconds,
                    passes,
                    n_total_steps,
                    operations,
                    limit,
                )
            books = {(folder / "codebooks.npz").read_bytes() for folder in folders}
            print(f"bytes moved at least, share of the copy's rate: {moved / seconds / copied:.3f}")
            print(f"held-out near {near(folders[0], 7)}; {repeats} runs, {len(books)} results")
        seconds = plain_loop(directions, settings, precision, n_steps) * n_total_steps * SEEDS
        row("plain loop, estimate", precision, seconds, passes, n_total_steps, operations, limit)


def row(
    way: str,
    precision: str,
    seconds: float,
    passes: int,
    n_steps: int,
    operations: int,
    limit: float,
) -> None:
    rate = passes * operations / seconds
    cells = [way, precision, f"{seconds:.1f}", f"{passes / seconds:.3g}"]
    cells += [f"{1e6 * seconds / n_steps:.0f}", f"{rate / 1e12:.3g}", f"{rate / limit:.1%}"]
    print(f"| {' | '.join(cells)} |", flush=True)


def read(group: Path) -> np.ndarray:
    from kernel_atlas.codebooks.training_set import read_training_set

    return read_training_set([group], 7)


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


def product_rate(side: int, precision: str) -> float:
    """Operations per second of a product of large matrices."""
    torch.set_float32_matmul_precision(precision)
    one, other = (torch.randn(side, side, device=DEVICE) for _ in range(2))
    seconds = median_seconds(lambda: one @ other)
    torch.set_float32_matmul_precision("highest")
    return 2 * side**3 / seconds


def copy_rate(side: int) -> float:
    """Bytes per second of a copy on the device, read and written."""
    source = torch.randn(8 * side, side, device=DEVICE)
    target = torch.empty_like(source)
    return 2 * 4 * source.numel() / median_seconds(lambda: target.copy_(source))


def median_seconds(work) -> float:
    found = []
    for _ in range(9):
        synchronize()
        began = time.perf_counter()
        work()
        synchronize()
        found.append(time.perf_counter() - began)
    return float(np.median(found))


def synchronize() -> None:
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("groups", type=Path, nargs="*", metavar="GROUP")
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--precisions", nargs="+", default=["highest", "high"])
    parser.add_argument("--tiny", action="store_true")
    arguments = parser.parse_args()
    main(
        arguments.groups,
        arguments.epochs,
        arguments.repeats,
        arguments.precisions,
        arguments.tiny,
    )
