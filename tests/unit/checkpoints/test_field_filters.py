"""Filters that were never trained are left out and named; trained layers stay."""

import numpy as np
import pytest
import torch
from support.field import check, dense, kernels, read, save

FORMATS = pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
GRID = torch.arange(7) - 3.0


def gauss(sigma, size=7):
    bell = torch.exp(-(GRID[:size] ** 2) / 2 / sigma**2)
    return torch.outer(bell, bell) / bell.sum() ** 2


def bank(*filters, repeats=1):
    """Filters as a weight: all of them once, then again."""
    return torch.stack([torch.as_tensor(f, dtype=torch.float32) for f in filters])[:, None].repeat(
        repeats, 1, 1, 1
    )


def high_pass(size, *values):
    """A filter of forensics: numbers at places of a grid."""
    made = torch.zeros(size, size)
    for row, column, value in values:
        made[row, column] = value
    return made / made.abs().max()


BLUR = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64
SOBEL = np.outer([1, 2, 1], [1, 0, -1])
HAAR = [np.outer(a, b) / 2 for a in ([1, 1], [1, -1]) for b in ([1, 1], [1, -1])]
SLANTED = [[0.48, 0.83], [0.22, -0.13]]  # of a Daubechies wavelet
PAIR = [high_pass(5, (2, 2, -1), (2, 3, 1)), high_pass(5, (2, 2, -1), (1, 3, 1))]
SECOND = [high_pass(5, (2, 1, 1), (2, 2, -2), (2, 3, 1)), high_pass(5, (1, 2, 3), (2, 2, -2))]
DOGS = [gauss(0.6 + 0.1 * i) - gauss(1.2 + 0.2 * i) for i in range(8)]
WAVES = [
    gauss(1.5) * torch.cos(2 * (GRID[:, None] * np.cos(a) + GRID[None] * np.sin(a)) + phase)
    for a in np.linspace(0, 3, 5)
    for phase in (0, np.pi / 2)
]
GAINS = torch.linspace(-3, 3, 8)[:, None, None, None]

# surely fixed: each filter is there several times
REPEATED = {
    "blur pool": bank(BLUR, repeats=32),
    "Gaussian, with gains": bank(gauss(1), repeats=8) * GAINS.abs(),
    "Gaussian, with gains of both signs": bank(gauss(1), repeats=8) * GAINS,
    "Sobel of each channel": bank(SOBEL, SOBEL.T, repeats=6),
    "wavelet": bank(*HAAR, repeats=6),
    "wavelet without symmetry": bank(SLANTED, [row[::-1] for row in SLANTED], repeats=3),
    "high-pass of each colour": bank(*PAIR, *SECOND, repeats=3),
    "zeros": torch.zeros(8, 1, 3, 3),
    "identity": bank(np.eye(1, 9, 4).reshape(3, 3), repeats=6),
}
# perhaps: each once, but training makes no such kernels
ONCE = {
    "Sobel": bank(SOBEL, SOBEL.T),
    "Haar": bank(*HAAR),
    "centre and surround": bank(*DOGS),
    "centre and surround, with gains": bank(*DOGS) * GAINS,
    "Gabor": bank(*WAVES),
    "pyramid": bank(*(gauss(0.5 + 0.3 * i) for i in range(6))),
    "high-pass": bank(*PAIR, *SECOND),
}


def around(name, weight):
    """A network with this tensor, and a trained layer."""
    return {
        "stem.weight": dense(6, 3, 3, 3),
        "dw.weight": kernels(1),
        name: weight,
        "head.weight": dense(10, 6),
    }


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("pool.weight", ".pth"), ("module.pool.filt", ".safetensors"), ("x_dw.weight", ".pth")],
)
@pytest.mark.parametrize("weight", REPEATED.values(), ids=REPEATED)
def test_repeated_filters_are_left_out(tmp_path, weight, name, suffix):
    path = save(around(name, weight), tmp_path / f"x{suffix}")
    layer = name.removeprefix("module.").removesuffix(".weight")
    check(read(path), {"dw": kernels(1)}, {layer: "never trained"})


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("fixed.weight", ".safetensors"), ("fixed.filters", ".pth"), ("x_dw.weight", ".pth")],
)
@pytest.mark.parametrize("weight", ONCE.values(), ids=ONCE)
def test_filters_of_designed_form_are_in_doubt(tmp_path, weight, name, suffix):
    path = save(around(name, weight), tmp_path / f"x{suffix}")
    layer = name.removesuffix(".weight")
    check(read(path), {"dw": kernels(1)}, doubt={layer: "perhaps fixed filters"})
    check(read(path, include=f"{layer[:3]}*"), {"dw": kernels(1), layer: weight})


def dead(n_alive):
    weight = kernels(4, 64)
    weight[n_alive:] = 0
    return weight


def pruned():
    """One number is left of most kernels, at different places."""
    weight = torch.zeros(32, 9)
    weight[torch.arange(32), torch.arange(32) % 9] = kernels(5, 32)[:, 0, 0, 0]
    weight[0] = kernels(6)[0].flatten()
    return weight.reshape(32, 1, 3, 3)


TRAINED = {
    "many dead kernels": dead(4),
    "all but one dead": dead(1),
    "two kernels": kernels(2, 2),
    "half precision": kernels(3).half(),
    "bfloat16": kernels(3).bfloat16(),
    "of 8 bits": (kernels(3) / kernels(3).abs().amax((1, 2, 3), keepdim=True) * 127).round() / 127,
    "pruned": pruned(),
    "some kernels symmetric": torch.cat([kernels(7), bank(SOBEL, SOBEL.T)]),
    "nearly symmetric": bank(*DOGS) + 0.003 * kernels(8, 8, 7),
    "one kernel twice": torch.cat([kernels(7), kernels(7)[:1]]),
}


@FORMATS
@pytest.mark.parametrize("weight", TRAINED.values(), ids=TRAINED)
def test_trained_layers_stay(tmp_path, weight, suffix):
    path = save(around("x_dw.weight", weight), tmp_path / f"x{suffix}")
    check(read(path), {"dw": kernels(1), "x_dw": weight.float()})
