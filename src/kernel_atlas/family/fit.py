"""The family's ruler: the nearest member of the DoG family to each kernel, over all classes."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from kernel_atlas import sphere
from kernel_atlas.family import functions, names
from kernel_atlas.family.branches import Branch, make_branches
from kernel_atlas.family.functions import BOX, unit
from kernel_atlas.family.refine import Fits, refine
from kernel_atlas.threads import one_blas_thread

PARAMETERS = ("sigma", "ratio", "direction", "aspect", "shift_x", "shift_y")

# Freedom has a price: derivatives turn and stretch, so they fit noise better. Residuals count
# times this, both between classes and against the threshold.
FACTOR_FIRST = 1.25
FACTOR_SECOND = 1.5
_FACTORS = np.array(
    [
        FACTOR_SECOND if "second" in name else FACTOR_FIRST if "first" in name else 1.0
        for name in names.CLASSES
    ]
)
# Classes whose best start is among the nearest are fitted; no other comes near (test_fit.py).
N_FITTED = 3
# A ratio is fitted as well if its start is no farther behind the best of its class.
START_MARGIN = 0.02

N_COARSE = 3  # steps of all fits
N_STEPS = 20  # more steps, of those that are not far behind
BATCH_PIXELS = 250_000  # more would not stay in a processor's cache


def fit_members(kernels: np.ndarray, threads: int = 1) -> pd.DataFrame:
    """Find the nearest member of the DoG family to each live kernel, over all classes.

    The fit starts from the best members of a bank and refines them by damped Gauss-Newton steps;
    the smallest of the weighed residuals decides (`weigh_residuals`, docs/method.md). Nothing is
    trained: the result depends on the kernel alone, but for the last digits of float32.

    Parameters
    ----------
    kernels : ndarray of shape (n, k, k)
    threads : int
        How many work at the same time. They do not change the result.

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
        targets = sphere.flatten(unit(kernels[live].astype(np.float64)))
        size = kernels.shape[-1]
        # whatever the threads, since the last digits of float32 depend on them
        batches = np.array_split(targets, -(-targets.size // BATCH_PIXELS))
        # the threads that BLAS would start stand in the way of these
        with one_blas_thread(), ThreadPoolExecutor(threads) as pool:
            parts = list(pool.map(partial(_fit, size=size), batches))
        member[live], numbers[live] = (np.concatenate(part) for part in zip(*parts, strict=True))
    columns = [*PARAMETERS, "residual", "lead"]
    table = pd.DataFrame(numbers.astype(np.float32), columns=columns)
    table.insert(0, "member", pd.Categorical.from_codes(member, list(names.CLASSES)))
    return table


def weigh_residuals(members: pd.DataFrame) -> np.ndarray:
    """Multiply residuals by what their class pays for its freedom.

    Parameters
    ----------
    members : DataFrame
        With `member` and `residual`, as from `fit_members`.

    Returns
    -------
    ndarray of shape (n,), float64
        The residual times 1.25 for first derivatives, times 1.5 for second ones. NaN without
        a member.
    """
    return _FACTORS[members["member"].cat.codes] * members["residual"].to_numpy(float)


def find_matched(members: pd.DataFrame, threshold: float) -> np.ndarray:
    """Whether the weighed residual of each kernel is below a threshold: shape (n,), bool."""
    return weigh_residuals(members) < threshold


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


class _Column(NamedTuple):
    """A branch with a sign: members of one class."""

    branch: Branch
    sign: int
    label: int  # of names.CLASSES


def _fit(targets: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Fit rows of centred pixels of unit norm: the classes' numbers, and the other columns."""
    columns = [
        _Column(branch, sign, names.CLASSES.index(label))
        for branch in make_branches(size)
        for sign, label in zip((1, -1), branch.classes, strict=True)
    ]
    labels = np.array([column.label for column in columns])
    start, distance = _find_starts(targets, columns)
    by_class = _least(distance, labels)
    limit = np.partition(by_class, N_FITTED - 1, axis=1)[:, N_FITTED - 1 : N_FITTED]
    is_fitted = distance <= np.minimum(limit, by_class[:, labels] + START_MARGIN)
    points = np.full((*start.shape, 5), np.nan)
    for number, column in enumerate(columns):
        n_parameters = column.branch.starts.shape[1]
        points[:, number, :n_parameters] = column.branch.starts[start[:, number]]
    residual = np.full(start.shape, np.inf)
    _refine(targets, size, columns, is_fitted, points, residual, N_COARSE)
    # the others are too far behind to be the member or the next
    second = np.partition(_least(residual, labels), 1, axis=1)[:, 1:2]
    is_fitted &= residual <= FACTOR_SECOND * second + START_MARGIN
    _refine(targets, size, columns, is_fitted, points, residual, N_STEPS)

    by_class = _least(residual, labels)
    member = (by_class * _FACTORS).argmin(axis=1)
    every = np.arange(len(targets))
    own = by_class[every, member]
    by_class[every, member] = np.inf
    lead = by_class.min(axis=1) - own
    column = np.where(labels == member[:, np.newaxis], residual, np.inf).argmin(axis=1)
    ratio = np.array([each.branch.ratio for each in columns])[column]
    is_turned = np.array([each.sign < 0 for each in columns])[column]
    values = _describe(points[every, column], ratio, member, is_turned)
    return member, np.column_stack([values, own, lead])


def _find_starts(targets: np.ndarray, columns: Sequence[_Column]) -> tuple[np.ndarray, np.ndarray]:
    """The nearest start of each column: rows of its bank and their residuals, (n, n_columns)."""
    start = np.empty((len(targets), len(columns)), int)
    distance = np.empty(start.shape)
    rows = targets.astype(np.float32)
    for number, column in enumerate(columns):
        if column.sign > 0:  # its negative comes next
            cosine = rows @ column.branch.bank.T
        nearest = cosine.argmax(axis=1) if column.sign > 0 else cosine.argmin(axis=1)
        start[:, number] = nearest
        found = np.take_along_axis(cosine, nearest[:, np.newaxis], axis=1)[:, 0]
        distance[:, number] = 1 - column.sign * found
    return start, distance


def _refine(
    targets: np.ndarray,
    size: int,
    columns: Sequence[_Column],
    is_fitted: np.ndarray,
    points: np.ndarray,
    residual: np.ndarray,
    n_steps: int,
) -> None:
    """Refine the fits that are marked, in place; those of one function together."""
    for make in dict.fromkeys(column.branch.make for column in columns):
        own = [number for number, column in enumerate(columns) if column.branch.make is make]
        rows, which = np.nonzero(is_fitted[:, own])
        if not len(rows):
            continue
        chosen = np.array(own)[which]
        facts = [(b.ratio, b.low, b.high, sign) for b, sign, _ in (columns[i] for i in own)]
        ratio, low, high, sign = (
            np.array(values, np.float32)[which].T for values in zip(*facts, strict=True)
        )
        fits = Fits(
            points[rows, chosen, : len(low)].T.astype(np.float32),
            (targets[rows].T * sign).astype(np.float32),
            ratio,
            low,
            high,
        )
        found, residual[rows, chosen] = refine(make, size, fits, n_steps)
        points[rows, chosen, : len(found)] = found.T


def _least(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The least value of each class, shape (n, n_classes), of columns of these classes."""
    least = np.full((len(values), len(names.CLASSES)), np.inf)
    for column, number in enumerate(labels):
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
