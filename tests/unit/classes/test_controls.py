"""Controls keep what they promise and nothing else; sweeps count what is clustered."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from support.classes import BANK

from kernel_atlas.classes.classifier import Classifier
from kernel_atlas.classes.controls import (
    CHANCE,
    CONTROL_COLUMNS,
    CONTROLS,
    N_CHANCE,
    N_SAMPLE,
    OF_KERNELS,
    OWN,
    SWEEP,
    make_chance,
    make_controls,
    measure_chance,
    percents_of_random,
    sweep_thresholds,
)
from kernel_atlas.codebooks.codebook import Codebook
from kernel_atlas.family import functions
from kernel_atlas.family.fit import find_matched, fit_members, weigh_residuals
from kernel_atlas.family.search import find_members
from kernel_atlas.sphere import find_dead, flatten, from_sphere, to_sphere

CODES = np.array(list(BANK.values()))
CLASSIFIER = Classifier(Codebook(CODES), np.array([*BANK], object), 0.2)
WITHOUT = Classifier(Codebook(np.zeros((0, 5, 5))), np.array([], object), 0.2)


@pytest.fixture
def kernels(rng):
    """200 smooth kernels of 5x5, with any scale and offset."""
    blobs = [functions.difference_of_gaussians(5, sigma) for sigma in rng.uniform(0.4, 2, 200)]
    scale, offset = rng.uniform(0.1, 10, (200, 1, 1)), rng.normal(size=(200, 1, 1))
    return (scale * np.array(blobs) + offset).astype(np.float32)


@pytest.fixture
def nearly_dead():
    kernels = np.zeros((100, 5, 5))
    kernels[:, 2, 2] = 1.2e-6
    assert not find_dead(kernels).any()
    return kernels


@pytest.mark.parametrize("n", [0, 50])
@pytest.mark.parametrize("size", [3, 4, 7])
def test_controls_are_live_kernels_of_the_same_shape(rng, size, n):
    kernels = rng.normal(size=(n, size, size)).astype(np.float32)
    given = kernels.copy()
    made = dict(make_controls(kernels))
    assert list(made) == list(OF_KERNELS)
    for control in made.values():
        assert control.shape == kernels.shape
        assert np.isrealobj(control)
        assert not find_dead(control).any()
        assert (control != kernels).any(axis=(1, 2)).all()
    np.testing.assert_array_equal(kernels, given)


def test_each_control_has_draws_of_its_own_and_the_same_every_time(kernels):
    made = dict(make_controls(kernels))
    for name, control in make_controls(kernels):
        np.testing.assert_array_equal(control, made[name])


def test_chance_has_draws_of_its_own_and_the_same_every_time(monkeypatch):
    monkeypatch.setattr("kernel_atlas.classes.controls.N_CHANCE", 200)
    made = dict(make_chance(5))
    assert {name: kernels.shape for name, kernels in made.items()} == {
        "random": (200, 5, 5),
        "fresh": (200, 5, 5),
    }
    for name, kernels in make_chance(5):
        np.testing.assert_array_equal(kernels, made[name])
    ranks = [np.argsort(np.argsort(kernels.ravel())) for kernels in made.values()]
    assert abs(np.corrcoef(*ranks)[0, 1]) < 0.05


def test_random_directions_are_uniform_on_the_sphere(rng):
    n, n_dimensions = 40_000, 8
    directions = to_sphere(CONTROLS["random"](np.zeros((n, 3, 3)), rng))
    np.testing.assert_allclose(directions.mean(axis=0), 0, atol=5 / np.sqrt(n * n_dimensions))
    covariance = directions.T @ directions / n
    np.testing.assert_allclose(covariance, np.eye(n_dimensions) / n_dimensions, atol=0.005)
    # fourth moments, along pixels, tell a ball from a cube
    pixels = flatten(from_sphere(directions, 3))
    expected = 3 / (n_dimensions * (n_dimensions + 2)) * (n_dimensions / 9) ** 2
    np.testing.assert_allclose((pixels**4).mean(axis=0), expected, rtol=0.06)


@pytest.mark.parametrize("size", [3, 7])
def test_fresh_kernels_are_those_of_a_new_convolution(rng, size):
    import torch

    made = CONTROLS["fresh"](np.zeros((2000, size, size)), rng)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        weight = torch.nn.Conv2d(2000, 2000, size, groups=2000).weight.detach().numpy()[:, 0]
    for values in (made, weight):
        assert np.abs(values).max() <= 1 / size
        quantiles = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
        np.testing.assert_allclose(quantiles * size, [-1, -0.5, 0, 0.5, 1], atol=0.03)


def test_shuffled_kernels_keep_their_values_in_other_places(kernels, rng):
    made = CONTROLS["shuffled"](kernels, rng)
    np.testing.assert_array_equal(np.sort(flatten(made)), np.sort(flatten(kernels)))
    # a bright pixel goes anywhere equally often, and not in all kernels at once
    bright = np.zeros((25_000, 5, 5))
    bright[:, 2, 2] = 1
    n_by_place = CONTROLS["shuffled"](bright, rng).sum(axis=0)
    np.testing.assert_allclose(n_by_place, 1000, atol=5 * np.sqrt(1000))


def test_phase_randomised_kernels_keep_their_spectrum_and_lose_their_shape(kernels, rng):
    made = CONTROLS["phase_randomised"](kernels, rng)
    assert made.dtype == np.float64
    np.testing.assert_allclose(*(np.abs(np.fft.fft2(k)) for k in (made, kernels)), atol=1e-5)
    cosine = np.einsum("ij,ij->i", to_sphere(made), to_sphere(kernels))
    assert abs(cosine.mean()) < 0.1
    assert cosine.max() < 0.999


def sweep_of(classifier, kernels, **banks):
    found = classifier.find_nearest(kernels), find_members(kernels)
    rows = sweep_thresholds(classifier, banks, kernels, *found)
    return pd.DataFrame(rows, columns=list(CONTROL_COLUMNS))


@pytest.mark.parametrize("threshold", [0.2, 0.137])
def test_a_sweep_counts_over_thresholds_and_the_one_in_force(rng, threshold):
    kernels = np.concatenate([rng.normal(size=(60, 5, 5)), CODES])
    bank = rng.normal(size=(40, 5, 5))
    found = sweep_of(replace(CLASSIFIER, threshold=threshold), kernels, bank=bank)
    groups = found.groupby(["method", "kernels"])
    methods = ("near", "codebook", "family", "bank")
    assert set(groups.groups) == {(m, k) for k in (OWN, *OF_KERNELS) for m in methods}
    for _, rows in groups:
        assert rows["threshold"].tolist() == sorted({*SWEEP, threshold})
        assert rows["n_clustered"].is_monotonic_increasing
        assert set(rows["n_kernels"]) == {64}
    assert (SWEEP[0], SWEEP[-1]) == (0.05, 0.5)
    cosine = np.corrcoef(kernels.reshape(64, 25), bank.reshape(40, 25))[:64, 64:]
    by_hand = {
        "bank": 1 - cosine.max(axis=1),
        "near": CLASSIFIER.codebook.nearest(kernels)[1],
        "family": weigh_residuals(fit_members(kernels)),
    }
    for method, dissimilarity in by_hand.items():
        own = groups.get_group((method, OWN))
        expected = [(dissimilarity < threshold).sum() for threshold in own["threshold"]]
        assert own["n_clustered"].tolist() == expected
        assert expected[-1] > expected[0]


def test_codes_without_a_class_cluster_nothing():
    unlabelled = replace(CLASSIFIER, labels=np.array(["other"] * 4, object))
    found = sweep_of(unlabelled, CODES, bank=CODES)
    own = found[found["kernels"] == OWN].groupby("method")["n_clustered"]
    assert own.min().to_dict() == {"near": 4, "codebook": 0, "family": 4, "bank": 4}
    assert (found.loc[found["method"] == "codebook", "n_clustered"] == 0).all()


def test_without_a_codebook_the_family_and_the_banks_are_counted(kernels):
    found = sweep_of(WITHOUT, kernels[:9], templates=CODES)
    assert set(found["method"]) == {"family", "templates"}


def test_controls_are_made_from_a_sample_of_many_kernels(rng, monkeypatch):
    assert N_SAMPLE == 2_000
    monkeypatch.setattr("kernel_atlas.classes.controls.N_SAMPLE", 20)
    kernels = rng.normal(size=(30, 5, 5))
    found = sweep_of(CLASSIFIER, kernels)
    n_kernels = found.groupby("kernels")["n_kernels"]
    expected = {OWN: 30, **dict.fromkeys(OF_KERNELS, 20)}
    assert n_kernels.min().to_dict() == n_kernels.max().to_dict() == expected
    pd.testing.assert_frame_equal(found, sweep_of(CLASSIFIER, kernels))


def test_dead_controls_are_left_out_and_not_counted(nearly_dead):
    made = {name: len(control) for name, control in make_controls(nearly_dead)}
    assert made["phase_randomised"] < 100  # random phases level some kernels
    assert made["shuffled"] == 100
    n_kernels = sweep_of(CLASSIFIER, nearly_dead).groupby("kernels")["n_kernels"]
    assert n_kernels.min().to_dict() == n_kernels.max().to_dict() == {OWN: 100, **made}


def test_chance_is_measured_once_for_all_models(tmp_path, monkeypatch):
    assert N_CHANCE == 20_000
    monkeypatch.setattr("kernel_atlas.classes.controls.N_CHANCE", 40)
    np.savez(tmp_path / "bank.npz", bank=CODES)
    np.savez(tmp_path / "seven.npz", bank=functions.cross(7, np.array([1.0])))
    banks = {5: tmp_path / "bank.npz", 7: tmp_path / "seven.npz"}
    seven = Classifier(Codebook(np.zeros((0, 7, 7))), np.array([], object), 0.137)
    measure_chance({5: CLASSIFIER, 7: seven}, banks, tmp_path / "chance.tsv")
    found = pd.read_csv(tmp_path / "chance.tsv", sep="\t")
    assert list(found) == list(CONTROL_COLUMNS)
    assert set(found["n_kernels"]) == {40}
    methods = {5: ("near", "codebook", "family", "bank"), 7: ("family", "bank")}
    expected = {(k, m, c) for k in methods for m in methods[k] for c in CHANCE}
    assert set(found.groupby(["kernel_size", "method", "kernels"]).groups) == expected
    assert 0.137 in found.loc[found["kernel_size"] == 7, "threshold"].to_numpy()
    made = dict(make_chance(5))["random"]
    residual = weigh_residuals(fit_members(made))
    of_random = found.query("kernel_size == 5 and method == 'family' and kernels == 'random'")
    counts = [(residual < threshold).sum() for threshold in of_random["threshold"]]
    assert of_random["n_clustered"].tolist() == counts
    assert counts[-1] > 0


def test_random_directions_are_measured_by_either_ruler(rng, monkeypatch):
    monkeypatch.setattr("kernel_atlas.classes.controls.N_CHANCE", 300)
    easy = replace(CLASSIFIER, threshold=0.6)
    found = percents_of_random(easy)
    made = rng.normal(size=(20_000, 5, 5))
    classes = easy.classify(made)
    assert found["near"] == pytest.approx(100 * classes["near"].mean(), abs=2)
    n_clustered = (classes["near"] & (classes["class"] != "other")).sum()
    assert found["clustered"] == pytest.approx(100 * n_clustered / len(made), abs=2)
    assert found["clustered"] < found["near"]
    matched = find_matched(fit_members(made[:300]), 0.6)
    assert found["matched"] == pytest.approx(100 * matched.mean(), abs=12)
    assert percents_of_random(easy) == found
    assert percents_of_random(replace(WITHOUT, threshold=0.6)) == {"matched": found["matched"]}
