"""The family's ruler: the nearest member of the DoG family to each kernel, over all classes."""

import numpy as np
import pandas as pd

from kernel_atlas import sphere
from kernel_atlas.family import functions, names
from kernel_atlas.family.branches import Branch, make_branches, unit
from kernel_atlas.family.functions import BOX

PARAMETERS = ("sigma", "ratio", "direction", "aspect", "shift_x", "shift_y")

# A second derivative bends to any shape that is symmetric about a line, so near ties go to
# the others: it is the member only if its residual times this is the smallest.
SECOND_FACTOR = 1.5
# Classes whose best start is among the nearest are fitted; no other comes near (test_fit.py).
N_FITTED = 3
# A ratio is fitted as well if its start is no farther behind the best of its class.
START_MARGIN = 0.02

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
        - `sigma`, float32: its scale in pixels, from 0.4 (derivatives: 0.5) to k (crosses: to
          k / 3). For squares it is width / sqrt(12), a box's standard deviation.
        - `ratio`, float32: 1.6, 3 or infinite for centres and crosses, else NaN.
        - `direction`, float32: in degrees from x (right) towards y (down), in (-180, 180]
          for first derivatives and [0, 180) for second ones, else NaN.
        - `aspect`, float32: 0.7 to 1.4 for first derivatives, 0.7 to 2 for second ones, else NaN.
        - `shift_x`, `shift_y`, float32: in pixels, to the right and down.
        - `residual`, float32: dissimilarity of kernel and member, 0 to 2.
        - `lead`, float32: the smallest residual of the other classes that were fitted, less
          `residual`; near 0 (or below) where the grid hardly tells the two apart.
    """
    live = ~sphere.find_dead(kernels)
    member = np.full(len(kernels), -1)
    numbers = np.full((len(kernels), len(PARAMETERS) + 2), np.nan)
    if live.any():
        targets, _ = unit(sphere.flatten(kernels[live]))
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


def _fit(targets: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Fit rows of centred pixels of unit norm: the classes' numbers, and the other columns."""
    branches = make_branches(size)
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


def _refine(
    targets: np.ndarray, branch: Branch, start: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Refine each row by Levenberg-Marquardt on the unit sphere: points and residuals.

    |target - member|^2 is twice the residual. Steps that would raise it are not taken.
    """
    low, high = branch.low, branch.high
    points = branch.starts[start]
    values, slope = branch.make(size, points, branch.ratio)
    members, norms = unit(values)
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
        members, norms = unit(values)
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
