"""CPU seconds to measure all kernels of many models, with their controls.

Usage: python benchmarks/measures.py [MODELS]

Each model has 20,160 kernels: of 7x7 as in ConvNeXt-T, the rest of 5x5. What is in them does not
matter for the time, so they are random. The time to write the store does not count.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from kernel_atlas.checkpoints.layer import Layer
from kernel_atlas.extraction.writing import write_model
from kernel_atlas.measures.model import measure_model
from kernel_atlas.tables.measures import gather_measures

SEVEN = [96] * 3 + [192] * 3 + [384] * 9 + [768] * 3
FIVE = [576] * 20


def main(n_models: int) -> None:
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        groups = {
            f"model_{i}": Path(folder) / "kernels.zarr" / f"model_{i}" for i in range(n_models)
        }
        for group in groups.values():
            layers = [
                Layer(f"{size}.{i}", rng.standard_normal((n, size, size)).astype(np.float32))
                for size, sizes in ((7, SEVEN), (5, FIVE))
                for i, n in enumerate([*sizes, 2016] if size == 7 else sizes)
            ]
            write_model(group, layers, {})
        n_kernels = n_models * sum(len(layer.kernels) for layer in layers)
        start = time.process_time()
        paths = [Path(folder) / f"{model}.npz" for model in groups]
        for group, path in zip(groups.values(), paths, strict=True):
            measure_model(group, path)
        gather_measures(paths, folder)
        seconds = time.process_time() - start
    print(
        f"{n_models} models, {n_kernels:,} kernels: {seconds:.1f} CPU seconds, "
        f"{seconds / n_kernels * 2e6:.0f} for two million"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
