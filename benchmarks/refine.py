"""What does training the decoder for the nearest code buy, and how long does the curve get?

Usage: python benchmarks/refine.py SIZE GROUP... --settings EPOCHS,REFINE_EPOCHS,PENALTY ...
           [--seeds 1 2 3 4 5] [--save FOLDER]

Each GROUP is a model of a store, such as results/kernels.zarr/*. Prints one line per training,
and for each of the settings a row of the table in RESULTS.md: percentages of live kernels near
one of 10,000 codes, at the paper's threshold for the size. --save keeps the codebooks.
"""

import argparse
import tempfile
import time
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import yaml

from kernel_atlas.codebooks.codebook import N_CODES
from kernel_atlas.codebooks.curve import STEP, find_nearest, length_of_chords
from kernel_atlas.codebooks.history import paper_threshold
from kernel_atlas.codebooks.training import Training
from kernel_atlas.codebooks.training_data import Settings, TrainingData
from kernel_atlas.codebooks.training_set import read_training_set
from kernel_atlas.sphere import from_sphere, to_sphere

REPOSITORY = Path(__file__).resolve().parents[1]
N_RANDOM = 50_000


def main(
    size: int, groups: list[Path], variants: list[str], seeds: list[int], save: Path | None
) -> None:
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    directions = to_sphere(read_training_set(groups, size))
    for variant in variants:
        epochs, refine_epochs, penalty = variant.split(",")
        settings = default_settings(
            epochs=int(epochs), refine_epochs=int(refine_epochs), length_penalty=float(penalty)
        )
        data = TrainingData(directions, replace(settings, seed=seeds[0]), torch.device("cpu"))
        rows, codebooks = [], {}
        for seed in seeds:
            run = Training(data, replace(settings, seed=seed))
            began = time.thread_time()
            with tempfile.TemporaryDirectory() as folder:
                run.train(Path(folder), f"{size}x{size}, {variant}")
            rows.append({"cpu_seconds": time.thread_time() - began} | describe(run, size))
            codebooks[str(seed)] = from_sphere(run.codebook(N_CODES).numpy(), size)
            print(size, variant, seed, *(f"{x:.3f}" for x in rows[-1].values()), flush=True)
            if save:
                np.savez(save / f"{size}_{variant.replace(',', '_')}.npz", **codebooks)
        print(summarise(pd.DataFrame(rows), variant), flush=True)


def default_settings(**changes: float) -> Settings:
    """Those of config.yaml, but for the changes."""
    config = yaml.safe_load((REPOSITORY / "config.yaml").read_text())["autoencoder"]
    config |= {"widths": tuple(config["widths"])} | changes
    return Settings(**{field.name: config[field.name] for field in fields(Settings)})


def describe(run: Training, size: int) -> dict[str, float]:
    """Percentages of near kernels, and the curve's length in radians."""
    codebook = run.codebook(N_CODES)
    noise = torch.randn(N_RANDOM, codebook.shape[1], generator=torch.Generator().manual_seed(0))
    parts = {
        "trained": run.train_set,
        "held_out": run.held_out,
        "all": torch.cat([run.train_set, run.held_out]),
        "random": torch.nn.functional.normalize(noise),
    }
    found = {}
    for name, kernels in parts.items():
        cosines, _ = find_nearest(kernels, codebook)
        found[name] = 100 * (1 - cosines < paper_threshold(size)).double().mean().item()
    points = run.codebook(round(1 / STEP) + 1)
    return found | {"length": length_of_chords(points[:-1], points[1:]).item()}


def summarise(rows: pd.DataFrame, variant: str) -> str:
    """A row of the table: ranges over the seeds; of the seconds, the mean."""
    low, high, mean = rows.min(), rows.max(), rows.mean()

    def span(name: str, digits: int) -> str:
        return f"{low[name]:.{digits}f} to {high[name]:.{digits}f}"

    epochs, refine_epochs, penalty = variant.split(",")
    cells = [f"{epochs} + {refine_epochs}", penalty if int(refine_epochs) else "-"]
    cells += [span(name, 1) for name in ("all", "trained", "held_out")]
    cells += [f"{high['all'] - low['all']:.1f}", span("length", 0), f"{high['random']:.3f}"]
    cells += [f"{mean['cpu_seconds']:.0f}"]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("size", type=int)
    parser.add_argument("groups", type=Path, nargs="+")
    parser.add_argument("--settings", nargs="+", required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--save", type=Path)
    arguments = parser.parse_args()
    main(arguments.size, arguments.groups, arguments.settings, arguments.seeds, arguments.save)
