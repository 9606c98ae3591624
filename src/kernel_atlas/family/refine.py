"""Levenberg-Marquardt on the unit sphere: many fits of one function of the family at once.

In float32: it takes half the time, and matched residuals are right to about 1e-6.
"""

from typing import NamedTuple

import numpy as np

from kernel_atlas.family.branches import Make

SETTLED = 1e-6  # a residual that changes by less is final,
SETTLED_FAR = 1e-3  # or by less than this, where it is too large to be matched:
FAR = 0.5
DAMPING = 1e-2  # to start with; less after a step that helps, more after one that does not


class Fits(NamedTuple):
    """Where n fits are, what they aim at, and their bounds. Fits come last, as in `slopes`.

    All float32.

    Attributes
    ----------
    points : ndarray of shape (p, n)
    targets : ndarray of shape (k*k, n)
        Centred, of unit norm.
    ratio : ndarray of shape (n,)
    low, high : ndarray of shape (p, n)
    """

    points: np.ndarray
    targets: np.ndarray
    ratio: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def of(self, which: np.ndarray) -> "Fits":
        """Some of the fits."""
        return Fits(*(array.take(which, axis=-1) for array in self))


def refine(make: Make, size: int, fits: Fits, n_steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Refine fits until they settle, by at most `n_steps` steps. None may raise the residual.

    |target - member|^2 is twice the residual.

    Returns
    -------
    points : ndarray of shape (p, n)
    residual : ndarray of shape (n,)
    """
    points = fits.points.copy()
    residual, gradient, normal = _look(make, size, fits)
    left, damping = residual.copy(), np.full(len(residual), DAMPING, residual.dtype)
    moving = np.arange(len(residual))  # `fits` to `damping` are of these
    for _ in range(n_steps):
        here = fits.points
        # a parameter at its bound stays there if the step would leave it
        is_free = ((here > fits.low) | (gradient > 0)) & ((here < fits.high) | (gradient < 0))
        step = _solve(normal * (is_free & is_free[:, np.newaxis]), damping, gradient * is_free)
        there = fits._replace(points=np.clip(here + step, fits.low, fits.high))
        new_left, new_gradient, new_normal = _look(make, size, there)
        fall = left - new_left
        is_lower = fall > 0
        fits = fits._replace(points=np.where(is_lower, there.points, here))
        left = np.where(is_lower, new_left, left)
        points[:, moving], residual[moving] = fits.points, left
        settled = np.where(left < FAR, SETTLED, SETTLED_FAR)
        goes_on = np.flatnonzero(np.abs(fall) > settled)
        if not len(goes_on):
            break
        np.copyto(new_gradient, gradient, where=~is_lower)
        np.copyto(new_normal, normal, where=~is_lower)
        gradient, normal = (array.take(goes_on, axis=-1) for array in (new_gradient, new_normal))
        damping = (damping * np.where(is_lower, 0.3, 3.0).astype(damping.dtype))[goes_on]
        fits, left, moving = fits.of(goes_on), left[goes_on], moving[goes_on]
    return points, np.maximum(residual, 0)


def _solve(matrix: np.ndarray, damping: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve (matrix + damping I) x = right for all fits at once; both arrays are overwritten.

    Elimination without pivots, as the matrices are positive definite. Their dimensions come
    first, shape (p, p, n); numpy's own solver takes fits one by one.
    """
    p = len(right)
    for i in range(p):
        # no pivot is below the damping, but for rounding
        pivot = np.maximum(matrix[i, i] + damping, damping, out=matrix[i, i])
        for j in range(i + 1, p):
            factor = matrix[i, j] / pivot
            matrix[j, j:] -= factor * matrix[i, j:]
            right[j] -= factor * right[i]
    for i in reversed(range(p)):
        right[i] -= (matrix[i, i + 1 :] * right[i + 1 :]).sum(axis=0)
        right[i] /= matrix[i, i]
    return right


def _look(make: Make, size: int, fits: Fits) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a step needs: residuals, their fall by each parameter, and the normal matrices.

    The slopes of centred unit members are not written out: their products follow from those
    of the raw slopes with themselves, with the member, and with the target.
    """
    members, slopes = make(size, fits.points, fits.ratio)
    members -= members.mean(axis=0)
    norms = np.sqrt(np.einsum("in,in->n", members, members))
    members /= norms
    cosine = np.einsum("in,in->n", fits.targets, members)
    along = np.einsum("pin,in->pn", slopes, members)
    gradient = (np.einsum("pin,in->pn", slopes, fits.targets) - along * cosine) / norms
    normal = np.empty((len(slopes), len(slopes), len(norms)), norms.dtype)
    for p, slope in enumerate(slopes):
        normal[p, p:] = np.einsum("in,qin->qn", slope, slopes[p:])
        normal[p:, p] = normal[p, p:]
    for product, n in ((slopes.sum(axis=1), size**2), (along, 1)):
        normal -= product * product[:, np.newaxis] / n
    return 1 - cosine, gradient, normal / norms**2
