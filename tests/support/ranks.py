"""The processes of one training, each of which keeps its own state for a test to compare."""

import os
import socket
from pathlib import Path
from typing import Any

import torch
import torch.multiprocessing

from kernel_atlas.experiments.arms import Training
from kernel_atlas.sources.timm_import import import_timm


def advance_together(training: Training, folder: Path, n: int) -> list[dict[str, Any]]:
    """Train for one epoch in n processes on the CPU; returns what each of them ends with."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    torch.multiprocessing.spawn(_advance, (training, folder, n, port), nprocs=n)
    return [torch.load(folder / f"{rank}.pt") for rank in range(n)]


def _advance(rank: int, training: Training, folder: Path, n: int, port: int) -> None:
    import_timm()
    from kernel_atlas.experiments.run import Run

    os.environ |= {"MASTER_ADDR": "localhost", "MASTER_PORT": str(port)}
    torch.distributed.init_process_group("gloo", rank=rank, world_size=n)
    run = Run(training)
    run.advance(1)
    result = {
        "states": [model.state_dict() for model in run._models()],
        "evaluated": run.evaluate(run.loaders.validation),
        "n_steps": run.loaders.n_steps,
    }
    torch.save(result, folder / f"{rank}.pt")
    torch.distributed.destroy_process_group()
