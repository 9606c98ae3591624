"""Checkpoints as people have them, made small, and what is right for each.

The kinds are those of issue 13: stored factors, twins, one storage under two names, fixed
filters, what shape alone cannot tell, tables and masks, keys, and files of unusual form.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from kernel_atlas.checkpoints.choice import Choice
from kernel_atlas.checkpoints.depthwise import Depthwise
from kernel_atlas.checkpoints.inventory import Reading
from kernel_atlas.checkpoints.read import read_checkpoint
from kernel_atlas.sources.local import LocalFile

N = 6  # kernels of most layers


def kernels(seed: int = 0, n: int = N, size: int = 3) -> torch.Tensor:
    """A trained layer's weight of shape (n, 1, size, size); no two are equal."""
    made = np.random.default_rng([seed, n, size]).normal(size=(n, 1, size, size))
    return torch.from_numpy(made.astype(np.float32))


def dense(n: int, m: int, *size: int) -> torch.Tensor:
    """The weight of a regular convolution or a linear layer."""
    return torch.ones(n, m, *size)


def depthwise(weight: torch.Tensor) -> nn.Conv2d:
    """A depthwise convolution with this weight."""
    n, _, *size = weight.shape
    conv = nn.Conv2d(n, n, tuple(size), groups=n, bias=False)
    conv.weight.data = weight.clone()
    return conv


def under(prefix: str, state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A state dict with a prefix before each name."""
    return {prefix + name: tensor for name, tensor in state.items()}


def save(content: Any, path: Path, **options: Any) -> Path:
    """Write a state dict in the format of the path's suffix."""
    if path.suffix.lower() == ".safetensors":
        save_file({name: tensor.clone().contiguous() for name, tensor in content.items()}, path)
    else:
        torch.save(content, path, **options)
    return path


def read(path: Path, **choice: str) -> Reading:
    """What a checkpoint holds, for role ``classify``."""
    return read_checkpoint(LocalFile(path), Depthwise(Choice(**choice)))


def check(
    reading: Reading,
    layers: Mapping[str, torch.Tensor],
    left: Mapping[str, str] | None = None,
    doubt: Mapping[str, str] | None = None,
) -> None:
    """Assert that exactly these layers are counted, with exactly these kernels.

    Parameters
    ----------
    reading : Reading
    layers : mapping
        From name to weight; equal to the bit.
    left, doubt : mapping
        From the names of all other candidates to a word of the reason: those that are
        surely no kernels or other copies of them, and those that a user should look at.
    """
    found = sorted(layer.name for layer in reading.layers)
    assert found == sorted(layers), reading.inventory
    for layer in reading.layers:
        assert layer.kernels.dtype == np.float32
        np.testing.assert_array_equal(layer.kernels, layers[layer.name][:, 0].numpy())
    for is_doubt, words in ((False, left or {}), (True, doubt or {})):
        others = [row for row in reading.inventory if not row.counted and row.in_doubt == is_doubt]
        assert sorted(row.name for row in others) == sorted(words), others
        for row in others:
            assert words[row.name] in row.why, row
