"""What chance and simpler methods give: made-up kernels, and codebooks that nobody trained.

Every clustered percentage stands beside these (docs/controls.md). The controls take the
model's own live kernels and destroy, step by step, what could make them cluster.
"""

import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from kernel_atlas import family, sphere
from kernel_atlas.files import replacing
from kernel_atlas.training_set import sample_training_set

SEED = 0
# numbers of centres of k-means on the sphere
N_CENTRES = (10, 50, 200)

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


def fit_baselines(
    paths_to_groups: Sequence[str | Path], size: int, path_to_baselines: str | Path
) -> None:
    """Fit k-means on the sphere to the train models' kernels, beside the template bank.

    Parameters
    ----------
    paths_to_groups : sequence of path
        The train models' groups in the store.
    size : int
        Kernel size k.
    path_to_baselines : path
        Written: .npz, an array of shape (m, k, k) for each baseline; without those for
        which there are too few kernels.
    """
    from sklearn.cluster import KMeans

    kernels = sample_training_set(paths_to_groups, size)
    banks = {"templates": np.array([kernel for _, kernel in family.templates(size)])}
    for n_centres in N_CENTRES:
        if len(kernels) >= n_centres:
            fit = KMeans(n_centres, n_init=1, random_state=SEED).fit(sphere.to_sphere(kernels))
            banks[f"kmeans_{n_centres}"] = sphere.from_sphere(fit.cluster_centers_, size)
    with replacing(path_to_baselines) as path:
        np.savez(path, **banks)  # type: ignore[arg-type]
