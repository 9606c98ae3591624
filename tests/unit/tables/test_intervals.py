"""The bootstrap over layers: known cases, a slow bootstrap, and how often it holds."""

import random

import numpy as np
import pytest

from kernel_atlas.tables.intervals import percent_interval


def bootstrap(n_clustered, n_live):
    return percent_interval(np.array(n_clustered, int), np.array(n_live, int))


def slow_bootstrap(n_clustered, n_live, n_draws=20_000):
    """The same interval, layer by layer, with another generator."""
    layers = list(zip(n_clustered, n_live, strict=True))
    draw = random.Random(1).choices
    percents = []
    for _ in range(n_draws):
        drawn = draw(layers, k=len(layers))
        percents.append(100 * sum(c for c, _ in drawn) / sum(n for _, n in drawn))
    return tuple(np.percentile(percents, [2.5, 97.5]))


@pytest.mark.parametrize("n_layers", [4, 12, 40])
def test_agrees_with_a_slow_bootstrap(rng, n_layers):
    n_live = rng.integers(10, 500, n_layers)
    n_clustered = rng.binomial(n_live, rng.uniform(size=n_layers))
    expected = slow_bootstrap(n_clustered.tolist(), n_live.tolist())
    found = bootstrap(n_clustered, n_live)
    assert found == pytest.approx(expected, abs=0.06 * (expected[1] - expected[0]))
    assert found == bootstrap(n_clustered, n_live)


@pytest.mark.parametrize("percent", [0, 25, 100])
def test_layers_that_are_alike_give_a_point(percent):
    n_live = np.array([4, 8, 400, 40])
    assert bootstrap(n_live * percent // 100, n_live) == (percent, percent)


def test_of_three_layers_the_lowest_and_the_highest_are_the_ends():
    # a layer is drawn three times in one of 27 draws, 3.7 %
    assert bootstrap([1, 4, 9], [10, 10, 10]) == (10, 90)
    assert bootstrap([1, 100, 9], [10, 200, 10]) == (10, 90)


@pytest.mark.parametrize("n_live", [[], [0], [7], [0, 7, 0]])
def test_fewer_than_two_live_layers_have_no_interval(n_live):
    assert np.isnan(bootstrap([0] * len(n_live), n_live)).all()


def test_layers_without_live_kernels_count_for_nothing():
    assert bootstrap([1, 0, 4, 9, 0], [10, 0, 20, 11, 0]) == bootstrap([1, 4, 9], [10, 20, 11])


def test_the_interval_holds_the_true_percentage_about_as_often_as_it_says(rng):
    n_simulations, n_layers = 300, 30
    n_held = 0
    for _ in range(n_simulations):
        n_live = rng.integers(50, 150, n_layers)
        n_clustered = rng.binomial(n_live, rng.beta(6, 4, n_layers))
        low, high = bootstrap(n_clustered, n_live)
        n_held += low <= 60 <= high
    assert 0.88 <= n_held / n_simulations <= 0.99
