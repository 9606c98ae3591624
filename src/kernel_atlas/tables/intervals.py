"""How far a percentage of kernels would move with other layers: a t interval over layers.

The kernels of a layer are not independent, so layers vary, not kernels. benchmarks/coverage.py
compares this interval with others.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

COVERAGE_PERCENT = 95
# The t interval is for normal layers. Where few are unlike the rest it holds the truth too
# seldom; with this factor it does so as often as it says (docs/limits.md).
WIDENING = 1.2
MIN_LAYERS = 5


def percent_interval(n_hits: np.ndarray, n_kernels: np.ndarray) -> tuple[float, float]:
    """Estimate an interval for the percentage of hits among the kernels of some layers.

    Parameters
    ----------
    n_hits, n_kernels : ndarray of shape (n_layers,)
        Of each layer. Layers without kernels count for nothing.

    Returns
    -------
    tuple of float
        Lower and upper end, from 0 to 100 percent. NaN with fewer than `MIN_LAYERS` layers
        that have kernels, and where hits are NaN.
    """
    from scipy.special import expit, logit, stdtrit  # slow, and figures of a model go without

    has_kernels = n_kernels > 0
    n_hits, n_kernels = n_hits[has_kernels], n_kernels[has_kernels]
    if len(n_kernels) < MIN_LAYERS:
        return float("nan"), float("nan")
    n = n_kernels.sum()
    weights = n_kernels / n
    share = n_hits.sum() / n
    # so many layers of one size would give the share as much freedom as these do
    n_effective = 1 / (weights**2).sum()
    variance = (weights * (n_hits / n_kernels - share) ** 2).sum() / (n_effective - 1)
    # half a hit keeps logits finite, and layers cannot agree better than independent kernels do
    centre = (n_hits.sum() + 0.5) / (n + 1)
    error = np.sqrt(np.maximum(variance, centre * (1 - centre) / n))
    quantile = WIDENING * stdtrit(n_effective - 1, 0.5 + COVERAGE_PERCENT / 200)
    reach = quantile * error / (centre * (1 - centre))
    low, high = expit(logit(centre) + np.array([-reach, reach]))
    return 100 * float(np.minimum(low, share)), 100 * float(np.maximum(high, share))


def pool_by_depth(models: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Add up counts of several models, layers of one relative depth together.

    Layers at one depth of related networks resemble each other, so each depth, not each
    layer, is a draw for `percent_interval`.

    Parameters
    ----------
    models : sequence of DataFrame
        Counts of each model: one row per layer, in the order of the layers.

    Returns
    -------
    DataFrame
        The sums as Int64, missing where a summand is: one row per depth that has layers, at
        most as many as the models have layers in the median.
    """
    n_depths = int(np.median([len(layers) for layers in models]))
    depths = [(2 * np.arange(len(layers)) + 1) * n_depths // (2 * len(layers)) for layers in models]
    counts = pd.concat(models).astype("Int64")
    return counts.groupby(np.concatenate(depths)).sum(skipna=False)
