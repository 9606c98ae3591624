"""Baselines: k-means on the sphere and the template bank."""

import numpy as np
import pytest

from kernel_atlas.codebooks import baselines, training_set
from kernel_atlas.codebooks.baselines import fit_baselines
from kernel_atlas.codebooks.codebook import Codebook
from kernel_atlas.family.templates import make_templates
from kernel_atlas.sphere import from_sphere


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


def test_the_templates_are_among_them(fit, rng):
    templates = [kernel for _, kernel in make_templates(5)]
    np.testing.assert_array_equal(fit(rng.normal(size=(9, 5, 5)))["templates"], templates)


def test_baselines_do_not_depend_on_the_order_of_models_or_on_scale(fit, rng):
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
    rows, dissimilarity = Codebook(fit(kernels)["kmeans_10"]).nearest(means)
    assert sorted(rows) == list(range(10))
    assert dissimilarity.max() < 0.001


@pytest.mark.parametrize(
    ("n_live", "centres"), [(0, []), (9, []), (10, [10]), (60, [10, 50]), (250, [10, 50, 200])]
)
def test_k_means_is_left_out_with_too_few_live_kernels(fit, rng, n_live, centres):
    live = rng.normal(size=(n_live, 5, 5))
    banks = fit(np.concatenate([live, np.zeros((300, 5, 5))]))
    assert list(banks) == ["templates", *(f"kmeans_{n}" for n in centres)]
    assert all(banks[f"kmeans_{n}"].shape == (n, 5, 5) for n in centres)


def test_k_means_is_fitted_to_a_sample_of_many_kernels(fit, rng, monkeypatch):
    kernels = rng.normal(size=(250, 5, 5))
    monkeypatch.setattr(training_set, "MAX_SAMPLE", 50)
    monkeypatch.setattr(baselines, "N_CENTRES", (50, 51))
    banks = fit(kernels)
    assert list(banks) == ["templates", "kmeans_50"]
    # with as many centres as kernels, the centres are the sample
    rows, dissimilarity = Codebook(kernels).nearest(banks["kmeans_50"])
    assert dissimilarity.max() < 1e-5
    assert len(set(rows)) == 50
