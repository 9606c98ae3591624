"""How much the kernels of a layer differ: entropy, sparsity, orthogonality, effective rank.

The first three are those of P. Gavrikov and J. Keuper, CNN Filter DB, CVPR 2022
(arXiv:2203.15331), who measure 3x3 kernels.
"""

import numpy as np

from kernel_atlas import sphere

SPARSE_SHARE = 0.01  # of the largest weight of the layer
_CONSTANT = float(np.finfo(np.float32).eps) ** 2  # share of variance that float32 resolves
_ROWS = 512  # of the matrix of cosines at a time
MOST = 8192  # kernels of a layer whose pairs are all compared: their number grows as a square


def variance_entropy(kernels: np.ndarray) -> float:
    """The entropy of the variance of a layer's kernels over their principal components.

    -sum(p log p) / log(r): p_i is the share of component i in the variance of the kernels
    around their mean kernel, r = min(k k, n - 1) the number of components that there may be.

    Parameters
    ----------
    kernels : ndarray of shape (n, k, k)

    Returns
    -------
    float
        0 (all kernels vary along one direction, or are equal) to 1 (along all directions
        alike). NaN with fewer than three kernels.
    """
    if len(kernels) < 3:
        return float("nan")
    pixels = sphere.flatten(kernels)
    deviations = pixels - pixels.mean(axis=0)
    variances = _squared_singular_values(deviations)
    if variances.sum() <= _CONSTANT * (pixels**2).sum():
        return 0.0
    return _entropy(variances) / np.log(min(pixels.shape[1], len(pixels) - 1))


def sparsity(kernels: np.ndarray) -> float:
    """The share of a layer's kernels of which each weight is nearly zero, 0 to 1.

    Nearly zero is less than a hundredth of the layer's largest absolute weight; in a layer of
    zeros all kernels are. NaN without kernels.

    Parameters
    ----------
    kernels : ndarray of shape (n, k, k)
        All kernels of the layer, dead ones too.
    """
    if not len(kernels):
        return float("nan")
    largest = np.abs(kernels).max(axis=(1, 2))
    return float((largest < (SPARSE_SHARE * largest.max() or 1)).mean())


def orthogonality(kernels: np.ndarray) -> float:
    """One less the mean absolute cosine of pairs of a layer's kernels, which are not centred.

    1 - sum_ij abs(w_i w_j - delta_ij) / n (n - 1), with kernels w of unit norm. Of more than `MOST`
    kernels, as many are drawn with a fixed seed and compared.

    Parameters
    ----------
    kernels : ndarray of shape (n, k, k)
        None of them zero.

    Returns
    -------
    float
        0 (all kernels are alike but for their gain) to 1 (each is orthogonal to all others,
        which at most k k kernels can be). NaN with fewer than two kernels.
    """
    if len(kernels) > MOST:
        chosen = np.random.default_rng(0).choice(len(kernels), MOST, replace=False)
        kernels = kernels[np.sort(chosen)]
    n = len(kernels)
    if n < 2:
        return float("nan")
    pixels = sphere.flatten(kernels)
    rows = (pixels / np.linalg.norm(pixels, axis=1, keepdims=True)).astype(np.float32)
    total = 0.0  # over all pairs, each once
    for start in range(0, n, _ROWS):
        stop = min(start + _ROWS, n)
        cosines = rows[start:stop] @ rows[start:].T
        np.abs(cosines, out=cosines)
        inside = cosines[:, : stop - start]
        total += float(cosines.sum()) - float(inside.sum() + np.trace(inside)) / 2
    return 1 - 2 * total / (n * (n - 1))


def effective_rank(directions: np.ndarray) -> float:
    """The effective rank of the matrix whose rows are the directions of a layer's live kernels.

    exp(-sum(p log p)), p_i the share of singular value i in their sum (O. Roy and M. Vetterli,
    EUSIPCO 2007). NaN without kernels.

    Parameters
    ----------
    directions : ndarray of shape (n, k k - 1)
        From `sphere.to_sphere`.

    Returns
    -------
    float
        1 (all kernels are alike but for gain and mean) to k k - 1.
    """
    if not len(directions):
        return float("nan")
    directions = directions.astype(np.float64)
    return float(np.exp(_entropy(np.sqrt(_squared_singular_values(directions)))))


def _squared_singular_values(matrix: np.ndarray) -> np.ndarray:
    """From the smaller of the two products of the matrix with itself."""
    product = matrix.T @ matrix if len(matrix) > matrix.shape[1] else matrix @ matrix.T
    return np.linalg.eigvalsh(product).clip(0)


def _entropy(values: np.ndarray) -> float:
    """-sum(p log p) of values that are not negative, as shares p of their sum."""
    shares = values[values > 0] / values.sum()
    return float(-(shares * np.log(shares)).sum())
