"""Intervals are dropped whose kernels make a class unlike its name."""

import numpy as np
import pytest

from kernel_atlas.family import functions
from kernel_atlas.labels.unlike import find_unlike

CENTRE = functions.difference_of_gaussians(7, 1)
CROSS = functions.cross(7, 0.5)
BARS = [functions.second_derivative(7, 1, angle) for angle in (0, np.pi / 2)]
NAMES = ["on_centre", "on_centre", "off_cross", *["on_second_derivative"] * 3]


@pytest.mark.parametrize(
    ("n_kernels", "dropped"),
    [
        ([9, 9, 9, 9, 9, 0], set()),  # bars along both axes make one class
        ([9, 9, 9, 9, 9, 45], {5}),  # crosses among them do not
        ([9, 36, 9, 9, 9, 45], {1, 5}),
        ([0] * 6, set()),
    ],
)
def test_intervals_without_which_each_class_looks_like_its_name(rng, n_kernels, dropped):
    intervals = np.repeat(np.arange(6), n_kernels)
    kernels = np.array([CENTRE, CROSS, -CROSS, *BARS, CROSS])[intervals]
    kernels += rng.normal(0, 0.05, kernels.shape)
    assert find_unlike(kernels, intervals, np.array(NAMES)) == dropped
