"""Train the autoencoder of one size with several seeds, and keep the best (Section 4.1)."""

import json
import logging
import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from kernel_atlas import sphere
from kernel_atlas.atomic import replacing
from kernel_atlas.codebooks.codebook import N_CODES, SKIPPED
from kernel_atlas.codebooks.history import write_history
from kernel_atlas.codebooks.stacked import Stack
from kernel_atlas.codebooks.training import Training
from kernel_atlas.codebooks.training_data import Settings, TrainingData
from kernel_atlas.codebooks.training_set import read_training_set
from kernel_atlas.device import find_device
from kernel_atlas.errors import AtlasError

logger = logging.getLogger(__name__)


def train_autoencoder(
    paths_to_groups: Sequence[str | Path],
    size: int,
    settings: Settings,
    n_seeds: int,
    threads: int,
    device: str,
    folder: str | Path,
) -> None:
    """Train on all live kernels of one size, and write weights, codebooks and history.

    A seed decides the initial weights and the order of the kernels; the held-out
    kernels are the same for all. The seed with most of the held-out kernels near a code,
    at the paper's threshold for the size, is kept (of the kernels trained on, if nothing
    is held out). A seed that diverges is left out with a warning.

    If an earlier run with the same settings and kernels was cut off, training resumes
    from the checkpoints in `folder` and gives the same result. `threads` does not change
    the result either. On a GPU all seeds are trained as one model, by one thread. Without
    kernels of the size, the outputs are empty and a warning says so.

    Parameters
    ----------
    paths_to_groups : sequence of path
        The train models' groups in the store.
    size : int
        Kernel size k.
    settings : Settings
        Its seed is the first one, and draws the held-out kernels.
    n_seeds : int
        Number of seeds, counted up from the first.
    threads : int
        Maximum number of seeds trained at the same time.
    device : str
        ``auto`` (the GPU when torch has one), ``cpu`` or ``cuda``.
    folder : path
        Written there:

        - weights.safetensors: of the kept seed, with its settings as metadata. After
          refine epochs the encoder does not belong to the decoder any more.
        - codebook.npy: of the kept seed, float32 of shape (10000, k, k), unit norm, row i
          the code i / 9999.
        - codebooks.npz: one codebook for each seed that did not diverge, named by its seed.
        - history.tsv: one row per epoch of each seed; `kept` is True for one seed.

    Raises
    ------
    AtlasError
        If all seeds diverged, or torch lacks the device.
    """
    folder = Path(folder)
    kernels = read_training_set(paths_to_groups, size)
    runs: list[Training] = []
    codebooks: dict[int, np.ndarray] = {}
    weights: dict[str, torch.Tensor] = {}
    codebook = np.zeros((0, size, size), np.float32)
    if not len(kernels):
        logger.warning(f"{size}x{size}: {SKIPPED}")
    else:
        _make_deterministic()
        data = TrainingData(
            sphere.to_sphere(kernels), settings, find_device(device, "autoencoder.device")
        )
        seeds = range(settings.seed, settings.seed + n_seeds)
        runs = [Training(data, replace(settings, seed=seed)) for seed in seeds]
        if data.train_set.device.type == "cuda":
            Stack(runs).train(folder, f"{size}x{size}")
        else:
            _train_side_by_side(runs, threads, folder, f"{size}x{size}")
        codebooks = _codebooks(runs, size)
        good = [run for run in runs if run.settings.seed in codebooks]
        kept = max(good, key=lambda run: run.near_percent(size))
        settings = kept.settings
        logger.info(f"{size}x{size}: seed {settings.seed} is kept")
        weights = {name: value.cpu() for name, value in kept.model.state_dict().items()}
        codebook = codebooks[settings.seed]
    # one key, because safetensors writes several in an order that changes from run to run
    facts = {"training": json.dumps({"kernel_size": size, **asdict(settings)})}
    with replacing(folder / "weights.safetensors") as path:
        save_file(weights, path, metadata=facts)
    rows = (row for run in runs for row in run.history)
    kept_rows = (row | {"kept": row["seed"] == settings.seed} for row in rows)
    write_history(kept_rows, folder / "history.tsv")
    with replacing(folder / "codebooks.npz") as path:
        named = {str(seed): array for seed, array in codebooks.items()}
        np.savez(path, **named)  # type: ignore[arg-type]
    with replacing(folder / "codebook.npy") as path:
        np.save(path, codebook)
    for leftover in folder.glob("*checkpoint-*.pt"):
        leftover.unlink()


def _train_side_by_side(runs: Sequence[Training], threads: int, folder: Path, label: str) -> None:
    """Train all seeds. If one fails or the user interrupts, the others end soon."""
    # torch's number of threads is a setting of the thread that calls it
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            futures = [pool.submit(run.train, folder, label, line) for line, run in enumerate(runs)]
            for future in as_completed(futures):
                future.result()
        finally:
            for run in runs:
                run.stop()


def _codebooks(runs: Sequence[Training], size: int) -> dict[int, np.ndarray]:
    """The codebook of each seed that did not diverge, float32 of shape (10000, k, k)."""
    codebooks = {}
    for run in runs:
        seed, last = run.settings.seed, run.history[-1]
        logger.info(
            f"{size}x{size}: seed {seed} ends with {run.near_percent(size):.6g} % of the kernels "
            f"near a code, held-out loss {last['held_out_loss']:.6g}, loss {last['loss']:.6g}"
        )
        codebook = sphere.from_sphere(run.codebook(N_CODES).cpu().numpy(), size)
        if math.isfinite(run.last_loss) and np.isfinite(codebook).all():
            codebooks[seed] = codebook
        else:
            logger.warning(
                f"{size}x{size}: seed {seed} is left out, its training diverged (its last loss "
                f"is {last['loss']:g})"
            )
    if not codebooks:
        raise AtlasError(
            f"{size}x{size}: the training diverged with every seed; "
            "lower autoencoder.learning_rate in config.yaml"
        )
    return codebooks


def _make_deterministic() -> None:
    """Give the same result with any number of cores, and each time on the same GPU."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    # what that adds by itself: a launch for each tensor that is about to be written
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.set_num_threads(1)  # a sum split over threads rounds differently
