"""Controls: what chance and simpler methods give (docs/limits.md).

Some are made from a sample of a model's own live kernels, and destroy what could make them
cluster. Chance is the same for all models of a kernel size.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from kernel_atlas import sphere
from kernel_atlas.atomic import write_rows
from kernel_atlas.classes.classifier import Classifier, Nearest
from kernel_atlas.codebooks.codebook import Codebook
from kernel_atlas.family.search import Members, find_members

SEED = 0

# Takes kernels of shape (n, k, k), and makes as many of the same shape.
Control = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def random_kernels(kernels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Directions drawn uniformly from the sphere."""
    return generator.standard_normal(kernels.shape)


def fresh_kernels(kernels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Kernels as torch initialises a depthwise convolution: uniform in -1/k to 1/k."""
    bound = 1 / kernels.shape[-1]
    return generator.uniform(-bound, bound, kernels.shape)


def shuffled_kernels(kernels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The kernels with their pixels in random places: the same values without a shape."""
    return generator.permuted(sphere.flatten(kernels), axis=1).reshape(kernels.shape)


def phase_randomised_kernels(kernels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The kernels' amplitude spectra with random phases: noise that is as smooth.

    The phases are those of white noise, so that the result is real.
    """
    noise = np.fft.fft2(generator.standard_normal(kernels.shape))
    spectrum = np.abs(np.fft.fft2(kernels)) * np.exp(1j * np.angle(noise))
    return np.fft.ifft2(spectrum).real


# The same whatever the kernels are.
CHANCE: dict[str, Control] = {"random": random_kernels, "fresh": fresh_kernels}
OF_KERNELS: dict[str, Control] = {
    "shuffled": shuffled_kernels,
    "phase_randomised": phase_randomised_kernels,
}
CONTROLS = CHANCE | OF_KERNELS


def make_controls(kernels: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Make each control of some kernels: its name and its live kernels. Seeded.

    Parameters
    ----------
    kernels : ndarray of shape (n, k, k)
        Live kernels of one model.
    """
    # each model has draws of its own, so that they can be pooled over models
    digest = zlib.crc32(np.ascontiguousarray(kernels).tobytes())
    for name, make in OF_KERNELS.items():
        made = make(kernels, np.random.default_rng([SEED, _number(name), digest]))
        yield name, made[~sphere.find_dead(made)]


def make_chance(size: int) -> Iterator[tuple[str, np.ndarray]]:
    """Make kernels of k x k by chance: their name, and `N_CHANCE` of them. Seeded."""
    for name, make in CHANCE.items():
        generator = np.random.default_rng([SEED, _number(name), size])
        yield name, make(np.empty((sample_size(size, N_CHANCE), size, size)), generator)


def _number(control: str) -> int:
    return list(CONTROLS).index(control)


N_RANDOM = 50_000  # without a fit
N_CHANCE = 20_000
N_SAMPLE = 2_000  # of the kernels of a model and size
MAX_PIXELS = 250_000  # of all together, since fits take longer on large grids


def sample_size(size: int, most: int) -> int:
    """How many controls of k x k are made: fewer than `most` of large ones."""
    return min(most, MAX_PIXELS // size**2)


def percents_of_random(classifier: Classifier) -> dict[str, float]:
    """How many random directions are near, clustered and matched, in percent. Seeded.

    Returns
    -------
    dict
        `matched` (of `N_CHANCE`), and `near` and `clustered` (of `N_RANDOM`) where there is
        a codebook.
    """
    size = classifier.codebook.kernels.shape[-1]
    n_fitted = sample_size(size, N_CHANCE)
    n = N_RANDOM if len(classifier.codebook) else n_fitted
    made = random_kernels(np.empty((n, size, size)), np.random.default_rng([SEED, size]))
    matched = find_members(made[:n_fitted]).weighed < classifier.threshold
    percents = {"matched": 100 * float(matched.mean())}
    if len(classifier.codebook):
        found = classifier.find_nearest(made)
        percents["near"] = 100 * float((found.dissimilarity < classifier.threshold).mean())
        percents["clustered"] = 100 * float(found.label.is_clustered.mean())
    return percents


# The thresholds of a sweep; the one in force is added.
SWEEP = tuple(float(threshold) for threshold in np.arange(2, 21) / 40)  # 0.05 to 0.5

CONTROL_COLUMNS = {
    "kernel_size": int,
    "method": str,
    "kernels": str,
    "threshold": float,
    "n_kernels": int,
    "n_clustered": int,
}
OWN = "own"  # the model's kernels, beside the controls made of them

Row = tuple[int, str, str, float, int, int]


def sweep_thresholds(
    classifier: Classifier,
    banks: Mapping[str, np.ndarray],
    kernels: np.ndarray,
    nearest: Nearest,
    members: Members,
) -> Iterator[Row]:
    """Count the kernels of a model and of its controls that each method has, over thresholds.

    Controls are made from at most `N_SAMPLE` of the kernels, drawn with a fixed seed.

    Parameters
    ----------
    classifier : Classifier
    banks : mapping
        From another method's name to its codebook, of shape (m, k, k).
    kernels : ndarray of shape (n, k, k)
        Live kernels.
    nearest, members
        What both rulers say of them.

    Yields
    ------
    tuple
        A row of `CONTROL_COLUMNS`. Methods are ``near`` (dissimilarity to the nearest code),
        ``codebook`` (the same, if its interval has a class), ``family`` (the weighed residual
        of the member) and the names of the banks. Kernels are `OWN` or a control's name.
    """
    size = kernels.shape[-1]
    n = min(len(kernels), sample_size(size, N_SAMPLE))
    rows = np.random.default_rng(SEED).choice(len(kernels), n, replace=False)
    sweep = _Sweep(classifier, banks)
    yield from sweep.count(OWN, kernels, nearest, members)
    for name, made in make_controls(kernels[np.sort(rows)]):
        yield from sweep.count(name, made)


def sweep_chance(classifier: Classifier, banks: Mapping[str, np.ndarray]) -> Iterator[Row]:
    """Count the kernels of `make_chance` as `sweep_thresholds` counts those of a model."""
    sweep = _Sweep(classifier, banks)
    for name, made in make_chance(classifier.codebook.kernels.shape[-1]):
        yield from sweep.count(name, made)


class _Sweep:
    """The methods that count kernels of one size."""

    def __init__(self, classifier: Classifier, banks: Mapping[str, np.ndarray]) -> None:
        self._classifier = classifier
        self._codebooks = {method: Codebook(bank) for method, bank in banks.items()}
        self._thresholds = sorted({*SWEEP, classifier.threshold})

    def count(
        self,
        name: str,
        kernels: np.ndarray,
        nearest: Nearest | None = None,
        members: Members | None = None,
    ) -> Iterator[Row]:
        """The rows of some live kernels, of which the rulers may already have found something."""
        classifier, size = self._classifier, kernels.shape[-1]
        distances = {"family": (members or find_members(kernels)).weighed}
        if len(classifier.codebook):
            nearest = nearest or classifier.find_nearest(kernels)
            distances["near"] = nearest.dissimilarity
            # a code without a class clusters nothing
            has_class = classifier.rows.is_clustered[nearest.row]
            distances["codebook"] = np.where(has_class, distances["near"], np.inf)
        for method, codebook in self._codebooks.items():
            distances[method] = codebook.nearest(kernels)[1]
        for method, distance in distances.items():
            thresholds = np.array(self._thresholds, distance.dtype)
            below = np.searchsorted(np.sort(distance), thresholds)
            for threshold, n in zip(self._thresholds, below.tolist(), strict=True):
                yield size, method, name, threshold, len(kernels), n


def measure_chance(
    classifiers: Mapping[int, Classifier],
    paths_to_baselines: Mapping[int, str | Path],
    path_to_chance: str | Path,
) -> None:
    """Measure what chance gives for each kernel size, by both rulers and the simpler methods.

    Parameters
    ----------
    classifiers, paths_to_baselines
        As for `classify_kernels`.
    path_to_chance : path
        Written: tab-separated, like a model's table of controls.
    """
    rows: list[Row] = []
    for size, classifier in classifiers.items():
        with np.load(paths_to_baselines[size]) as banks:
            rows += sweep_chance(classifier, banks)
    write_controls(rows, path_to_chance)


def write_controls(rows: Sequence[Row], path: str | Path) -> None:
    """Write the rows of a table of controls."""
    # thresholds in full, because summarise_classes looks for the one in force
    write_rows([CONTROL_COLUMNS, *rows], path)
