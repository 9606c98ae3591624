"""The family's ruler: the nearest member of the DoG family to each kernel, as a table."""

import numpy as np
import pandas as pd

from kernel_atlas.family import functions, names
from kernel_atlas.family.functions import BOX
from kernel_atlas.family.search import NUMBERS, PARAMETERS, find_members, weigh


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
    found = find_members(kernels, threads)
    table = pd.DataFrame(found.numbers, columns=list(NUMBERS))
    table.insert(0, "member", pd.Categorical.from_codes(found.member, list(names.CLASSES)))
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
    return weigh(members["member"].cat.codes.to_numpy(), members["residual"].to_numpy())


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
