"""Does it help if the units of the decoder's first layer bend at even codes?

Trains the 5x5 autoencoder on the kernels of a finished default run, with three seeds, with and
without `autoencoder.CODE_SLOPE`. Prints one line per training.

Usage: python benchmarks/decoder_start.py [results/kernels.zarr] [epochs]
"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from kernel_atlas import sphere
from kernel_atlas.codebooks.training import Training
from kernel_atlas.codebooks.training_data import Settings, TrainingData
from kernel_atlas.codebooks.training_set import read_training_set


def main(path_to_store: str = "results/kernels.zarr", epochs: str = "200") -> None:
    torch.set_num_threads(1)
    groups = [path.parent for path in Path(path_to_store).glob("*/zarr.json")]
    directions = sphere.to_sphere(read_training_set(groups, 5))
    print("start\tseed\tloss\theld_out_loss\theld_out_near_percent\tseconds")
    for start in ("even", "random"):
        for seed in (1, 2, 3):
            settings = Settings((256, 128, 64, 16), int(epochs), 512, 0.002, 0.05, seed)
            data = TrainingData(directions, settings, torch.device("cpu"))
            training = Training(data, settings)
            if start == "random":
                training.model.decoder[0].reset_parameters()
            began = time.perf_counter()
            with TemporaryDirectory() as folder:
                training.train(Path(folder), start)
            row = training.history[-1]
            print(
                start,
                seed,
                f"{row['loss']:.4f}",
                f"{row['held_out_loss']:.4f}",
                f"{row['held_out_near_percent_0.2']:.1f}",
                f"{time.perf_counter() - began:.0f}",
                sep="\t",
                flush=True,
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
