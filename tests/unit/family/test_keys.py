"""The eight master keys and their models: the figures that they were published with."""

import numpy as np
import pytest
from safetensors.numpy import load_file
from scipy.special import ive

from kernel_atlas.family import keys
from kernel_atlas.family.functions import difference_of_gaussians
from kernel_atlas.family.scale_space import discrete_gaussian, make_key_models
from kernel_atlas.sphere import centre

COSINES = [0.837, 0.939, 0.910, 0.906, 0.946, 0.954, 0.987, 0.997]
# percent of 7x7 kernels that a key describes: with either sign, with a positive gain
SHARES = {
    "fastvit_t8_int8": (64.2, 34.5),
    "mobileclip_s0_partial": (59.1, 31.2),
    "yolo12n_partial": (82.0, 18.2),
}


def test_keys_are_centred_and_of_unit_norm():
    found = keys.read_keys()
    assert found.shape == (8, 7, 7)
    np.testing.assert_allclose(found.mean(axis=(1, 2)), 0, atol=1e-15)
    np.testing.assert_allclose(np.linalg.norm(found, axis=(1, 2)), 1)


def test_models_are_as_near_to_their_keys_as_published():
    cosines = (make_key_models(7) * keys.read_keys()).sum(axis=(1, 2))
    np.testing.assert_allclose(cosines, COSINES, atol=0.0005)


@pytest.mark.parametrize("name", SHARES)
def test_keys_describe_the_published_share_of_real_kernels(name, real_weights):
    tensors = load_file(real_weights(name)).values()
    kernels = np.concatenate([w.reshape(-1, 7, 7) for w in tensors if w.shape[-1] == 7])
    nearest = keys.find_nearest(kernels, keys.read_keys())
    percents = 100 * nearest.is_described.mean(), 100 * nearest.is_positive.mean()
    np.testing.assert_allclose(percents, SHARES[name], rtol=0, atol=0.0501)


def test_no_key_describes_random_directions(rng):
    nearest = keys.find_nearest(rng.normal(size=(5_000, 7, 7)), keys.read_keys())
    assert not nearest.is_described.any()


def test_gain_and_mean_of_the_nearest_key_leave_the_least_error(rng):
    bank = keys.read_keys()
    kernels = -3 * bank[[4, 1]] + 0.1 * rng.normal(size=(2, 7, 7)) + 2
    nearest = keys.find_nearest(kernels.astype(np.float32), bank)
    assert nearest.key.tolist() == [4, 1]
    assert nearest.is_described.all()
    assert not nearest.is_positive.any()
    for kernel, key, cosine in zip(kernels, nearest.key, nearest.cosine, strict=True):
        columns = np.column_stack([bank[key].ravel(), np.ones(49)])
        (gain, mean), *_ = np.linalg.lstsq(columns, kernel.ravel(), rcond=None)
        assert mean == pytest.approx(kernel.mean())
        assert cosine * np.linalg.norm(kernel - kernel.mean()) == pytest.approx(gain, rel=1e-5)


@pytest.mark.parametrize("sigma", [0.4, 1.0, 2.5])
def test_a_discrete_gaussian_has_exactly_its_variance(sigma):
    values = discrete_gaussian(61, sigma)
    places = np.arange(-30, 31)
    assert values.sum() == pytest.approx(1)
    assert (places**2 * values).sum() == pytest.approx(sigma**2)


@pytest.mark.parametrize("size", [3, 5, 9, 31])
def test_models_on_other_grids_are_made_before_they_are_cut(size):
    made = make_key_models(size)
    assert list(keys.make_banks(size)) == ["ideal"]
    n = np.arange(-(size // 2) - 1, size // 2 + 2)
    x, y = (ive(np.abs(n), s**2) for s in (0.756, 0.460))
    forward = np.outer(y[1:-1], x[2:] - x[1:-1])  # key 4, along x
    np.testing.assert_allclose(made[3], centre(forward[np.newaxis])[0] / norm(forward), atol=1e-15)
    assert (made[7] * difference_of_gaussians(size, 0.605, np.inf)).sum() > 0.98


def norm(kernel):
    return np.linalg.norm(kernel - kernel.mean())


def test_keys_and_models_are_two_banks_of_7x7_and_even_grids_have_none():
    assert list(keys.make_banks(7)) == ["keys", "ideal"]
    assert keys.make_banks(4) == {}
