"""Idealised models of the master keys: differences of discrete Gaussians.

T. Lindeberg, Z. Babaiee, P. M. Kiasari, JMIV 68, 2026 (arXiv:2509.12746), their method B.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from kernel_atlas.family.functions import unit

BORDER = 1  # pixels around the grid that difference operators reach
_FREQUENCIES = 2 * np.pi * np.arange(1024) / 1024


def discrete_gaussian(n_pixels: int, sigma: float) -> np.ndarray:
    """The discrete analogue of a Gaussian, exp(-s^2) I_n(s^2) at whole n around the middle.

    I_n is the modified Bessel function of order n. On the infinite grid its sum is 1, its
    variance exactly sigma^2, and its Fourier transform exp(s^2 (cos(w) - 1)).

    Parameters
    ----------
    n_pixels : int
        Odd.
    sigma : float
        In pixels.

    Returns
    -------
    ndarray of shape (n_pixels,), float64
    """
    half = n_pixels // 2
    # back from the transform, since scipy's Bessel functions take longer to import than a
    # small model takes to measure
    transform = np.exp(sigma**2 * (np.cos(_FREQUENCIES) - 1))
    waves = np.cos(np.outer(np.arange(-half, half + 1), _FREQUENCIES))
    return waves @ transform / len(_FREQUENCIES)


def shift(image: np.ndarray, x: int, y: int) -> np.ndarray:
    """The image f(x + `x`, y + `y`). What leaves it at one side comes back at the other."""
    return np.roll(image, (-y, -x), axis=(0, 1))


def _forward(image: np.ndarray, x: int, y: int) -> np.ndarray:
    return shift(image, x, y) - image


def _backward(image: np.ndarray, x: int, y: int) -> np.ndarray:
    return image - shift(image, -x, -y)


def _central(image: np.ndarray, x: int, y: int) -> np.ndarray:
    return (shift(image, x, y) - shift(image, -x, -y)) / 2


def _laplacian(image: np.ndarray) -> np.ndarray:
    """The five-point Laplacian."""
    return sum(shift(image, x, y) for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1))) - 4 * image


class Model(NamedTuple):
    """A model: what is done to the discrete Gaussian of these scales (pixels)."""

    operate: Callable[[np.ndarray], np.ndarray]
    sigma_x: float
    sigma_y: float


MODELS = (  # of keys 1 to 8
    Model(lambda image: -_backward(image, 0, 1), 0.644, 0.583),
    Model(lambda image: -_backward(image, 1, 0), 0.586, 0.644),
    Model(lambda image: _forward(image, 0, 1), 0.690, 0.674),
    Model(lambda image: _forward(image, 1, 0), 0.756, 0.460),
    Model(lambda image: _central(image, 1, 0), 1.107, 0.945),
    Model(lambda image: -_central(image, 0, 1), 0.900, 0.889),
    Model(lambda image: image - 0.5 * _laplacian(image), 0.675, 0.675),
    Model(lambda image: image, 0.609, 0.601),
)


def make_key_models(size: int) -> np.ndarray:
    """The models of the eight master keys on a grid of any odd size.

    Returns
    -------
    ndarray of shape (8, k, k), float64
        Centred, of unit norm; the operators are applied before the grid is cut to its size.
    """
    n_pixels = size + 2 * BORDER
    inner = slice(BORDER, BORDER + size)
    made = [
        model.operate(
            np.outer(
                discrete_gaussian(n_pixels, model.sigma_y),
                discrete_gaussian(n_pixels, model.sigma_x),
            )
        )[inner, inner]
        for model in MODELS
    ]
    return unit(np.array(made))
