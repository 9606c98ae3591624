"""The interval over layers: how often it holds, its bounds, and when there is none."""

import numpy as np
import pandas as pd
import pytest

from kernel_atlas.tables.intervals import percent_interval, pool_by_depth


def interval(n_hits, n_kernels):
    return percent_interval(np.array(n_hits), np.array(n_kernels))


@pytest.mark.parametrize("n_layers", [9, 20])
@pytest.mark.parametrize(("percent", "correlation"), [(5, 0.05), (72, 0.06), (95, 0.05)])
def test_holds_the_true_percentage_about_as_often_as_it_says(rng, n_layers, percent, correlation):
    n_simulations, share, freedom = 400, percent / 100, 1 / correlation - 1
    n_kernels = np.rint(np.geomspace(144, 1150, n_layers)).astype(int)
    n_held = 0
    for _ in range(n_simulations):
        rates = rng.beta(share * freedom, (1 - share) * freedom, n_layers)
        low, high = percent_interval(rng.binomial(n_kernels, rates), n_kernels)
        n_held += low <= percent <= high
    # four standard errors below the 93 % that docs/limits.md promises
    assert n_held / n_simulations >= 0.93 - 4 * np.sqrt(0.93 * 0.07 / n_simulations)


def test_layers_of_one_size_give_a_widened_t_interval_of_their_shares(rng):
    shares = rng.uniform(0.49, 0.51, 12)
    low, high = interval(1e9 * shares, np.full(12, 1e9))
    # a narrow interval in the middle is the same on the scale of logits; t of 11 degrees is 2.201
    error = 1.2 * 100 * shares.std(ddof=1) / np.sqrt(12)
    assert low == pytest.approx(100 * shares.mean() - 2.201 * error, abs=1e-3 * error)
    assert high == pytest.approx(100 * shares.mean() + 2.201 * error, abs=1e-3 * error)


def test_more_alike_layers_and_more_layers_give_a_narrower_interval():
    def width(hits):
        low, high = interval(hits, [100] * len(hits))
        return high - low

    apart, alike = [30, 90, 60, 50, 80], [58, 66, 62, 60, 64]
    assert width(alike) < width(apart)
    assert width(apart * 4) < width(apart)


def test_one_layer_with_nearly_all_kernels_leaves_everything_open():
    low, high = interval([5, 3, 6, 2, 600_000], [10, 10, 10, 10, 1_000_000])
    assert low < 1
    assert high > 99


@pytest.mark.parametrize("n_kernels", [[], [0], [7] * 4, [0, 7, 7, 0, 7, 7]])
def test_fewer_than_five_layers_with_kernels_have_no_interval(n_kernels):
    assert np.isnan(interval([0] * len(n_kernels), n_kernels)).all()
    assert not np.isnan(interval([0] * 5, [7] * 5)).any()


def test_unknown_hits_have_no_interval():
    assert np.isnan(interval([np.nan] * 9, [10] * 9)).all()


def test_layers_without_kernels_count_for_nothing():
    hits, kernels = [1, 4, 9, 3, 7], [10, 20, 11, 10, 9]
    assert interval([0, *hits, 0], [0, *kernels, 0]) == interval(hits, kernels)


@pytest.mark.parametrize("n_kernels", [1, 100])
def test_all_or_none_end_at_the_bound_and_are_no_point(n_kernels):
    kernels = [n_kernels] * 9
    none, all_ = interval([0] * 9, kernels), interval(kernels, kernels)
    assert none[0] == 0
    assert all_[1] == 100
    # independent kernels alone leave 3 of n open
    assert none[1] == pytest.approx(100 - all_[0])
    assert min(100, 100 * 3 / sum(kernels)) < none[1] < 100


def test_ends_are_percentages_around_the_percentage(rng):
    for _ in range(300):
        n_layers = rng.integers(5, 30)
        kernels = np.rint(np.exp(rng.uniform(0, 9, n_layers)))
        hits = rng.binomial(kernels.astype(int), rng.beta(0.2, 0.2, n_layers))
        low, high = percent_interval(hits, kernels)
        assert 0 <= low <= 100 * hits.sum() / kernels.sum() <= high <= 100


def layers_of(*counts):
    return pd.DataFrame({"n": pd.array(counts, dtype="Int64")})


def test_models_with_as_many_layers_are_pooled_layer_by_layer():
    pooled = pool_by_depth([layers_of(1, 2, 3), layers_of(10, 20, 30)])
    assert pooled["n"].tolist() == [11, 22, 33]


def test_other_numbers_of_layers_are_pooled_by_relative_depth():
    pooled = pool_by_depth([layers_of(1, 2), layers_of(10, 20), layers_of(100, 200, 300, 400)])
    assert pooled["n"].tolist() == [311, 722]
    assert pool_by_depth([layers_of(4, 5)])["n"].tolist() == [4, 5]


def test_a_sum_with_an_unknown_is_unknown():
    pooled = pool_by_depth([layers_of(1, None), layers_of(1, 2)])
    assert pooled["n"].isna().tolist() == [False, True]
