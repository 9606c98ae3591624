"""Do other seeds give the same classes? The tables of stability for any kernels.

Usage: python benchmarks/seeds.py SIZE GROUP... [--seeds 1 2 3] [--threshold 0.2]

Each GROUP is a model of a store, such as results/kernels.zarr/*. The other settings come from
config.yaml.
"""

import argparse
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from pathlib import Path

import torch
import yaml

from kernel_atlas.codebooks.codebook import N_CODES
from kernel_atlas.codebooks.training import Training
from kernel_atlas.codebooks.training_data import Settings, TrainingData
from kernel_atlas.codebooks.training_set import read_training_set
from kernel_atlas.sphere import from_sphere, to_sphere
from kernel_atlas.tables.stability import compare_codebooks

REPOSITORY = Path(__file__).resolve().parents[1]


def main(size: int, groups: list[Path], seeds: list[int], threshold: float) -> None:
    defaults = yaml.safe_load((REPOSITORY / "config.yaml").read_text())
    config = defaults["autoencoder"]
    config |= {"widths": tuple(config["widths"]), "seed": seeds[0]}
    settings = Settings(**{field.name: config[field.name] for field in fields(Settings)})
    kernels = read_training_set(groups, size)
    data = TrainingData(to_sphere(kernels), settings, torch.device("cpu"))
    runs = [Training(data, replace(settings, seed=seed)) for seed in seeds]
    with (
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(2, initializer=torch.set_num_threads, initargs=(1,)) as pool,
    ):
        for future in [pool.submit(run.train, Path(folder), f"{size}x{size}") for run in runs]:
            future.result()
    for run in runs:
        print(f"seed {run.settings.seed}: {run.near_percent(size):.2f} % of the held-out near")
    codebooks = {
        str(run.settings.seed): from_sphere(run.codebook(N_CODES).numpy(), size) for run in runs
    }
    found = compare_codebooks(codebooks, [], kernels, threshold, defaults["min_purity"])
    print("\n\n".join(table.to_string(index=False) for table in found.values()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("size", type=int)
    parser.add_argument("groups", type=Path, nargs="+")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--threshold", type=float, default=0.2)
    arguments = parser.parse_args()
    main(arguments.size, arguments.groups, arguments.seeds, arguments.threshold)
