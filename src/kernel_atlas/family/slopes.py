"""The functions of the DoG family with their slopes: what a fit by Gauss-Newton steps needs.

Each function takes the size of the grid, points of shape (n, p), one row of parameters per
kernel, and the ratio of the two Gaussians where it has one. It returns values of shape
(n, k*k), neither centred nor of unit norm, and their slopes of shape (n, p, k*k): the same
kernels as in `functions`, up to offset and gain. The parameters are log sigma, shift x and
shift y; derivatives also have the direction in radians and log aspect.

In units of its scale, each function is f(U, V) with U along its direction and V across it.
Gain does not count, so its slope by log sigma is -(U df/dU + V df/dV).
"""

import numpy as np

from kernel_atlas.family.functions import BOX, grid

Slopes = tuple[np.ndarray, np.ndarray]


def slopes_of_centre(size: int, points: np.ndarray, ratio: float) -> Slopes:
    """Of `functions.difference_of_gaussians`, p = 3."""
    x, y, sigma = _scaled(size, points)
    squared = x**2 + y**2
    narrow, wide = _pair(squared, ratio)
    fall = narrow - wide / ratio**2  # df/dx = -x fall
    return narrow - wide, np.stack([squared * fall, x * fall / sigma, y * fall / sigma], axis=1)


def slopes_of_cross(size: int, points: np.ndarray, ratio: float) -> Slopes:
    """Of `functions.cross`, p = 3."""
    x, y, sigma = _scaled(size, points)
    arms, slopes = [], []
    for axis in (x, y):
        narrow, wide = np.exp(-(axis**2) / 2), np.exp(-((axis / ratio) ** 2) / 2) / ratio
        arms.append(narrow - wide)
        slopes.append(axis * (narrow - wide / ratio**2))
    by_sigma = x * slopes[0] + y * slopes[1]
    slopes_of_both = np.stack([by_sigma, slopes[0] / sigma, slopes[1] / sigma], axis=1)
    return arms[0] + arms[1], slopes_of_both


def slopes_of_first(size: int, points: np.ndarray, _: float) -> Slopes:
    """Of `functions.first_derivative`, p = 5: f = U E, E = exp(-(U^2 + V^2) / 2)."""
    u, v, axes = _turned(size, points)
    bell = np.exp(-(u**2 + v**2) / 2)
    values = u * bell
    return values, _chain(u, v, (1 - u**2) * bell, -v * values, *axes)


def slopes_of_second(size: int, points: np.ndarray, _: float) -> Slopes:
    """Of `functions.second_derivative`, p = 5: f = (1 - U^2) E."""
    u, v, axes = _turned(size, points)
    bell = np.exp(-(u**2 + v**2) / 2)
    values = (1 - u**2) * bell
    return values, _chain(u, v, (u**2 - 3) * u * bell, -v * values, *axes)


def slopes_of_square(size: int, points: np.ndarray, _: float) -> Slopes:
    """Of `functions.square`, p = 3; sigma is its width over that of a box of sigma 1."""
    x, y, sigma = _scaled(size, points)
    half = BOX * sigma / 2
    inside, by_sigma, by_shift = [], [], []
    for axis in (x * sigma, y * sigma):
        depth = half + 0.5 - np.abs(axis)
        is_edge = (depth > 0) & (depth < 1)
        inside.append(np.clip(depth, 0, 1))
        by_sigma.append(is_edge * half)
        by_shift.append(is_edge * np.sign(axis))
    slopes = [
        by_sigma[0] * inside[1] + inside[0] * by_sigma[1],
        by_shift[0] * inside[1],
        inside[0] * by_shift[1],
    ]
    return inside[0] * inside[1], np.stack(slopes, axis=1)


def _scaled(size: int, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coordinates from the middle of each kernel over its sigma, shape (n, k*k), and sigma."""
    x, y = (axis.ravel() for axis in grid(size))
    sigma, shift_x, shift_y = np.exp(points[:, :1]), points[:, 1:2], points[:, 2:3]
    return (x - shift_x) / sigma, (y - shift_y) / sigma, sigma


def _pair(squared: np.ndarray, ratio: float) -> tuple[np.ndarray, np.ndarray]:
    return np.exp(-squared / 2), np.exp(-squared / (2 * ratio**2)) / ratio**2


def _turned(size: int, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple]:
    """U and V, shape (n, k*k), and what `_chain` needs of the axes."""
    x, y, sigma = _scaled(size, points)
    cosine, sine = np.cos(points[:, 3:4]), np.sin(points[:, 3:4])
    aspect = np.exp(points[:, 4:5])
    return x * cosine + y * sine, (y * cosine - x * sine) / aspect, (cosine, sine, aspect, sigma)


def _chain(
    u: np.ndarray,
    v: np.ndarray,
    by_u: np.ndarray,
    by_v: np.ndarray,
    cosine: np.ndarray,
    sine: np.ndarray,
    aspect: np.ndarray,
    sigma: np.ndarray,
) -> np.ndarray:
    """Slopes by the five parameters, from those by U and V."""
    stretch = -v * by_v
    across = by_v / aspect
    slopes = np.empty((len(u), 5, u.shape[1]))
    slopes[:, 0] = stretch - u * by_u
    slopes[:, 1] = (across * sine - by_u * cosine) / sigma
    slopes[:, 2] = -(by_u * sine + across * cosine) / sigma
    slopes[:, 3] = by_u * v * aspect - across * u
    slopes[:, 4] = stretch
    return slopes
