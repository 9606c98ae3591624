"""How far a clustered percentage would move with other layers: a bootstrap over layers.

The kernels of a layer are not independent, so layers are drawn, not kernels.
"""

import numpy as np

N_DRAWS = 2000
SEED = 0
COVERAGE_PERCENT = 95


def bootstrap_percent(n_clustered: np.ndarray, n_live: np.ndarray) -> tuple[float, float]:
    """Estimate an interval for the clustered percentage of all live kernels.

    Parameters
    ----------
    n_clustered, n_live : ndarray of shape (n_layers,)
        Of each layer.

    Returns
    -------
    tuple of float
        Lower and upper end of the interval that holds `COVERAGE_PERCENT` of the
        percentages of `N_DRAWS` draws of as many layers, with replacement (percentile
        bootstrap). NaN with fewer than two layers that have live kernels.
    """
    has_live = n_live > 0
    n_clustered, n_live = n_clustered[has_live], n_live[has_live]
    if len(n_live) < 2:
        return float("nan"), float("nan")
    generator = np.random.default_rng(SEED)
    draws = generator.integers(len(n_live), size=(N_DRAWS, len(n_live)))
    percents = 100 * n_clustered[draws].sum(axis=1) / n_live[draws].sum(axis=1)
    outside = (100 - COVERAGE_PERCENT) / 2
    low, high = np.percentile(percents, [outside, 100 - outside])
    return float(low), float(high)
