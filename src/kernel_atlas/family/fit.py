"""The nearest member of the DoG family to each kernel: how large, which way, how far off."""

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
MIN_SIGMA = 0.3  # all narrower centres are one pixel
MAX_SHIFT = 1.5
ASPECTS = (1 / 3, 3.0)

N_STEPS = 25
STEP = 1e-6  # of finite differences
SETTLED = 1e-9  # a residual that changes by less is final
BATCH_PIXELS = 50_000  # few enough to stay in a processor's cache


def fit_members(kernels: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Find the nearest member of the DoG family to each clustered kernel.

    A kernel whose label is a class of the family is fitted by members of that class alone
    (a first derivative's point within 45 degrees of their axis), one of the user's own
    class by the nearest of all classes that `templates.make_templates` has for the size. A grid of
    parameters gives the start, damped Gauss-Newton steps refine it.

    Parameters
    ----------
    kernels : ndarray of shape (n, k, k)
        Dead ones labelled so.
    labels : ndarray of shape (n,), str

    Returns
    -------
    DataFrame
        n rows, in order; missing throughout where the label is `other` or `dead`.

        - `member`, categorical: class of the member.
        - `sigma`, float32: its scale in pixels, 0.3 to k (see `family`), of crosses to k / 3;
          of squares (width 1 to k) width / sqrt(12), a box's standard deviation.
        - `ratio`, float32: of centres and crosses, 1.6, 3 or infinite; else NaN.
        - `direction`, float32: of derivatives, in degrees from x (right) towards y (down);
          first derivatives in (-180, 180], second in [0, 180); else NaN.
        - `aspect`, float32: of derivatives, 1/3 to 3; else NaN.
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
    """The kernels that rows of `fit_members` stand for.

    Returns
    -------
    ndarray of shape (n, k, k), float64
        Centred and of unit norm; NaN where there is no member.
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
    """The nearest members of one class: `PARAMETERS`, shape (n, 6), and residuals, shape (n,)."""
    size = kernels.shape[-1]
    make = partial(_make, maker.function, size, ratio)
    axes, low, high = _axes_and_bounds(maker, size)
    starts = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(axes))
    # the best of the narrow and the best of the wide ones: there are local minima
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
        # rounded, so that float32 keeps to the borders
        degrees = np.round(np.rad2deg(fitted[:, 3]), 3)
        is_first = maker.direction is not None
        parameters[:, 2] = 180 - (180 - degrees) % 360 if is_first else degrees % 180
        parameters[:, 3] = np.exp(fitted[:, 4])
    return parameters, residual


def _make(
    function: Callable[..., np.ndarray], size: int, ratio: functions.Number, points: np.ndarray
) -> np.ndarray:
    """Members as rows of pixels, shape (n, k*k), at points of `_axes_and_bounds`."""
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
    """Axes of the grid of starts, and the least and largest value of each parameter.

    They are log sigma, shift x and y; for derivatives also direction in radians and log aspect.
    """
    sigmas = MIN_SIGMA, float(size)
    if maker.function is functions.cross:
        sigmas = MIN_SIGMA, size / 3  # with wider arms it is a blob
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
    """Levenberg-Marquardt on the unit sphere, every row for itself: points and residuals.

    |target - member|^2 is twice the residual. No step that would raise it is taken.
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
        # what would leave its bounds stays
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
