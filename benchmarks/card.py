"""What a GPU can do at most: the limits that benchmarks/gpu.py compares the training with."""

import time
from collections.abc import Callable

import numpy as np
import torch

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


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


def launch_seconds() -> float:
    """Seconds of an operation so small that it waits for the processor."""
    one = torch.zeros(1, device=DEVICE)

    def launch() -> None:
        for _ in range(1000):
            one.add_(1)

    return median_seconds(launch) / 1000


def median_seconds(work: Callable[[], object]) -> float:
    """Of nine calls."""
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
