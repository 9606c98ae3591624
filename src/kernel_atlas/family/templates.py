"""A bank of the DoG family at many scales."""

from collections.abc import Iterator
from itertools import product

import numpy as np

from kernel_atlas.family.functions import (
    CENTRED,
    DIRECTIONS,
    cross,
    difference_of_gaussians,
    first_derivative,
    second_derivative,
    square,
)


def make_templates(size: int) -> Iterator[tuple[str, np.ndarray]]:
    """Make a bank of the family at many scales, as pairs of class and kernel.

    Second derivatives are shifted too if the grid has room: half a pixel makes them look
    like another class. Only 5x5 has squares, which do not lie in the middle (Section 5).
    """
    halves = (-0.5, 0.0, 0.5)
    shifts = list(product(halves, halves)) if size >= 5 else [CENTRED]
    for sigma in np.geomspace(0.3, size / 4, 8):
        for ratio in (1.6, 3.0, np.inf):
            yield from _pair("centre", difference_of_gaussians(size, sigma, ratio))
    for sigma in np.linspace(0.3, 0.9, 5):
        for ratio in (1.6, np.inf):
            yield from _pair("cross", cross(size, sigma, ratio=ratio))
    for sigma in np.geomspace(0.5, size / 3, 6):
        for name, direction in DIRECTIONS.items():
            for tilt, aspect in product(np.deg2rad((-30, 0, 30)), (0.7, 1.0)):
                kernel = first_derivative(size, sigma, direction + tilt, aspect=aspect)
                yield f"first_derivative_{name}", kernel
        for direction, aspect in product(np.deg2rad((0, 45, 90, 135)), (0.7, 1.0, 2.0)):
            for shift in shifts:
                kernel = second_derivative(size, sigma, direction, aspect, shift)
                yield from _pair("second_derivative", kernel)
    if size == 5:
        for width, shift in product((3.0, 3.5, 4.0), product(halves[::2], halves[::2])):
            yield from _pair("square", square(size, width, shift))


def _pair(name: str, kernel: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    if kernel.any():  # some are constant on 2x2
        yield f"on_{name}", kernel
        yield f"off_{name}", -kernel
