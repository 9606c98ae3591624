"""The eight master keys, and which of them describes a kernel.

Z. Babaiee, P. M. Kiasari, D. Rus, R. Grosu: The Master Key Filters Hypothesis, AAAI 2025
(arXiv:2412.16751). keys.tsv has the numbers, their source and licence.
"""

from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np

import kernel_atlas
from kernel_atlas import sphere
from kernel_atlas.family.functions import unit
from kernel_atlas.family.scale_space import make_key_models

N_KEYS = 8
KEY_SIZE = 7
MIN_COSINE = 0.7  # of a key that describes a kernel, whatever the sign


class Nearest(NamedTuple):
    """The key with the largest cosine, of either sign, for each of n kernels.

    Attributes
    ----------
    key : ndarray of shape (n,), int
        Its row in the bank.
    cosine : ndarray of shape (n,), float64
        Of the centred kernels, with its sign. The kernel is close to
        ``gain * key + mean``, where the gain is the cosine times the norm of the centred
        kernel.
    highest : ndarray of shape (n,), float64
        The largest cosine with a key, perhaps another one, that needs no turning of its sign.
    """

    key: np.ndarray
    cosine: np.ndarray
    highest: np.ndarray

    @property
    def is_described(self) -> np.ndarray:
        """Whether a key describes the kernel with a gain of either sign, bool."""
        return np.abs(self.cosine) >= MIN_COSINE

    @property
    def is_positive(self) -> np.ndarray:
        """Whether a key, perhaps not the nearest, does so with a positive gain, bool."""
        return self.highest >= MIN_COSINE


def read_keys() -> np.ndarray:
    """The eight master keys, shape (8, 7, 7), float64, centred and of unit norm."""
    text = (files(kernel_atlas) / "family" / "keys.tsv").read_text(encoding="utf-8")
    _, *rows = (line for line in text.splitlines() if not line.startswith("#"))
    numbers = np.array([row.split("\t")[1:] for row in rows], float)
    return unit(numbers.reshape(N_KEYS, KEY_SIZE, KEY_SIZE))


@cache
def make_banks(size: int) -> dict[str, np.ndarray]:
    """The banks of this kernel size, each of shape (8, k, k).

    `ideal`, the models of the keys, on grids of odd size; `keys` for 7x7 alone.
    """
    keys = {"keys": read_keys()} if size == KEY_SIZE else {}
    # the middle of an even grid lies between pixels, where the models have none
    return keys | ({"ideal": make_key_models(size)} if size % 2 else {})


def find_nearest(kernels: np.ndarray, bank: np.ndarray) -> Nearest:
    """Find the nearest key of live kernels, of either sign.

    Parameters
    ----------
    kernels : ndarray of shape (n, k, k)
        None of them dead.
    bank : ndarray of shape (m, k, k)
        Centred, of unit norm.
    """
    centred = sphere.flatten(sphere.centre(kernels.astype(np.float64)))
    cosine = centred @ sphere.flatten(bank).T
    cosine /= np.linalg.norm(centred, axis=1, keepdims=True)
    key = np.abs(cosine).argmax(axis=1)
    return Nearest(key, cosine[np.arange(len(key)), key], cosine.max(axis=1))
