"""The paper's whole table as a store: its bytes, its files, and how fast a training reads it."""

import sys
import time
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from support.known_kernels import CLASSES, SQUARES, draw_known_kernels
from timing import make_table, race

from kernel_atlas.checkpoints.layer import Layer
from kernel_atlas.codebooks.training_set import read_training_set
from kernel_atlas.extraction.writing import write_model
from kernel_atlas.sheet import read_sheets
from kernel_atlas.sources.timm import list_layers
from kernel_atlas.sources.timm_build import build

SHEET = Path(__file__).resolve().parents[1] / "models" / "paper.tsv"
NOISE = 0.35
TINY = {"one": (("a", 3, 40), ("b", 5, 60)), "other": (("a", 7, 16),)}

Shape = tuple[str, int, int]  # a layer's name, kernel size and kernels


class Model(NamedTuple):
    """A model of the store: its group, its raw float32 bytes by size."""

    group: Path
    raw_bytes: dict[int, int]


def time_store(folder: Path, n_runs: int, tiny: bool) -> str:
    """Tables of the store's size and of the time to read all kernels of a size."""
    rng = np.random.default_rng(0)
    models, seconds = [], 0.0
    for name, shapes in (TINY if tiny else list_paper()).items():
        layers = [Layer(layer, draw(size, n, rng)) for layer, size, n in shapes]
        group = folder / "kernels.zarr" / name
        began = time.process_time()
        write_model(group, layers, {"model": name})
        seconds += time.process_time() - began
        raw = {size: 0 for _, size, _ in shapes}
        for layer in layers:
            raw[layer.kernels.shape[-1]] += layer.kernels.nbytes
        models.append(Model(group, raw))
    return f"{_weigh(models, seconds)}\n\n{_time_reading(models, folder, n_runs)}"


def _weigh(models: list[Model], seconds: float) -> str:
    files = [[path for path in group.rglob("*") if path.is_file()] for group, _ in models]
    n_bytes = sum(path.stat().st_size for paths in files for path in paths)
    raw = sum(sum(each.raw_bytes.values()) for each in models)
    n_kernels = sum(n // (4 * k * k) for each in models for k, n in each.raw_bytes.items())
    few = [len(paths) for paths, each in zip(files, models, strict=True) if len(each.raw_bytes) < 3]
    counts = [len(paths) for paths in files]
    columns = ("models", "kernels", "raw float32, MB", "store / raw", "files per model")
    columns += ("with one or two sizes, at most", "of all, at most", "written, MB per CPU second")
    means = (len(models), n_kernels, raw / 1e6, f"{n_bytes / raw:.4f}", float(np.mean(counts)))
    return make_table(columns, [(*means, max(few), max(counts), raw / 1e6 / seconds)])


def _time_reading(models: list[Model], folder: Path, n_runs: int) -> str:
    rows = []
    for size in (5, 7):
        chosen = [each for each in models if size in each.raw_bytes]
        groups = [each.group for each in chosen]
        arrays = []
        for each in chosen:
            arrays.append(folder / f"{each.group.name}.npy")
            np.save(arrays[-1], read_training_set([each.group], size))
        ways = {
            "kernel_atlas: checked, without dead ones": partial(read_training_set, groups, size),
            "`numpy.load`, a file per model, unchecked": partial(_load, arrays),
        }
        for way, each in race(ways, n_runs).items():
            megabytes = sum(each.raw_bytes[size] for each in chosen) / 1e6
            rates = megabytes / each.seconds, megabytes / each.processor_seconds
            rows.append((f"{size}x{size}", way, len(chosen), megabytes, *rates))
    columns = ("size", "way", "models", "MB", "MB per second", "MB per CPU second")
    return make_table(columns, rows)


def _load(paths: list[Path]) -> np.ndarray:
    return np.concatenate([np.load(path) for path in paths])


def draw(size: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """Kernels made from the DoG family with noise, in random order."""
    if size % 2 == 0 or size < 3:
        sys.exit(f"the family has no kernels of {size}x{size}")
    n_classes = len(CLASSES) + len(SQUARES) * (size == 5)
    return rng.permutation(draw_known_kernels(size, -(-n // n_classes), NOISE, rng)[0])[:n]


def list_paper() -> dict[str, tuple[Shape, ...]]:
    """The depthwise layers of each model of the paper that timm can build."""
    rows = [row for row in read_sheets([SHEET]) if row.source.startswith("timm:")]
    return {
        row.model: _list_shapes(row.source.removeprefix("timm:").partition(".")[0])
        for row in rows
        if not row.skipped
    }


@cache
def _list_shapes(architecture: str) -> tuple[Shape, ...]:
    layers = list_layers(build(architecture))
    return tuple((layer.weight, layer.kernel_size, layer.n_kernels) for layer in layers)
