"""What chance and simpler methods give: made-up kernels, and codebooks that nobody trained.

Every clustered percentage stands beside these (docs/controls.md). The controls take the
model's own live kernels and destroy, step by step, what could make them cluster.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from kernel_atlas import sphere
from kernel_atlas.classes.classifier import Classifier, is_clustered
from kernel_atlas.codebooks.codebook import nearest_codes

SEED = 0

Control = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def random_kernels(kernels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Directions drawn uniformly from the sphere, as many as there are kernels.

    Parameters
    ----------
    kernels : ndarray of shape (n, k, k)
    generator : numpy.random.Generator

    Returns
    -------
    ndarray of shape (n, k, k)
    """
    return generator.standard_normal(kernels.shape)


def fresh_kernels(kernels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Kernels as torch initialises a depthwise convolution: uniform in -1/k to 1/k.

    Parameters and result as of `random_kernels`.
    """
    bound = 1 / kernels.shape[-1]
    return generator.uniform(-bound, bound, kernels.shape)


def shuffled_kernels(kernels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The kernels with their pixels in random places: the same values without a shape.

    Parameters and result as of `random_kernels`.
    """
    return generator.permuted(sphere.flatten(kernels), axis=1).reshape(kernels.shape)


def phase_randomised_kernels(kernels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Noise of the kernels' own smoothness: their amplitude spectra with random phases.

    The phases are those of white noise, so that the result is real. Parameters and
    result as of `random_kernels`.
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
    """The name and the live kernels of each control, seeded.

    Parameters
    ----------
    kernels : ndarray of shape (n, k, k)
        Live kernels of one model.
    """
    # pooled over models, the draws should not be the same ones again and again
    digest = zlib.crc32(np.ascontiguousarray(kernels).tobytes())
    for number, (name, make) in enumerate(CONTROLS.items()):
        made = make(kernels, np.random.default_rng([SEED, number, digest]))
        yield name, made[~sphere.find_dead(made)]


# what sweeps go over; the threshold in force is added
SWEEP = tuple(float(threshold) for threshold in np.arange(2, 21) / 40)  # 0.05 to 0.5


CONTROL_COLUMNS = {
    "kernel_size": int, "method": str, "kernels": str, "threshold": float,
    "n_kernels": int, "n_clustered": int,
}  # fmt: skip


OWN = "own"  # the model's kernels, beside the controls made of them


def sweep_thresholds(
    classifier: Classifier, banks: Mapping[str, np.ndarray], kernels: np.ndarray
) -> Iterator[tuple[str, str, float, int, int]]:
    """Count the clustered among a model's kernels and its controls, over thresholds.

    Parameters
    ----------
    classifier : Classifier
    banks : mapping
        Codebooks of other methods by name, of shape (m, k, k).
    kernels : ndarray of shape (n, k, k)
        Live kernels.

    Yields
    ------
    tuple
        Method (``codebook`` or a bank's name), kernels (`OWN` or a control's name),
        threshold, number of kernels, number of them that are clustered.
    """
    thresholds = sorted({*SWEEP, classifier.threshold})
    for name, made in ((OWN, kernels), *make_controls(kernels)):
        found = replace(classifier, threshold=np.inf).classify(made)
        # a code that no class has clusters nothing
        distances = {"codebook": found["dissimilarity"].where(is_clustered(found["class"]))}
        directions = sphere.to_sphere(made)
        for method, bank in banks.items():
            distances[method] = nearest_codes(directions, bank)[1]
        for method, distance in distances.items():
            for threshold in thresholds:
                yield method, name, threshold, len(made), int((distance < threshold).sum())
