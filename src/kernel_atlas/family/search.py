"""The search for the nearest member of the DoG family to each kernel, over all classes."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np

from kernel_atlas import sphere
from kernel_atlas.family import names
from kernel_atlas.family.branches import Branch, make_branches
from kernel_atlas.family.functions import unit
from kernel_atlas.family.refine import Fits, refine
from kernel_atlas.threads import one_blas_thread

PARAMETERS = ("sigma", "ratio", "direction", "aspect", "shift_x", "shift_y")
NUMBERS = (*PARAMETERS, "residual", "lead")

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


class Members(NamedTuple):
    """The nearest member to each of n kernels, as arrays (`fit.fit_members` as a table).

    Attributes
    ----------
    member : ndarray of shape (n,), int8
        Its class, a place in `names.CLASSES`; -1 for dead kernels.
    numbers : ndarray of shape (n, 8), float32
        The columns `NUMBERS`; NaN for dead kernels.
    """

    member: np.ndarray
    numbers: np.ndarray

    def of(self, which: np.ndarray) -> "Members":
        """Those of some of the kernels."""
        return Members(self.member[which], self.numbers[which])

    @property
    def weighed(self) -> np.ndarray:
        """`fit.weigh_residuals` of them."""
        return weigh(self.member, self.numbers[:, NUMBERS.index("residual")])


def find_members(kernels: np.ndarray, threads: int = 1) -> Members:
    """Find the nearest member to each live kernel of shape (n, k, k) (`fit.fit_members`)."""
    live = ~sphere.find_dead(kernels)
    member = np.full(len(kernels), -1, np.int8)
    numbers = np.full((len(kernels), len(NUMBERS)), np.nan, np.float32)
    if live.any():
        targets = sphere.flatten(unit(kernels[live].astype(np.float64)))
        size = kernels.shape[-1]
        # whatever the threads, since the last digits of float32 depend on them
        batches = np.array_split(targets, -(-targets.size // BATCH_PIXELS))
        # the threads that BLAS would start stand in the way of these
        with one_blas_thread(), ThreadPoolExecutor(threads) as pool:
            parts = list(pool.map(partial(_fit, size=size), batches))
        member[live], numbers[live] = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Members(member, numbers)


def weigh(member: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """Multiply residuals by what the classes, places in `names.CLASSES`, pay: shape (n,)."""
    return _FACTORS[member] * residual.astype(np.float64)


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
