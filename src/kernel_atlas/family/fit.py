"""The family's ruler: the nearest member of the DoG family to each kernel, over all classes."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd

from kernel_atlas import sphere
from kernel_atlas.family import functions, names, slopes
from kernel_atlas.family.functions import BOX

PARAMETERS = ("sigma", "ratio", "direction", "aspect", "shift_x", "shift_y")
RATIOS = (1.6, 3.0, np.inf)  # of centres and crosses

# A second derivative bends to any shape that is symmetric about a line, so near ties go to
# the others: it is the member only if its residual times this is the smallest.
SECOND_FACTOR = 1.5
# Classes whose best start is among the nearest are fitted; no other comes near (test_fit.py).
N_FITTED = 3
# A ratio is fitted as well if its start is no farther behind the best of its class.
START_MARGIN = 0.02

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
N_STEPS = 20
SETTLED = 1e-6  # a residual that changes by less is final
BATCH_PIXELS = 200_000


def fit_members(kernels: np.ndarray) -> pd.DataFrame:
    """Find the nearest member of the DoG family to each live kernel, over all classes.

    The best members of a bank are where the fit starts, which refines them by damped
    Gauss-Newton steps; the smallest residual decides, by a stated rule of near ties
    (docs/method.md). Nothing is trained: the result depends on the kernel alone.

    Parameters
    ----------
    kernels : ndarray of shape (n, k, k)

    Returns
    -------
    DataFrame
        n rows, in order; all missing for dead kernels.

        - `member`, categorical: class of the member.
        - `sigma`, float32: its scale in pixels, from 0.3 to k (crosses: to k / 3). For
          squares it is width / sqrt(12), a box's standard deviation.
        - `ratio`, float32: 1.6, 3 or infinite for centres and crosses, else NaN.
        - `direction`, float32: in degrees from x (right) towards y (down), in (-180, 180]
          for first derivatives and [0, 180) for second ones, else NaN.
        - `aspect`, float32: 1/3 to 3 for derivatives, else NaN.
        - `shift_x`, `shift_y`, float32: in pixels, to the right and down.
        - `residual`, float32: dissimilarity of kernel and member, 0 to 2.
        - `lead`, float32: the residual of the best member of any other class, less
          `residual`; near 0 (or below) where the grid hardly tells the two apart.
    """
    live = ~sphere.find_dead(kernels)
    member = np.full(len(kernels), -1)
    numbers = np.full((len(kernels), len(PARAMETERS) + 2), np.nan)
    if live.any():
        targets = sphere.flatten(kernels[live])
        targets -= targets.mean(axis=1, keepdims=True)
        targets /= np.linalg.norm(targets, axis=1, keepdims=True)
        size = kernels.shape[-1]
        batch = BATCH_PIXELS // size**2
        parts = [
            _fit(targets[start : start + batch], size) for start in range(0, len(targets), batch)
        ]
        member[live], numbers[live] = (np.concatenate(part) for part in zip(*parts, strict=True))
    columns = [*PARAMETERS, "residual", "lead"]
    table = pd.DataFrame(numbers.astype(np.float32), columns=columns)
    table.insert(0, "member", pd.Categorical.from_codes(member, list(names.CLASSES)))
    return table


def make_members(members: pd.DataFrame, size: int) -> np.ndarray:
    """Make the kernels that rows of `fit_members` describe.

    Returns
    -------
    ndarray of shape (n, k, k), float64
        Centred, of unit norm; NaN for rows without a member.
    """
    kernels = np.full((len(members), size, size), np.nan)
    for name, rows in members.groupby("member", observed=True).indices.items():
        maker = functions.MAKERS[name]
        of_class = members.iloc[rows].astype(dict.fromkeys(PARAMETERS, float))
        sigma, shift = of_class["sigma"].to_numpy(), of_class[["shift_x", "shift_y"]].to_numpy().T
        if maker.function is functions.square:
            made = functions.square(size, BOX * sigma, shift=tuple(shift))
        elif maker.function in (functions.difference_of_gaussians, functions.cross):
            ratio = of_class["ratio"].to_numpy()
            made = maker.function(size, sigma, ratio=ratio, shift=tuple(shift))
        else:
            direction = np.deg2rad(of_class["direction"].to_numpy())
            aspect = of_class["aspect"].to_numpy()
            made = maker.function(size, sigma, direction, aspect=aspect, shift=tuple(shift))
        kernels[rows] = maker.sign * made
    return kernels


class _Axis(NamedTuple):
    """One parameter: the bounds of a fit, and where it may start."""

    low: float
    high: float
    starts: np.ndarray


class _Branch(NamedTuple):
    """A function of the family with its negative: two classes, and where their fit starts."""

    classes: tuple[str, str]  # of the function, and of its negative
    make: Callable[[int, np.ndarray, float], slopes.Slopes]
    ratio: float
    low: np.ndarray  # (p,)
    high: np.ndarray  # (p,)
    starts: np.ndarray  # (m, p), points as in `slopes`
    bank: np.ndarray  # (m, k*k), centred and of unit norm


@lru_cache(maxsize=8)
def _branches(size: int) -> tuple[_Branch, ...]:
    """All branches that a grid of this size has. Only 5x5 has squares (Section 5)."""
    reach = max(MAX_SHIFT, size / 10)
    shift = _Axis(-reach, reach, np.linspace(-reach, reach, 5 if reach < 1 else 7)[1:-1])
    centre, cross, derivative = (
        _scales(low, high)
        for low, high in ((MIN_SIGMA, size), (MIN_SIGMA, size / 3), (MIN_SIGMA_DERIVATIVE, size))
    )
    square = _scales(MIN_WIDTH / BOX, size / BOX)
    aspect, aspect_of_second = (
        _Axis(np.log(low), np.log(high), np.zeros(1)) for low, high in (ASPECTS, ASPECTS_SECOND)
    )
    around = _Axis(-np.inf, np.inf, np.deg2rad(np.arange(0, 180, 22.5)))
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
        direction = _Axis(low, high, np.array(starts))
        axes = [derivative, shift, shift, direction, aspect]
        classes = (f"first_derivative_{sides[0]}", f"first_derivative_{sides[1]}")
        branches.append(_branch(classes, slopes.slopes_of_first, size, axes))
    axes = [derivative, shift, shift, around, aspect_of_second]
    classes = ("on_second_derivative", "off_second_derivative")
    branches.append(_branch(classes, slopes.slopes_of_second, size, axes))
    if size == 5:
        near, far = SHIFT_SQUARE
        corner = {1: _Axis(near, far, np.array([0.5])), -1: _Axis(-far, -near, np.array([-0.5]))}
        for x, y in product((1, -1), repeat=2):
            axes = [square, corner[x], corner[y]]
            branches.append(
                _branch(("on_square", "off_square"), slopes.slopes_of_square, size, axes)
            )
    return tuple(branches)


def _scales(low: float, high: float) -> _Axis:
    return _Axis(np.log(low), np.log(high), np.log(np.geomspace(low, high, N_SCALES + 2)[:-2]))


def _branch(
    classes: tuple[str, str],
    make: Callable[[int, np.ndarray, float], slopes.Slopes],
    size: int,
    axes: Sequence[_Axis],
    ratio: float = np.nan,
) -> _Branch:
    low, high, starts = zip(*axes, strict=True)
    points = np.stack(np.meshgrid(*starts, indexing="ij"), axis=-1).reshape(-1, len(axes))
    bank = _unit(make(size, points, ratio)[0])[0]
    is_made = np.isfinite(bank).all(axis=1)  # some are constant on 2x2
    return _Branch(
        classes, make, ratio, np.array(low), np.array(high), points[is_made], bank[is_made]
    )


def _fit(targets: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Fit rows of centred pixels of unit norm: the classes' numbers, and the other columns."""
    branches = _branches(size)
    # one column for each branch and sign
    columns = [(branch, sign) for branch in branches for sign in (0, 1)]
    classes = [names.CLASSES.index(branch.classes[sign]) for branch, sign in columns]
    start = np.empty((len(targets), len(columns)), int)
    distance = np.empty(start.shape)
    for number, branch in enumerate(branches):
        cosine = targets @ branch.bank.T
        for sign, nearest in enumerate((cosine.argmax(axis=1), cosine.argmin(axis=1))):
            column = 2 * number + sign
            start[:, column] = nearest
            own = np.take_along_axis(cosine, nearest[:, np.newaxis], axis=1)[:, 0]
            distance[:, column] = 1 - (-1) ** sign * own
    by_class = _least(distance, classes)
    limit = np.partition(by_class, N_FITTED - 1, axis=1)[:, N_FITTED - 1 : N_FITTED]
    is_fitted = distance <= np.minimum(limit, by_class[:, classes] + START_MARGIN)

    residual = np.full(start.shape, np.inf)
    points = np.full((*start.shape, 5), np.nan)
    for column, (branch, sign) in enumerate(columns):
        rows = np.flatnonzero(is_fitted[:, column])
        if len(rows):
            fitted, residual[rows, column] = _refine(
                (-1) ** sign * targets[rows], branch, start[rows, column], size
            )
            points[rows, column, : fitted.shape[1]] = fitted

    by_class = _least(residual, classes)
    factors = np.array([SECOND_FACTOR if "second" in name else 1.0 for name in names.CLASSES])
    member = (by_class * factors).argmin(axis=1)
    every = np.arange(len(targets))
    own = by_class[every, member]
    by_class[every, member] = np.inf
    lead = by_class.min(axis=1) - own
    column = np.where(np.array(classes) == member[:, np.newaxis], residual, np.inf).argmin(axis=1)
    ratio = np.array([branch.ratio for branch, _ in columns])[column]
    is_turned = np.array([sign == 1 for _, sign in columns])[column]
    values = _describe(points[every, column], ratio, member, is_turned)
    return member, np.column_stack([values, own, lead])


def _least(values: np.ndarray, classes: list[int]) -> np.ndarray:
    """The least value of each class, shape (n, n_classes), of columns of these classes."""
    least = np.full((len(values), len(names.CLASSES)), np.inf)
    for column, number in enumerate(classes):
        np.minimum(least[:, number], values[:, column], out=least[:, number])
    return least


def _describe(
    points: np.ndarray, ratio: np.ndarray, member: np.ndarray, is_turned: np.ndarray
) -> np.ndarray:
    """Turn points into `PARAMETERS`, shape (n, 6)."""
    # rounded, so that float32 stays within the bounds
    degrees = np.round(np.rad2deg(points[:, 3]), 3)
    is_first = np.char.startswith(np.array(names.CLASSES)[member], "first")
    # the negative of a first derivative is one that points the other way
    degrees = np.where(is_first, 180 - (180 - degrees - 180 * is_turned) % 360, degrees % 180)
    return np.column_stack(
        [np.exp(points[:, 0]), ratio, degrees, np.exp(points[:, 4]), points[:, 1], points[:, 2]]
    )


def _unit(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows centred and divided by their norms, and these norms; NaN where a row is constant."""
    values = values - values.mean(axis=1, keepdims=True)
    norms = np.sqrt(np.einsum("ni,ni->n", values, values))[:, np.newaxis]
    norms[norms < 1e-12] = np.nan
    return values / norms, norms


def _refine(
    targets: np.ndarray, branch: _Branch, start: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Refine each row by Levenberg-Marquardt on the unit sphere: points and residuals.

    |target - member|^2 is twice the residual. Steps that would raise it are not taken.
    """
    low, high = branch.low, branch.high
    points = branch.starts[start]
    values, slope = branch.make(size, points, branch.ratio)
    members, norms = _unit(values)
    slope = _tangent(slope, members, norms)
    residual = 1 - np.einsum("ni,ni->n", targets, members)
    damping = np.full(len(points), 1e-2)
    rows = np.arange(len(points))  # still moving; `here` to `slope` are theirs
    here, target, left = points.copy(), targets, residual.copy()
    for _ in range(N_STEPS):
        gradient = (slope @ target[..., np.newaxis])[..., 0]
        # a parameter at its bound stays there if the step would leave it
        is_held = ((here <= low) & (gradient < 0)) | ((here >= high) & (gradient > 0))
        slope[is_held] = 0
        gradient[is_held] = 0
        normal = slope @ slope.swapaxes(1, 2)
        normal += damping[:, np.newaxis, np.newaxis] * np.eye(len(low))
        step = np.linalg.solve(normal, gradient[..., np.newaxis])[..., 0]
        there = np.clip(here + step, low, high)
        values, new_slope = branch.make(size, there, branch.ratio)
        members, norms = _unit(values)
        fall = left - 1 + np.einsum("ni,ni->n", target, members)
        is_lower = fall > 0
        here[is_lower] = there[is_lower]
        left = np.where(is_lower, left - fall, left)
        points[rows], residual[rows] = here, left
        slope[is_lower] = _tangent(new_slope[is_lower], members[is_lower], norms[is_lower])
        damping *= np.where(is_lower, 0.3, 3.0)
        goes_on = np.abs(fall) > SETTLED
        if not goes_on.any():
            break
        rows, here, target, left = rows[goes_on], here[goes_on], target[goes_on], left[goes_on]
        slope, damping = slope[goes_on], damping[goes_on]
    return points, np.maximum(residual, 0)


def _tangent(slope: np.ndarray, members: np.ndarray, norms: np.ndarray) -> np.ndarray:
    """Slopes of centred unit kernels, from those of the values they are made of."""
    slope -= slope.mean(axis=2, keepdims=True)
    slope -= (slope @ members[..., np.newaxis]) * members[:, np.newaxis]
    slope /= norms[..., np.newaxis]
    return slope
