"""Controls: what chance and simpler methods give (docs/limits.md).

Controls are made from a sample of a model's own live kernels, and destroy step by step what
could make them cluster.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from kernel_atlas import sphere
from kernel_atlas.classes.classifier import Classifier, is_clustered
from kernel_atlas.codebooks.codebook import Codebook
from kernel_atlas.family.fit import find_matched, fit_members, weigh_residuals

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


CONTROLS: dict[str, Control] = {
    "random": random_kernels,
    "fresh": fresh_kernels,
    "shuffled": shuffled_kernels,
    "phase_randomised": phase_randomised_kernels,
}


def make_controls(kernels: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Make each control: its name and its live kernels. Seeded.

    Parameters
    ----------
    kernels : ndarray of shape (n, k, k)
        Live kernels of one model.
    """
    # each model has draws of its own, so that they can be pooled over models
    digest = zlib.crc32(np.ascontiguousarray(kernels).tobytes())
    for number, (name, make) in enumerate(CONTROLS.items()):
        made = make(kernels, np.random.default_rng([SEED, number, digest]))
        yield name, made[~sphere.find_dead(made)]


N_RANDOM = 50_000
# Fits take longer, the more so on large grids: at most so many controls of a model and size.
N_SAMPLE = 5_000
MAX_PIXELS = 250_000


def sample_size(size: int) -> int:
    """How many controls of k x k are made: 5,000, and fewer of more than 7x7."""
    return min(N_SAMPLE, MAX_PIXELS // size**2)


def percents_of_random(classifier: Classifier) -> dict[str, float]:
    """How many random directions are near, clustered and matched, in percent. Seeded.

    Returns
    -------
    dict
        `matched` (of `sample_size`), and `near` and `clustered` (of `N_RANDOM`) where there is
        a codebook.
    """
    size = classifier.codebook.kernels.shape[-1]
    n_fitted = sample_size(size)
    n = N_RANDOM if len(classifier.codebook) else n_fitted
    made = random_kernels(np.empty((n, size, size)), np.random.default_rng([SEED, size]))
    matched = find_matched(fit_members(made[:n_fitted]), classifier.threshold)
    percents = {"matched": 100 * float(matched.mean())}
    if len(classifier.codebook):
        found = classifier.classify(made)
        percents["near"] = 100 * float(found["near"].mean())
        percents["clustered"] = 100 * float(is_clustered(found["class"]).mean())
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


def sweep_thresholds(
    classifier: Classifier,
    banks: Mapping[str, np.ndarray],
    kernels: np.ndarray,
    members: pd.DataFrame,
) -> Iterator[tuple[str, str, float, int, int]]:
    """Count the kernels of a model and of its controls that each method has, over thresholds.

    Controls are made from at most `sample_size` of the kernels, drawn with a fixed seed.

    Parameters
    ----------
    classifier : Classifier
    banks : mapping
        From another method's name to its codebook, of shape (m, k, k).
    kernels : ndarray of shape (n, k, k)
        Live kernels.
    members : DataFrame
        `fit_members` of them.

    Yields
    ------
    tuple
        Method, kernels (`OWN` or a control's name), threshold, number of kernels, number of
        those below it. Methods are ``near`` (dissimilarity to the nearest code), ``codebook``
        (the same, if its interval has a class), ``family`` (`weigh_residuals` of the member) and
        the names of the banks.
    """
    thresholds = sorted({*SWEEP, classifier.threshold})
    codebooks = {method: Codebook(bank) for method, bank in banks.items()}
    n = min(len(kernels), sample_size(kernels.shape[-1]))
    rows = np.random.default_rng(SEED).choice(len(kernels), n, replace=False)
    sample = kernels[np.sort(rows)]
    for name, made in ((OWN, kernels), *make_controls(sample)):
        found_members = members if name == OWN else fit_members(made)
        distances = {"family": weigh_residuals(found_members)}
        if len(classifier.codebook):
            found = replace(classifier, threshold=np.inf).classify(made)
            distances["near"] = found["dissimilarity"]
            # a code without a class clusters nothing
            distances["codebook"] = found["dissimilarity"].where(is_clustered(found["class"]))
        distances |= {method: book.nearest(made)[1] for method, book in codebooks.items()}
        for method, distance in distances.items():
            for threshold in thresholds:
                yield method, name, threshold, len(made), int((distance < threshold).sum())
