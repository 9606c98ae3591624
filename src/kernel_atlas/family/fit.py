"""The nearest member of the DoG family to each kernel: its scale, direction and distance."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from kernel_atlas import sphere
from kernel_atlas.family import functions, names
from kernel_atlas.family.names import DEAD, OTHER
from kernel_atlas.family.templates import make_templates

PARAMETERS = ("sigma", "ratio", "direction", "aspect", "shift_x", "shift_y")
RATIOS = (1.6, 3.0, np.inf)  # of centres and crosses
WITH_RATIO = (functions.difference_of_gaussians, functions.cross)
BOX = np.sqrt(12)  # a box's width over its standard deviation

# bounds of the fit, in pixels
MIN_SIGMA = 0.3  # every narrower centre is one pixel
MAX_SHIFT = 1.5
ASPECTS = (1 / 3, 3.0)

N_STEPS = 25
STEP = 1e-6  # of finite differences
SETTLED = 1e-9  # a residual that changes by less is final
BATCH_PIXELS = 50_000  # fits into a processor's cache


def fit_members(kernels: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Find the nearest member of the DoG family to each clustered kernel.

    A kernel of a class of the family is fitted by members of that class only (those of a
    first derivative point within 45 degrees of its axis). A kernel of a user's own class is
    fitted by all classes that `make_templates` has for the size. The fit starts from a grid
    of parameters and is refined by damped Gauss-Newton steps.

    Parameters
    ----------
    kernels : ndarray of shape (n, k, k)
        Dead ones are labelled `dead`.
    labels : ndarray of shape (n,), str

    Returns
    -------
    DataFrame
        n rows, in order; all missing where the label is `other` or `dead`.

        - `member`, categorical: class of the member.
        - `sigma`, float32: its scale in pixels, from 0.3 to k (crosses: to k / 3). For
          squares of width 1 to k it is width / sqrt(12), a box's standard deviation.
        - `ratio`, float32: 1.6, 3 or infinite for centres and crosses, else NaN.
        - `direction`, float32: in degrees from x (right) towards y (down), in (-180, 180]
          for first derivatives and [0, 180) for second ones, else NaN.
        - `aspect`, float32: 1/3 to 3 for derivatives, else NaN.
        - `shift_x`, `shift_y`, float32: in pixels, to the right and down.
        - `residual`, float32: dissimilarity of kernel and member, 0 to 2.
    """
    size = kernels.shape[-1]
    labels = np.asarray(labels, dtype=object)
    is_own = ~np.isin(labels, [*names.CLASSES, OTHER, DEAD])
    of_size = {name for name, _ in make_templates(size)}
    member = np.full(len(labels), -1)
    found = np.full((len(labels), len(PARAMETERS)), np.nan)
    residual = np.full(len(labels), np.inf)
    for code, (name, maker) in enumerate(functions.MAKERS.items()):
        rows = np.flatnonzero((labels == name) | (is_own & (name in of_size)))
        if not len(rows):
            continue
        for ratio in RATIOS if maker.function in WITH_RATIO else (np.nan,):
            fitted, distance = _fit_class(kernels[rows], maker, ratio)
            is_nearer = distance < residual[rows]
            nearer = rows[is_nearer]
            member[nearer], found[nearer] = code, fitted[is_nearer]
            residual[nearer] = distance[is_nearer]
    table = pd.DataFrame(found.astype(np.float32), columns=list(PARAMETERS))
    table.insert(0, "member", pd.Categorical.from_codes(member, list(names.CLASSES)))
    table["residual"] = np.where(member < 0, np.nan, residual).astype(np.float32)
    return table


def make_members(members: pd.DataFrame, size: int) -> np.ndarray:
    """Make the kernels that rows of `fit_members` describe.

    Returns
    -------
    ndarray of shape (n, k, k), float64
        Centred, of unit norm; NaN for rows without a member.
    """
    kernels = np.full((len(members), size, size), np.nan)
    sigma, ratio, direction, aspect, shift_x, shift_y = (
        members[name].to_numpy(np.float64) for name in PARAMETERS
    )
    points = np.stack(
        [np.log(sigma), shift_x, shift_y, np.deg2rad(direction), np.log(aspect)], axis=1
    )
    for name, rows in members.groupby("member", observed=True).indices.items():
        maker = functions.MAKERS[name]
        made = _make(maker.function, size, ratio[rows], points[rows])
        kernels[rows] = maker.sign * made.reshape(-1, size, size)
    return kernels


def _fit_class(
    kernels: np.ndarray, maker: functions.Maker, ratio: float
) -> tuple[np.ndarray, np.ndarray]:
    """Fit the members of one class: `PARAMETERS` of shape (n, 6), and residuals of shape (n,)."""
    size = kernels.shape[-1]
    make = partial(_make, maker.function, size, ratio)
    axes, low, high = _axes_and_bounds(maker, size)
    starts = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))
    # there are local minima, so start from the best narrow and the best wide member
    halves = [(part, make(part)) for part in np.array_split(starts, 2)]
    fitted = np.empty((len(kernels), len(axes)))
    residual = np.full(len(kernels), np.inf)
    for rows in np.array_split(np.arange(len(kernels)), 1 + kernels.size // BATCH_PIXELS):
        targets = maker.sign * sphere.flatten(kernels[rows])
        targets -= targets.mean(axis=1, keepdims=True)
        targets /= np.linalg.norm(targets, axis=1, keepdims=True)
        for part, members in halves:
            nearest = part[(targets @ members.T).argmax(axis=1)]
            points, distance = _refine(targets, nearest, low, high, make)
            is_nearer = distance < residual[rows]
            fitted[rows[is_nearer]] = points[is_nearer]
            residual[rows[is_nearer]] = distance[is_nearer]
    parameters = np.full((len(kernels), len(PARAMETERS)), np.nan)
    parameters[:, 0] = np.exp(fitted[:, 0])
    parameters[:, 1] = ratio
    parameters[:, 4:] = fitted[:, 1:3]
    if fitted.shape[1] > 3:
        # rounded, so that float32 stays within the bounds
        degrees = np.round(np.rad2deg(fitted[:, 3]), 3)
        is_first = maker.direction is not None
        parameters[:, 2] = 180 - (180 - degrees) % 360 if is_first else degrees % 180
        parameters[:, 3] = np.exp(fitted[:, 4])
    return parameters, residual


def _make(
    function: Callable[..., np.ndarray], size: int, ratio: functions.Number, points: np.ndarray
) -> np.ndarray:
    """Make members as rows of pixels, shape (n, k*k), at points of `_axes_and_bounds`."""
    sigma, shift = np.exp(points[:, 0]), (points[:, 1], points[:, 2])
    if function in WITH_RATIO:
        kernels = function(size, sigma, ratio=ratio, shift=shift)
    elif function is functions.square:
        kernels = function(size, BOX * sigma, shift=shift)
    else:
        kernels = function(size, sigma, points[:, 3], aspect=np.exp(points[:, 4]), shift=shift)
    return kernels.reshape(len(points), size * size)


def _axes_and_bounds(
    maker: functions.Maker, size: int
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """The axes of the grid to start from, and the bounds of each parameter.

    Parameters are log sigma, shift x and shift y; derivatives also have direction in radians
    and log aspect.
    """
    sigmas = MIN_SIGMA, float(size)
    if maker.function is functions.cross:
        sigmas = MIN_SIGMA, size / 3  # wider arms make a blob
    elif maker.function is functions.square:
        sigmas = 1 / BOX, size / BOX
    reach = min(MAX_SHIFT, size / 4)
    bounds = [np.log(sigmas), (-reach, reach), (-reach, reach)]
    shifts = np.linspace(-reach, reach, 9)[1:-1]
    axes = [np.log(np.geomspace(*sigmas, 14))[1:-2], shifts, shifts]
    if maker.function in (functions.first_derivative, functions.second_derivative):
        if maker.direction is None:
            bounds.append((-np.inf, np.inf))
            axes.append(np.deg2rad(np.arange(0, 180, 15)))
        else:
            bounds.append(maker.direction + np.deg2rad((-45, 45)))
            axes.append(maker.direction + np.deg2rad((-30, 0, 30)))
        bounds.append(tuple(np.log(ASPECTS)))
        axes.append(np.log([0.7, 1.4]))
    low, high = np.array(bounds).T
    return axes, low, high


def _refine(
    targets: np.ndarray,
    points: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    make: Callable[[np.ndarray], np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Refine each row by Levenberg-Marquardt on the unit sphere: points and residuals.

    |target - member|^2 is twice the residual. Steps that would raise it are not taken.
    """
    points = points.copy()
    members = make(points)
    residual = 1 - (targets * members).sum(axis=1)
    damping = np.full(len(points), 1e-2)
    moving = np.arange(len(points))
    for _ in range(N_STEPS):
        here, at, target = points[moving], members[moving], targets[moving]
        slopes = np.stack([make(here + step) - at for step in STEP * np.eye(len(low))], axis=1)
        slopes /= STEP
        gradient = np.einsum("npi,ni->np", slopes, target - at)
        # a parameter at its bound stays there if the step would leave it
        is_held = ((here <= low) & (gradient < 0)) | ((here >= high) & (gradient > 0))
        slopes[is_held] = 0
        gradient[is_held] = 0
        normal = slopes @ slopes.swapaxes(1, 2)
        normal += damping[moving, np.newaxis, np.newaxis] * np.eye(len(low))
        step = np.linalg.solve(normal, gradient[..., np.newaxis])[..., 0]
        there = np.clip(here + step, low, high)
        at = make(there)
        fall = residual[moving] - (1 - (target * at).sum(axis=1))
        is_lower = fall > 0
        better = moving[is_lower]
        points[better], members[better] = there[is_lower], at[is_lower]
        residual[better] -= fall[is_lower]
        damping[moving] *= np.where(is_lower, 0.3, 3.0)
        moving = moving[np.abs(fall) > SETTLED]
    return points, np.maximum(residual, 0)
