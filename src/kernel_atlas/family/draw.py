"""Draw members of the DoG family at random, in given proportions (paper, Appendix F)."""

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from kernel_atlas.errors import AtlasError
from kernel_atlas.family.fit import PARAMETERS
from kernel_atlas.family.functions import MAKERS
from kernel_atlas.family.names import CLASSES

# Appendix F; "the rest" are second derivatives
PROPORTIONS = {
    "on_centre": 0.45,
    "off_centre": 0.10,
    "cross": 0.15,
    "first_derivative": 0.20,
    "second_derivative": 0.10,
}

# Scales in pixels: about what nine tenths of trained kernels have that are matched, 5x5 of
# EfficientNet-Lite0 to 2 (16,280, the default run) and 7x7 of FastViT-T8, MobileCLIP-S0 and
# YOLO12n (4,105), centres and crosses of ratio 1.6. Medians there: centres 0.7 and 1.1, crosses
# 0.4 and 0.8, first derivatives 0.9 and 0.7, second ones 0.8 and 0.7. They do not grow with the
# kernel size: patterns stay small in large kernels (Appendix I).
SCALES = {
    "centre": (0.4, 1.6),
    "cross": (0.4, 1.2),
    "first_derivative": (0.5, 1.6),
    "second_derivative": (0.5, 1.6),
}
RATIO = 1.6

SHAPE = ("sigma", "ratio", "direction", "aspect")  # all but the shift


def draw_members(
    n: int,
    rng: np.random.Generator,
    proportions: Mapping[str, float] = PROPORTIONS,
    trained: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Draw members of the family, centred on the grid, in random order.

    Parameters
    ----------
    n : int
        At least 1.
    rng : Generator
    proportions : mapping
        From class to share; the shares sum to 1. ``centre``, ``cross``, ``first_derivative`` and
        ``second_derivative`` stand for their classes in equal parts. Numbers are exact, by
        largest remainder.
    trained : DataFrame, optional
        Members of trained kernels, as from `fit_members`: scale, ratio, direction and aspect of
        a member are those of a random row of its class. By default, and for classes without a
        row, scales are log-uniform within `SCALES`, first derivatives point along an axis,
        second ones lie along either axis, and ratio and aspect are 1.6 and 1.

    Returns
    -------
    DataFrame
        n rows, for `make_members`.

    Raises
    ------
    AtlasError
        If a class is unknown, or the shares are negative or do not sum to 1.
    """
    counts = _count_classes(n, rng, _check(proportions))
    parts = [
        _draw_class(name, count, rng, trained)
        for name, count in zip(CLASSES, counts, strict=True)
        if count
    ]
    members = pd.concat(parts, ignore_index=True)
    members["member"] = pd.Categorical(members["member"], list(CLASSES))
    return members.iloc[rng.permutation(n)].reset_index(drop=True)


def share_out(n: int, shares: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Whole numbers that sum to n, by largest remainder; which of equal ones wins is random."""
    exact = np.round(n * shares / shares.sum(), 9)
    counts = exact.astype(int)
    by_remainder = np.lexsort((rng.random(len(shares)), counts - exact))
    counts[by_remainder[: n - counts.sum()]] += 1
    return counts


def _check(proportions: Mapping[str, float]) -> dict[str, float]:
    known = {name for name in CLASSES if _kind_of(name) in SCALES} | set(SCALES)
    if unknown := sorted(set(proportions) - known):
        raise AtlasError(
            f"no class {unknown[0]!r} to start kernels from (known: {', '.join(sorted(known))})"
        )
    shares = {name: float(share) for name, share in proportions.items()}
    if not all(share >= 0 for share in shares.values()):
        raise AtlasError(f"proportions are not negative: {shares}")
    if abs(sum(shares.values()) - 1) > 1e-6:
        raise AtlasError(f"proportions sum to {sum(shares.values()):g}, not to 1: {shares}")
    return shares


def _count_classes(
    n: int, rng: np.random.Generator, proportions: Mapping[str, float]
) -> np.ndarray:
    """How many of n members each class has."""
    totals = share_out(n, np.array(list(proportions.values())), rng)
    counts = np.zeros(len(CLASSES), int)
    for name, total in zip(proportions, totals, strict=True):
        own = [row for row, label in enumerate(CLASSES) if name in (label, _kind_of(label))]
        counts[own] += share_out(total, np.ones(len(own)), rng)
    return counts


def _draw_class(
    name: str, n: int, rng: np.random.Generator, trained: pd.DataFrame | None
) -> pd.DataFrame:
    """n members of one class."""
    drawn = pd.DataFrame({"member": [name] * n, **dict.fromkeys(PARAMETERS, 0.0)})
    if trained is not None and len(own := trained[trained["member"] == name]):
        rows = rng.integers(len(own), size=n)
        return drawn.assign(**own[list(SHAPE)].iloc[rows].reset_index(drop=True).astype(float))
    low, high = np.log(SCALES[_kind_of(name)])
    direction = MAKERS[name].direction
    return drawn.assign(
        sigma=np.exp(rng.uniform(low, high, n)),
        ratio=RATIO,
        aspect=1.0,
        direction=90.0 * rng.integers(2, size=n) if direction is None else np.rad2deg(direction),
    )


def _kind_of(name: str) -> str:
    """A class without its sign and side: ``cross`` of ``on_cross``."""
    return re.sub(r"^(on|off)_|_(right|down|left|up)$", "", name)
