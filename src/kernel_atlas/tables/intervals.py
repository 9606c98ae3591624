"""How far a percentage of kernels would move with other layers: a t interval over layers.

The kernels of a layer are not independent, so layers vary, not kernels.
"""

import numpy as np

COVERAGE_PERCENT = 95
MIN_LAYERS = 5


def percent_interval(n_hits: np.ndarray, n_kernels: np.ndarray) -> tuple[float, float]:
    """Estimate an interval for the percentage of hits among all kernels of some layers.

    Parameters
    ----------
    n_hits, n_kernels : ndarray of shape (n_layers,)
        Of each layer. Layers without kernels count for nothing.

    Returns
    -------
    tuple of float
        Lower and upper end, percent. NaN with fewer than `MIN_LAYERS` layers that have kernels.
    """
    from scipy.stats import t

    has_kernels = n_kernels > 0
    n_hits, n_kernels = n_hits[has_kernels], n_kernels[has_kernels]
    n_layers = len(n_kernels)
    if n_layers < MIN_LAYERS:
        return float("nan"), float("nan")
    share = n_hits.sum() / n_kernels.sum()
    deviations = (n_hits - share * n_kernels) / (n_kernels.sum() - n_kernels)
    error = np.sqrt((n_layers - 1) / n_layers * (deviations**2).sum())
    reach = t.ppf((1 + COVERAGE_PERCENT / 100) / 2, n_layers - 1) * error
    return 100 * max(float(share - reach), 0), 100 * min(float(share + reach), 1)
