"""Controls keep what they say and nothing else; baselines are fitted to the train models."""

import numpy as np
import pytest

from kernel_atlas.classes.controls import CONTROLS, make_controls
from kernel_atlas.codebooks import baselines, training_set
from kernel_atlas.codebooks.baselines import fit_baselines
from kernel_atlas.codebooks.codebook import nearest_codes
from kernel_atlas.family import functions
from kernel_atlas.family.templates import make_templates
from kernel_atlas.sphere import find_dead, flatten, from_sphere, to_sphere


@pytest.fixture
def kernels(rng):
    """200 smooth kernels of 5x5, with any scale and offset."""
    blobs = [functions.difference_of_gaussians(5, sigma) for sigma in rng.uniform(0.4, 2, 200)]
    scale, offset = rng.uniform(0.1, 10, (200, 1, 1)), rng.normal(size=(200, 1, 1))
    return (scale * np.array(blobs) + offset).astype(np.float32)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [3, 4, 7])
def test_controls_are_live_kernels_of_the_same_shape(size, dtype):
    kernels = np.random.default_rng(7).normal(size=(50, size, size)).astype(dtype)
    given = kernels.copy()
    made = dict(make_controls(kernels))
    assert list(made) == ["random", "fresh", "shuffled", "phase_randomised"]
    for control in made.values():
        assert control.shape == kernels.shape
        assert np.isrealobj(control)
        assert not find_dead(control).any()
        assert (control != kernels).any(axis=(1, 2)).all()
    np.testing.assert_array_equal(kernels, given)


def test_controls_are_the_same_each_time_whichever_is_made_first(kernels):
    made = dict(make_controls(kernels))
    both = zip(make_controls(kernels), make_controls(kernels), strict=True)
    for (name, one), (_, other) in both:
        np.testing.assert_array_equal(one, made[name])
        np.testing.assert_array_equal(other, made[name])


def test_controls_have_draws_of_their_own(kernels):
    made = dict(make_controls(kernels))
    ranks = [np.argsort(np.argsort(made[name].ravel())) for name in ("random", "fresh")]
    assert abs(np.corrcoef(*ranks)[0, 1]) < 0.05


def test_controls_that_died_are_left_out():
    """Random phases may level a kernel that is all but dead."""
    kernels = np.zeros((100, 5, 5))
    kernels[:, 2, 2] = 1.2e-6
    assert not find_dead(kernels).any()
    made = dict(make_controls(kernels))
    assert 0 <= len(made["phase_randomised"]) < 100
    assert len(made["shuffled"]) == len(made["random"]) == 100
    assert not any(find_dead(control).any() for control in made.values())


def test_no_kernels_give_no_controls():
    assert {name: len(made) for name, made in make_controls(np.zeros((0, 5, 5)))} == dict.fromkeys(
        CONTROLS, 0
    )


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


def test_shuffled_kernels_keep_their_values_and_lose_their_places(kernels, rng):
    made = CONTROLS["shuffled"](kernels, rng)
    np.testing.assert_array_equal(np.sort(flatten(made)), np.sort(flatten(kernels)))
    # one bright pixel: anywhere equally often, and not in all kernels at once
    bright = np.zeros((25_000, 5, 5))
    bright[:, 2, 2] = 1
    n_by_place = CONTROLS["shuffled"](bright, rng).sum(axis=0)
    np.testing.assert_allclose(n_by_place, 1000, atol=5 * np.sqrt(1000))


def test_phase_randomised_kernels_keep_their_spectrum_and_lose_their_shape(kernels, rng):
    made = CONTROLS["phase_randomised"](kernels, rng)
    assert made.dtype == np.float64
    np.testing.assert_allclose(*(np.abs(np.fft.fft2(k)) for k in (made, kernels)), atol=1e-5)
    np.testing.assert_allclose(*(np.abs(k.mean(axis=(1, 2))) for k in (made, kernels)), atol=1e-6)
    cosine = np.einsum("ij,ij->i", to_sphere(made), to_sphere(kernels))
    assert abs(cosine.mean()) < 0.1
    assert cosine.max() < 0.999
    # smooth as before: neighbours, round the edges, are as much alike
    for axis in (1, 2):
        alike = [(k * np.roll(k, 1, axis)).sum(axis=(1, 2)) for k in (made, kernels)]
        np.testing.assert_allclose(*alike, rtol=1e-4)


@pytest.fixture
def fit(write_group, tmp_path):
    """A function that fits baselines to models, each given by its kernels, and reads them."""

    def run(*models, order=1):
        groups = [write_group(f"net{i}", [("a", kernels)]) for i, kernels in enumerate(models)]
        path = tmp_path / "baselines" / "k5.npz"
        fit_baselines(groups[::order], 5, path)
        with np.load(path) as banks:
            return dict(banks)

    return run


def test_baselines_are_codebooks_of_centred_kernels(fit, rng):
    banks = fit(rng.normal(size=(250, 5, 5)))
    templates = [kernel for _, kernel in make_templates(5)]
    np.testing.assert_array_equal(banks.pop("templates"), templates)
    assert {name: bank.shape for name, bank in banks.items()} == {
        f"kmeans_{n}": (n, 5, 5) for n in (10, 50, 200)
    }
    for bank in banks.values():
        np.testing.assert_allclose(bank.sum(axis=(1, 2)), 0, atol=1e-5)
        # a mean of unit vectors; nearest_codes makes directions of them
        norms = np.linalg.norm(bank, axis=(1, 2))
        assert 0 < norms.min() <= norms.max() < 1 + 1e-6
        assert not find_dead(bank).any()


def test_baselines_do_not_depend_on_the_order_of_models_nor_on_scale(fit, rng):
    models = rng.normal(size=(2, 100, 5, 5))
    first, again, reversed_ = fit(*models), fit(*models), fit(*models, order=-1)
    scaled = fit(*(7 * models + 3))
    for name, bank in first.items():
        np.testing.assert_array_equal(again[name], bank)
        np.testing.assert_array_equal(reversed_[name], bank)
        np.testing.assert_allclose(scaled[name], bank, atol=1e-4)


def test_k_means_finds_clusters_on_the_sphere(fit, rng):
    means = from_sphere(np.eye(24)[:10], 5)
    kernels = np.repeat(means, 30, axis=0) + rng.normal(0, 0.01, (300, 5, 5))
    kernels *= rng.uniform(0.1, 10, (300, 1, 1))
    rows, dissimilarity = nearest_codes(to_sphere(means), fit(kernels)["kmeans_10"])
    assert sorted(rows) == list(range(10))
    assert dissimilarity.max() < 0.001


@pytest.mark.parametrize(
    ("n_live", "names"), [(0, []), (9, []), (10, ["kmeans_10"]), (60, ["kmeans_10", "kmeans_50"])]
)
def test_too_few_live_kernels_leave_k_means_out(fit, rng, n_live, names):
    live = rng.normal(size=(n_live, 5, 5))
    assert list(fit(np.concatenate([live, np.zeros((300, 5, 5))]))) == ["templates", *names]


def test_k_means_is_fitted_to_so_many_kernels_at_most(fit, rng, monkeypatch):
    kernels = rng.normal(size=(250, 5, 5))
    whole = fit(kernels)
    monkeypatch.setattr(training_set, "MAX_SAMPLE", 250)
    np.testing.assert_array_equal(fit(kernels)["kmeans_50"], whole["kmeans_50"])
    monkeypatch.setattr(training_set, "MAX_SAMPLE", 50)
    monkeypatch.setattr(baselines, "N_CENTRES", (10, 50, 51))
    capped = fit(kernels)
    assert list(capped) == ["templates", "kmeans_10", "kmeans_50"]
    # as many centres as kernels: the draw itself, of all places and no kernel twice
    rows, dissimilarity = nearest_codes(to_sphere(capped["kmeans_50"]), kernels)
    assert dissimilarity.max() < 1e-5
    assert len(set(rows)) == 50
    assert max(rows) > 150
    np.testing.assert_array_equal(fit(kernels)["kmeans_10"], capped["kmeans_10"])
