"""All measures of one layer's kernels, and their mean over the layers of a model."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kernel_atlas import sphere
from kernel_atlas.family.keys import N_KEYS, find_nearest, make_banks
from kernel_atlas.measures import diversity
from kernel_atlas.measures.moments import find_moments, isotropy, second_moment

BANKS = ("keys", "ideal")  # of `make_banks`
MEANS = (
    *("variance_entropy", "sparsity", "orthogonality", "effective_rank"),
    *("offset_x", "offset_y", "spread_x", "spread_y", "energy_spread_x", "energy_spread_y"),
)
NAN = float("nan")


class Measured(NamedTuple):
    """What is measured of the kernels of one size of a layer, or of several.

    Attributes
    ----------
    n_kernels, n_dead : int
    means : dict
        `MEANS` by name; those of single kernels are means over live ones.
    moment : ndarray of shape (k k - 1, k k - 1), float32
        `second_moment` of the live kernels; NaN if there are none.
    described, turned : dict
        From each bank of the size to the number of live kernels that each key, as the nearest,
        describes, and to how many of these have a negative gain: arrays of shape (8,).
    n_positive : dict
        From each bank to the number of live kernels that a key describes with a positive gain.
    """

    n_kernels: int
    n_dead: int
    means: dict[str, float]
    moment: np.ndarray
    described: dict[str, np.ndarray]
    turned: dict[str, np.ndarray]
    n_positive: dict[str, int]

    @property
    def n_live(self) -> int:
        """How many kernels have a direction."""
        return self.n_kernels - self.n_dead

    def to_row(self) -> dict[str, float | int]:
        """The columns of the tables of measures; NaN where nothing is known."""
        row: dict[str, float | int] = {"n_kernels": self.n_kernels, "n_dead": self.n_dead}
        row |= self.means | {"isotropy": isotropy(self.moment)}
        for bank in BANKS:
            known = bank in self.described and self.n_live
            n_described = self.described[bank].sum() if known else NAN
            row[f"{bank}_percent"] = 100 * n_described / self.n_live if known else NAN
            positive = 100 * self.n_positive[bank] / self.n_live if known else NAN
            row[f"{bank}_positive_percent"] = positive
        return row


def measure_layer(kernels: np.ndarray, live: np.ndarray) -> Measured:
    """Measure the kernels of one layer.

    Parameters
    ----------
    kernels : ndarray of shape (n, k, k)
        All of them.
    live : ndarray of shape (m, k, k)
        Those that are not dead.
    """
    size = kernels.shape[-1]
    directions = sphere.to_sphere(live)
    means = {
        "variance_entropy": diversity.variance_entropy(live),
        "sparsity": diversity.sparsity(kernels),
        "orthogonality": diversity.orthogonality(live),
        "effective_rank": diversity.effective_rank(directions),
    }
    n_dead = len(kernels) - len(live)
    banks = make_banks(size)
    if not len(live):
        none = dict.fromkeys(MEANS, NAN) | {"sparsity": means["sparsity"]}
        zeros = {bank: np.zeros(N_KEYS, int) for bank in banks}
        moment = np.full((size**2 - 1, size**2 - 1), np.nan, np.float32)
        return Measured(len(kernels), n_dead, none, moment, zeros, zeros, dict.fromkeys(banks, 0))
    moments, energy = find_moments(live), find_moments(live, power=2)
    means |= {name: float(values.mean()) for name, values in moments._asdict().items()}
    means |= {f"energy_{n}": float(getattr(energy, n).mean()) for n in ("spread_x", "spread_y")}
    described, turned, n_positive = {}, {}, {}
    for name, bank in banks.items():
        nearest = find_nearest(live, bank)
        keys = nearest.key[nearest.is_described]
        is_turned = nearest.cosine[nearest.is_described] < 0
        described[name] = np.bincount(keys, minlength=N_KEYS)
        turned[name] = np.bincount(keys[is_turned], minlength=N_KEYS)
        n_positive[name] = int(nearest.is_positive.sum())
    moment = second_moment(directions).astype(np.float32)  # of 31x31 kernels, 4 MB
    return Measured(len(kernels), n_dead, means, moment, described, turned, n_positive)


def pool(layers: Sequence[Measured]) -> Measured:
    """The measures of several layers together, at least one.

    Means are weighted by the layers' live kernels (sparsity: all kernels), and layers that
    cannot tell are left out.
    """
    n_live = np.array([layer.n_live for layer in layers])
    n_kernels = np.array([layer.n_kernels for layer in layers])
    means = {
        name: weighted_mean(
            np.array([layer.means[name] for layer in layers]),
            n_kernels if name == "sparsity" else n_live,
        )
        for name in MEANS
    }
    known = [layer for layer in layers if layer.n_live]
    moment = layers[0].moment
    if known:
        moment = sum(layer.n_live * layer.moment for layer in known) / n_live.sum()
    return Measured(
        int(n_kernels.sum()),
        int(n_kernels.sum() - n_live.sum()),
        means,
        moment,
        {bank: np.sum([x.described[bank] for x in layers], axis=0) for bank in layers[0].described},
        {bank: np.sum([x.turned[bank] for x in layers], axis=0) for bank in layers[0].turned},
        {bank: sum(x.n_positive[bank] for x in layers) for bank in layers[0].n_positive},
    )


def weighted_mean(values: np.ndarray, weights: np.ndarray) -> float:
    """The mean of the values that are known; NaN if none is, or all weights are 0."""
    weights = np.where(np.isnan(values), 0, weights)
    total = weights.sum()
    return float((weights * np.nan_to_num(values)).sum() / total) if total else NAN
