"""The DoG family (paper, Figure 1, Section 5, Appendices A and B) sampled on a k x k grid.

The paper draws these functions without formulas. Those used here are the usual ones
(Gaussian derivatives after Young, 1987). Every function returns centred kernels of unit
norm, float64. Lengths are in pixels from the middle of the grid, x to the right and y down.
Directions are in radians from x towards y; u runs along a direction and v across it.

Each parameter is a number or an array of shape (n,); a shift is a pair of them. Numbers give
one kernel of shape (k, k), arrays give n kernels of shape (n, k, k). A function that is
constant on the grid gives a kernel of zeros.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Number = float | np.ndarray
Shift = tuple[Number, Number]

CENTRED: Shift = (0.0, 0.0)
BOX = np.sqrt(12)  # a box's width over its standard deviation

# The positive side that names a first derivative, and its direction.
DIRECTIONS = {"right": 0.0, "down": np.pi / 2, "left": np.pi, "up": -np.pi / 2}


def grid(size: int, shift: Shift = CENTRED) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates x and y of the pixels relative to a point `shift` from the middle."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return x - _per_kernel(shift[0]), y - _per_kernel(shift[1])


def difference_of_gaussians(
    size: int, sigma: Number, ratio: Number = 1.6, shift: Shift = CENTRED
) -> np.ndarray:
    """On-centre: G(sigma) - G(ratio sigma). Off-centre is its negative.

    G(s) = exp(-(x^2 + y^2) / 2 s^2) / s^2: both Gaussians have the same volume. Paper,
    Figures 1 and 12 (Appendix A).

    Parameters
    ----------
    size : int
        Kernel size k.
    sigma : float or ndarray of shape (n,)
        Standard deviation of the narrow Gaussian, in pixels.
    ratio : float or ndarray of shape (n,)
        Width of the wide Gaussian over that of the narrow one; infinite for one Gaussian.
    shift : pair of float or ndarray of shape (n,)
        Middle of the kernel, in pixels.

    Returns
    -------
    ndarray of shape (k, k) or (n, k, k), float64
    """
    x, y = grid(size, shift)
    sigma, ratio = _per_kernel(sigma), _per_kernel(ratio)
    return unit(_gaussian(x, y, sigma) - _gaussian(x, y, ratio * sigma) / ratio**2)


def first_derivative(
    size: int, sigma: Number, direction: Number, shift: Shift = CENTRED, aspect: Number = 1.0
) -> np.ndarray:
    """An edge: u exp(-u^2 / 2 sigma^2 - v^2 / 2 (aspect sigma)^2).

    It is positive on the side that `direction` points to. Paper, Figures 1 and 12
    (Appendix A): four directions. Other parameters and result as for
    `difference_of_gaussians`.

    Parameters
    ----------
    direction : float or ndarray of shape (n,)
        In radians.
    aspect : float or ndarray of shape (n,)
        Width across `direction` over that along it.
    """
    u, v = _axes(size, shift, direction)
    return unit(u * _gaussian(u, v, _per_kernel(sigma), aspect))


def second_derivative(
    size: int, sigma: Number, direction: Number, aspect: Number = 1.0, shift: Shift = CENTRED
) -> np.ndarray:
    """On: (1 - u^2 / sigma^2) exp(-u^2 / 2 sigma^2 - v^2 / 2 (aspect sigma)^2), a bright bar.

    The bar lies across `direction`. Off is its negative. Paper, Figures 1 and 12
    (Appendix A). Parameters and result as for `first_derivative`.
    """
    u, v = _axes(size, shift, direction)
    sigma = _per_kernel(sigma)
    return unit((1 - u**2 / sigma**2) * _gaussian(u, v, sigma, aspect))


def cross(size: int, sigma: Number, shift: Shift = CENTRED, ratio: Number = np.inf) -> np.ndarray:
    """On-cross: g(x) + g(y), g(t) = exp(-t^2 / 2 sigma^2). Off-cross is its negative.

    This is the sum of two orthogonal Gaussians of Appendix B (Figure 15: sigma 0.4 to 0.8
    on 7x7). We add the dark flanks that the arms of trained crosses often have: with a
    finite `ratio` q, exp(-t^2 / 2 (q sigma)^2) / q is subtracted from g. Parameters and
    result as for `difference_of_gaussians`.
    """
    ratio = _per_kernel(ratio)
    narrow = 2 * _per_kernel(sigma) ** 2
    arms = [
        np.exp(-(axis**2) / narrow) - np.exp(-(axis**2) / (narrow * ratio**2)) / ratio
        for axis in grid(size, shift)
    ]
    return unit(arms[0] + arms[1])


def square(size: int, width: Number, shift: Shift = CENTRED) -> np.ndarray:
    """On-square: 1 where abs(x) and abs(y) < width / 2, else 0. Off-square is its negative.

    Pixels on the border count by area; `width` is in pixels, at least 1. Paper, Section 5
    and Figure 9 (only 5x5, off centre). Other parameters and result as for
    `difference_of_gaussians`.
    """
    half = _per_kernel(width) / 2 + 0.5
    inside = [np.clip(half - np.abs(axis), 0, 1) for axis in grid(size, shift)]
    return unit(inside[0] * inside[1])


class Maker(NamedTuple):
    """How the kernels of a class are made: `sign` times what `function` returns."""

    function: Callable[..., np.ndarray]
    sign: int = 1
    direction: float | None = None  # of a first derivative, in radians


# In the order of tables and figures.
MAKERS = {
    "on_centre": Maker(difference_of_gaussians),
    "off_centre": Maker(difference_of_gaussians, -1),
    "on_cross": Maker(cross),
    "off_cross": Maker(cross, -1),
    **{f"first_derivative_{s}": Maker(first_derivative, 1, d) for s, d in DIRECTIONS.items()},
    "on_second_derivative": Maker(second_derivative),
    "off_second_derivative": Maker(second_derivative, -1),
    "on_square": Maker(square),
    "off_square": Maker(square, -1),
}


def _per_kernel(parameter: Number) -> np.ndarray:
    """Append two axes of length 1, so that parameters broadcast with kernels."""
    return np.asarray(parameter, dtype=np.float64)[..., np.newaxis, np.newaxis]


def _axes(size: int, shift: Shift, direction: Number) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates u along the direction and v across it."""
    x, y = grid(size, shift)
    cosine, sine = _per_kernel(np.cos(direction)), _per_kernel(np.sin(direction))
    return x * cosine + y * sine, y * cosine - x * sine


def _gaussian(u: np.ndarray, v: np.ndarray, sigma: np.ndarray, aspect: Number = 1.0) -> np.ndarray:
    return np.exp(-(u**2) / (2 * sigma**2) - v**2 / (2 * (_per_kernel(aspect) * sigma) ** 2))


def unit(kernel: np.ndarray) -> np.ndarray:
    """Centre kernels of shape (..., k, k) and divide them by their norms; zeros if constant."""
    peak = np.abs(kernel).max(axis=(-2, -1), keepdims=True)
    kernel = kernel - kernel.mean(axis=(-2, -1), keepdims=True)
    norm = np.sqrt((kernel**2).sum(axis=(-2, -1), keepdims=True))
    # what rounding leaves of a constant has no shape
    is_flat = norm <= 1e-12 * peak
    return np.where(is_flat, 0.0, kernel / np.where(is_flat, 1.0, norm))
