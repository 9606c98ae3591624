"""Whether another seed gives the same classes: the autoencoder trained with several seeds.

Usage: python benchmarks/seeds.py SIZE GROUP... [--seeds 1 2 3] [--epochs 400] [--threshold 0.2]

GROUP are models of a store, such as results/kernels.zarr/*; the settings are those of
config.yaml. Prints, a seed, the share of the live kernels that are clustered, and, a pair
of seeds, the share of the kernels clustered by both that both give the same class.
"""

import argparse
import tempfile
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
import yaml

from kernel_atlas.classify import Classifier, is_clustered
from kernel_atlas.codebook import N_CODES
from kernel_atlas.labels import label_rows
from kernel_atlas.proposal import propose_labels
from kernel_atlas.sphere import from_sphere, to_sphere
from kernel_atlas.train import Settings, Training
from kernel_atlas.training_set import read_training_set

REPOSITORY = Path(__file__).resolve().parents[1]


def main(size: int, groups: list[Path], seeds: list[int], epochs: int, threshold: float) -> None:
    torch.set_num_threads(1)
    config = yaml.safe_load((REPOSITORY / "config.yaml").read_text())["autoencoder"]
    kernels = read_training_set(groups, size)
    found = {}
    for seed in seeds:
        settings = Settings(
            tuple(config["widths"]), epochs, config["batch_size"], config["learning_rate"],
            config["held_out"], seed,
        )  # fmt: skip
        training = Training(to_sphere(kernels), settings, torch.device("cpu"))
        with tempfile.TemporaryDirectory() as folder:
            training.train(Path(folder) / "checkpoint.pt", f"seed {seed}")
        codebook = from_sphere(training.codebook(N_CODES).numpy(), size)
        labels = label_rows(propose_labels(codebook), codebook)
        classes = Classifier(codebook, labels, threshold).classify(kernels)["class"]
        found[seed] = classes.to_numpy(str), is_clustered(classes).to_numpy()
        print(
            f"seed {seed}: held-out loss {training.history[-1]['held_out_loss']:.4f}, "
            f"{100 * found[seed][1].mean():.2f} % of {len(kernels):,} clustered"
        )
    for first, second in combinations(seeds, 2):
        both = found[first][1] & found[second][1]
        same = (found[first][0] == found[second][0])[both].mean()
        print(
            f"seeds {first} and {second}: {100 * np.mean(both):.2f} % clustered by both, "
            f"{100 * same:.2f} % of these in the same class"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("size", type=int)
    parser.add_argument("groups", type=Path, nargs="+")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--epochs", type=int, default=400)
    parser.add_argument("--threshold", type=float, default=0.2)
    arguments = parser.parse_args()
    main(arguments.size, arguments.groups, arguments.seeds, arguments.epochs, arguments.threshold)
