"""Where a fit of the family starts, and how far it may go: a coarse bank of each function."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np

from kernel_atlas.family import slopes
from kernel_atlas.family.functions import BOX, unit

RATIOS = (1.6, 3.0, np.inf)  # of centres and crosses

# Bounds of the fit, in pixels. Freedom has a price: it lets noise match (docs/limits.md).
MIN_SIGMA = 0.4  # narrower pairs of Gaussians change their sign between two pixels
MIN_SIGMA_DERIVATIVE = 0.5  # narrower ones are undersampled
MAX_SHIFT = 0.5  # a kernel of stride 2 has its middle there; a tenth of the size if that is more
ASPECTS = (0.7, 1.4)  # of first derivatives
ASPECTS_SECOND = (0.7, 2.0)
# A square in the middle is a wide centre, one of a pixel a narrow one (Section 5, Figure 9).
MIN_WIDTH = 2.5
SHIFT_SQUARE = (0.25, 1.0)

N_SCALES = 8  # to start from


Make = Callable[[int, np.ndarray, slopes.Ratio], slopes.Slopes]


class Axis(NamedTuple):
    """One parameter: the bounds of a fit, and where it may start."""

    low: float
    high: float
    starts: np.ndarray


class Branch(NamedTuple):
    """A function of the family with its negative: two classes, and where their fit starts."""

    classes: tuple[str, str]  # of the function, and of its negative
    make: Make
    ratio: float
    low: np.ndarray  # (p,)
    high: np.ndarray  # (p,)
    starts: np.ndarray  # (m, p), points as in `slopes`
    bank: np.ndarray  # (m, k*k), float32, centred and of unit norm


@lru_cache(maxsize=8)
def make_branches(size: int) -> tuple[Branch, ...]:
    """Make all branches that a k x k grid has. Only 5x5 has squares (Section 5)."""
    # 3x3 has no room: with shifts, eight numbers would be fitted by five
    reach = max(MAX_SHIFT, size / 10) if size > 3 else 0.0
    starts = np.linspace(-reach, reach, 5 if reach < 1 else 7)[1:-1]
    shift = Axis(-reach, reach, np.unique(starts))
    centre, cross, derivative = (
        _scales(low, high)
        for low, high in ((MIN_SIGMA, size), (MIN_SIGMA, size / 3), (MIN_SIGMA_DERIVATIVE, size))
    )
    square = _scales(MIN_WIDTH / BOX, size / BOX)
    aspect, aspect_of_second = (
        Axis(np.log(low), np.log(high), np.zeros(1)) for low, high in (ASPECTS, ASPECTS_SECOND)
    )
    around = Axis(-np.inf, np.inf, np.deg2rad(np.arange(0, 180, 22.5)))
    branches = []
    for ratio in RATIOS:
        for name, make, scale in (
            ("centre", slopes.slopes_of_centre, centre),
            ("cross", slopes.slopes_of_cross, cross),
        ):
            branches.append(
                _branch((f"on_{name}", f"off_{name}"), make, size, [scale, shift, shift], ratio)
            )
    for degrees, sides in ((0, ("right", "left")), (90, ("down", "up"))):
        low, *starts, high = np.deg2rad(degrees + np.array([-45, -30, 0, 30, 45]))
        direction = Axis(low, high, np.array(starts))
        axes = [derivative, shift, shift, direction, aspect]
        classes = (f"first_derivative_{sides[0]}", f"first_derivative_{sides[1]}")
        branches.append(_branch(classes, slopes.slopes_of_first, size, axes))
    axes = [derivative, shift, shift, around, aspect_of_second]
    classes = ("on_second_derivative", "off_second_derivative")
    branches.append(_branch(classes, slopes.slopes_of_second, size, axes))
    if size == 5:
        near, far = SHIFT_SQUARE
        corner = {1: Axis(near, far, np.array([0.5])), -1: Axis(-far, -near, np.array([-0.5]))}
        for x, y in product((1, -1), repeat=2):
            axes = [square, corner[x], corner[y]]
            branches.append(
                _branch(("on_square", "off_square"), slopes.slopes_of_square, size, axes)
            )
    return tuple(branch for branch in branches if len(branch.bank))


def _scales(low: float, high: float) -> Axis:
    return Axis(np.log(low), np.log(high), np.log(np.geomspace(low, high, N_SCALES + 2)[:-2]))


def _branch(
    classes: tuple[str, str],
    make: Make,
    size: int,
    axes: Sequence[Axis],
    ratio: float = np.nan,
) -> Branch:
    low, high, starts = zip(*axes, strict=True)
    points = np.stack(np.meshgrid(*starts, indexing="ij"), axis=-1).reshape(-1, len(axes))
    values, _ = make(size, points.T, ratio)
    bank = unit(values.T.reshape(-1, size, size)).reshape(-1, size**2)
    is_made = bank.any(axis=1)  # some are constant on 2x2
    return Branch(
        classes,
        make,
        ratio,
        np.array(low),
        np.array(high),
        points[is_made],
        bank[is_made].astype(np.float32),
    )
