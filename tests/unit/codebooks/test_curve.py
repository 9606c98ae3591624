"""The nearest points of the decoder's curve, as a training looks them up."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from kernel_atlas.codebooks.curve import find_nearest


def draw_directions(n, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(n, 24, generator=generator), dim=-1)


@pytest.mark.parametrize("n", [0, 1, 64, 1_000])
def test_the_nearest_points_have_the_highest_cosine(n):
    kernels, points = draw_directions(n, 0), draw_directions(700, 1)
    cosines, rows = find_nearest(kernels, points)
    expected = (kernels @ points.T).numpy()
    np.testing.assert_array_equal(rows, expected.argmax(axis=1))
    np.testing.assert_allclose(cosines, expected.max(axis=1, initial=-1), rtol=0, atol=1e-6)


MEMORY = """
import resource, sys
import torch
from kernel_atlas.codebooks.curve import find_nearest

kernels, points = torch.rand(50_000, 24), torch.rand(10_000, 24)
find_nearest(kernels[:1_000], points)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
find_nearest(kernels, points)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform == "darwin", reason="memory is counted in other units")
def test_memory_does_not_grow_with_the_kernels():
    command = [sys.executable, "-c", MEMORY]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 50_000  # KB; new buffers for each batch left 2 GB behind
