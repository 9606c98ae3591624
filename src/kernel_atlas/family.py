"""The DoG family (paper, Figure 1, Appendices A and B) sampled on a k x k grid.

Every function returns a float64 array of shape (size, size), centred and of
unit norm. Lengths are in pixels, from the middle of the grid: x to the right, y down;
directions are in radians from x towards y.
"""

from collections.abc import Iterator

import numpy as np

Shift = tuple[float, float]
CENTRED: Shift = (0.0, 0.0)

# Class names by the side that is positive, with its direction.
DIRECTIONS = {"right": 0.0, "down": np.pi / 2, "left": np.pi, "up": -np.pi / 2}

# In the order of tables and figures.
CLASSES = (
    "on_centre",
    "off_centre",
    "on_cross",
    "off_cross",
    *(f"first_derivative_{direction}" for direction in DIRECTIONS),
    "on_second_derivative",
    "off_second_derivative",
    "on_square",
    "off_square",
)


def grid(size: int, shift: Shift = CENTRED) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates x and y of the pixels relative to a point `shift` from the middle."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return x - shift[0], y - shift[1]


def difference_of_gaussians(
    size: int, sigma: float, ratio: float = 1.6, shift: Shift = CENTRED
) -> np.ndarray:
    """On-centre: G(sigma) - G(ratio * sigma), each Gaussian of unit volume.

    `ratio` is infinite for a single Gaussian. Off-centre is its negative.
    """
    x, y = grid(size, shift)
    squared = x**2 + y**2
    wide = 0.0 if np.isinf(ratio) else np.exp(-squared / (2 * (ratio * sigma) ** 2)) / ratio**2
    return _unit(np.exp(-squared / (2 * sigma**2)) - wide)


def first_derivative(
    size: int, sigma: float, direction: float, shift: Shift = CENTRED
) -> np.ndarray:
    """u exp(-r^2 / 2 sigma^2), with u the distance along `direction`: positive on that side."""
    x, y = grid(size, shift)
    u = x * np.cos(direction) + y * np.sin(direction)
    return _unit(u * np.exp(-(x**2 + y**2) / (2 * sigma**2)))


def second_derivative(
    size: int, sigma: float, direction: float, aspect: float = 1.0, shift: Shift = CENTRED
) -> np.ndarray:
    """On: (1 - u^2 / sigma^2) exp(-u^2 / 2 sigma^2 - v^2 / 2 (aspect sigma)^2), a bright bar.

    u runs along `direction`, v across it. Off is its negative.
    """
    x, y = grid(size, shift)
    u = x * np.cos(direction) + y * np.sin(direction)
    v = y * np.cos(direction) - x * np.sin(direction)
    envelope = np.exp(-(u**2) / (2 * sigma**2) - v**2 / (2 * (aspect * sigma) ** 2))
    return _unit((1 - u**2 / sigma**2) * envelope)


def cross(size: int, sigma: float, shift: Shift = CENTRED) -> np.ndarray:
    """On-cross: exp(-x^2 / 2 sigma^2) + exp(-y^2 / 2 sigma^2) (Appendix B)."""
    x, y = grid(size, shift)
    return _unit(np.exp(-(x**2) / (2 * sigma**2)) + np.exp(-(y**2) / (2 * sigma**2)))


def square(size: int, width: float, shift: Shift = CENTRED) -> np.ndarray:
    """On-square: 1 within a square of this width, 0 outside, borders by area (Section 5)."""
    x, y = grid(size, shift)
    inside = [np.clip(width / 2 + 0.5 - np.abs(axis), 0, 1) for axis in (x, y)]
    return _unit(inside[0] * inside[1])


def templates(size: int) -> Iterator[tuple[str, np.ndarray]]:
    """A bank of the family at many scales, as pairs of class and kernel.

    Squares belong to 5x5 alone, where their width does not fit the middle (Section 5).
    """
    for sigma in np.geomspace(0.3, size / 4, 8):
        for ratio in (1.6, 3.0, np.inf):
            yield from _pair("centre", difference_of_gaussians(size, sigma, ratio))
    for sigma in np.linspace(0.3, 0.9, 5):
        yield from _pair("cross", cross(size, sigma))
    for sigma in np.geomspace(0.5, size / 3, 6):
        for name, direction in DIRECTIONS.items():
            for tilt in np.deg2rad((-30, 0, 30)):
                kernel = first_derivative(size, sigma, direction + tilt)
                yield f"first_derivative_{name}", kernel
        for direction in np.deg2rad((0, 45, 90, 135)):
            for aspect in (1.0, 2.0):
                kernel = second_derivative(size, sigma, direction, aspect)
                yield from _pair("second_derivative", kernel)
    if size == 5:
        for width in (3.0, 3.5, 4.0):
            for shift in ((-0.5, -0.5), (0.5, -0.5), (-0.5, 0.5), (0.5, 0.5)):
                yield from _pair("square", square(size, width, shift))


def _pair(name: str, kernel: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    yield f"on_{name}", kernel
    yield f"off_{name}", -kernel


def _unit(kernel: np.ndarray) -> np.ndarray:
    kernel = kernel - kernel.mean()
    return kernel / np.linalg.norm(kernel)
