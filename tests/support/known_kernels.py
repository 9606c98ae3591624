"""Kernels whose class is known, made without `kernel_atlas.family`.

Centres and derivatives are the true derivatives of a difference of two Gaussians of unit
volume, crosses two crossing bars of finite length, squares boxes measured on a finer grid.
"""

import numpy as np

TILT = np.deg2rad(20)
SHIFT = 0.4  # pixels
DIRECTIONS = {"right": 0, "down": 90, "left": 180, "up": 270}
CLASSES = (
    *("on_centre", "off_centre", "on_cross", "off_cross"),
    *(f"first_derivative_{side}" for side in DIRECTIONS),
    *("on_second_derivative", "off_second_derivative"),
)
SQUARES = ("on_square", "off_square")  # of 5x5


def draw_known_kernels(
    size: int, n: int, noise: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw `n` kernels of each class, shape (m, k, k) float32, and their classes, shape (m,).

    White noise of `noise` times the kernel's norm is added, then a random gain and offset.
    """
    names = CLASSES + SQUARES if size == 5 else CLASSES
    clean = np.concatenate([_draw(name, size, n, rng) for name in names])
    clean -= clean.mean(axis=(1, 2), keepdims=True)
    clean /= np.linalg.norm(clean, axis=(1, 2), keepdims=True)
    dirt = rng.normal(size=clean.shape)
    dirt *= noise / np.linalg.norm(dirt, axis=(1, 2), keepdims=True)
    gain = np.exp(rng.normal(size=(len(clean), 1, 1)))
    offset = rng.normal(size=(len(clean), 1, 1))
    return (gain * (clean + dirt) + offset).astype(np.float32), np.repeat(names, n)


def _draw(name: str, size: int, n: int, rng: np.random.Generator) -> np.ndarray:
    sign = -1 if name.startswith("off") else 1
    shift = rng.uniform(-SHIFT, SHIFT, (2, n, 1, 1))
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    x, y = x - shift[0], y - shift[1]
    ratio = rng.uniform(1.3, 4, (n, 1, 1))
    aspect = rng.uniform(0.7, 2 if "second" in name else 1.4, (n, 1, 1))
    if "centre" in name:
        scale = size / 5 * rng.uniform(0.35, 1, (n, 1, 1))
        return sign * _derive(0, x, y, scale, ratio, np.ones_like(aspect))
    if "derivative" in name:
        degrees = DIRECTIONS.get(name.rpartition("_")[2], 0)
        if "second" in name:
            degrees = rng.choice([0, 90], (n, 1, 1))
        angle = np.deg2rad(degrees) + rng.uniform(-TILT, TILT, (n, 1, 1))
        along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        scale = size / 5 * rng.uniform(0.55, 1.3, (n, 1, 1))
        return sign * _derive(2 if "second" in name else 1, along, across, scale, ratio, aspect)
    if "cross" in name:
        width, length = rng.uniform(0.4, 0.8, (n, 1, 1)), size * rng.uniform(0.6, 1.5, (n, 1, 1))
        bars = [np.exp(-((u / width) ** 2 + (v / length) ** 2) / 2) for u, v in ((x, y), (y, x))]
        return sign * sum(bars)
    corner = rng.choice([-0.5, 0.5], (2, n, 1, 1)) + rng.uniform(-0.2, 0.2, (2, n, 1, 1))
    half = rng.uniform(2.6, 4.2, (n, 1, 1)) / 2
    fine = (np.arange(20 * size) + 0.5) / 20 - size / 2
    row, column = (np.abs(fine - middle) < half for middle in (corner[0], corner[1]))
    box = row.swapaxes(1, 2) & column
    return sign * box.reshape(n, size, 20, size, 20).mean(axis=(2, 4))


def _derive(order, along, across, scale, ratio, aspect):
    """(-1)^order d^order/du^order of a difference of Gaussians; negated for order 2."""
    total = 0
    for sign, s in ((1, scale), (-1, ratio * scale)):
        gauss = np.exp(-((along / s) ** 2 + (across / (aspect * s)) ** 2) / 2) / s**2
        polynomial = {0: 1, 1: along / s**2, 2: 1 / s**2 - along**2 / s**4}[order]
        total = total + sign * polynomial * gauss
    return total
