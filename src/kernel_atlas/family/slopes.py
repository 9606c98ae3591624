"""The functions of the DoG family with their slopes: what a fit by Gauss-Newton steps needs.

Each function takes the size of the grid, points of shape (p, n), one column of parameters
per kernel, and the ratio of the two Gaussians where it has one: a number or shape (n,). It
returns values of shape (k*k, n), neither centred nor of unit norm, and their slopes of shape
(p, k*k, n): the same kernels as in `functions`, up to offset and gain. The parameters are log
sigma, shift x and shift y; derivatives also have the direction in radians and log aspect.
Kernels come last because numpy is fast along the last axis, and there are many of them.

In units of its scale, each function is f(U, V) with U along its direction and V across it.
Gain does not count, so its slope by log sigma is -(U df/dU + V df/dV).
"""

import numpy as np

from kernel_atlas.family.functions import BOX

Slopes = tuple[np.ndarray, np.ndarray]
Ratio = float | np.ndarray


def slopes_of_centre(size: int, points: np.ndarray, ratio: Ratio) -> Slopes:
    """Of `functions.difference_of_gaussians`, p = 3."""
    x, y, sigma = _scaled(size, points)
    squares = x * x, y * y
    narrow, wide = (
        np.exp(squares[0] / gain) * np.exp(squares[1] / gain) for gain in (-2, -2 * ratio**2)
    )
    wide /= ratio**2
    fall = narrow - wide / ratio**2  # df/dx = -x fall
    slopes = np.empty((3, *fall.shape), fall.dtype)
    np.multiply(squares[0] + squares[1], fall, out=slopes[0])
    fall /= sigma
    np.multiply(x, fall, out=slopes[1])
    np.multiply(y, fall, out=slopes[2])
    narrow -= wide
    return _flat(narrow), _flat(slopes)


def slopes_of_cross(size: int, points: np.ndarray, ratio: Ratio) -> Slopes:
    """Of `functions.cross`, p = 3."""
    x, y, sigma = _scaled(size, points)
    arms, falls = [], []
    for axis in (x, y):
        squared = axis * axis
        narrow, wide = np.exp(squared / -2), np.exp(squared / (-2 * ratio**2)) / ratio
        arms.append(narrow - wide)
        falls.append(axis * (narrow - wide / ratio**2))
    values = arms[0] + arms[1]
    slopes = np.empty((3, *values.shape), values.dtype)
    np.add(x * falls[0], y * falls[1], out=slopes[0])
    slopes[1] = falls[0] / sigma
    slopes[2] = falls[1] / sigma
    return _flat(values), _flat(slopes)


def slopes_of_first(size: int, points: np.ndarray, _: Ratio) -> Slopes:
    """Of `functions.first_derivative`, p = 5: f = U E, E = exp(-(U^2 + V^2) / 2)."""
    u, v, axes = _turned(size, points)
    bell = np.exp((u * u + v * v) / -2)
    values = u * bell
    return _flat(values), _chain(u, v, bell - u * values, -v * values, *axes)


def slopes_of_second(size: int, points: np.ndarray, _: Ratio) -> Slopes:
    """Of `functions.second_derivative`, p = 5: f = (1 - U^2) E."""
    u, v, axes = _turned(size, points)
    bell = np.exp((u * u + v * v) / -2)
    values = bell - u * u * bell
    return _flat(values), _chain(u, v, -u * (values + 2 * bell), -v * values, *axes)


def slopes_of_square(size: int, points: np.ndarray, _: Ratio) -> Slopes:
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
    return _flat(inside[0] * inside[1]), _flat(np.stack(slopes))


def _flat(grids: np.ndarray) -> np.ndarray:
    """Kernels of shape (..., k, k, n) as (..., k*k, n)."""
    *others, height, width, n = grids.shape
    return grids.reshape(*others, height * width, n)


def _scaled(size: int, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coordinates from the middle of each kernel over its sigma, and sigma.

    x has the shape (1, k, n), y (k, 1, n): what depends on one of them is made k times only.
    """
    places = np.arange(size, dtype=points.dtype)[:, np.newaxis] - (size - 1) / 2
    sigma = np.exp(points[0])
    x, y = ((places - shift) / sigma for shift in points[1:3])
    return x[np.newaxis], y[:, np.newaxis], sigma


def _turned(size: int, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple]:
    """U and V, shape (k, k, n), and what `_chain` needs of the axes."""
    x, y, sigma = _scaled(size, points)
    cosine, sine, aspect = np.cos(points[3]), np.sin(points[3]), np.exp(points[4])
    u, v = x * cosine + y * sine, y * (cosine / aspect) - x * (sine / aspect)
    return u, v, (cosine, sine, aspect, sigma)


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
    slopes = np.empty((5, *u.shape), u.dtype)
    slopes[0] = stretch - u * by_u
    slopes[1] = across * (sine / sigma) - by_u * (cosine / sigma)
    slopes[2] = across * (-cosine / sigma) - by_u * (sine / sigma)
    slopes[3] = by_u * v * aspect - across * u
    slopes[4] = stretch
    return _flat(slopes)
