"""Offset, spread and second moments: closed forms, and sums written out."""

import numpy as np
import pytest

from kernel_atlas.family.scale_space import discrete_gaussian
from kernel_atlas.measures import moments
from kernel_atlas.sphere import to_sphere


def second_moment(kernels):
    return moments.second_moment(to_sphere(kernels))


def gaussian(size, sigma, x=0.0, y=0.0):
    axis = np.arange(size) - size // 2
    return np.exp(-((axis - x) ** 2 + (axis[:, None] - y) ** 2) / (2 * sigma**2))


@pytest.mark.parametrize(("size", "sigma"), [(9, 1.2), (13, 1.8), (31, 4.0)])
@pytest.mark.parametrize("power", [1, 2])
def test_a_gaussian_spreads_by_sigma_squared_and_its_derivative_by_one_power_more(
    size, sigma, power
):
    axis = np.arange(size) - size // 2
    kernels = np.array([gaussian(size, sigma), -axis * gaussian(size, sigma)])
    found = moments.find_moments(kernels, power)
    tolerance = {"rel": 0.1 / sigma**2}  # |x| has a kink, which a grid of pixels is coarse for
    squares = sigma**2 * np.array([1, 1 + power])
    assert found.spread_x == pytest.approx(squares, **tolerance)
    assert found.spread_y == pytest.approx([sigma**2] * 2, **tolerance)
    np.testing.assert_allclose([found.offset_x, found.offset_y], 0, atol=1e-12)


def test_a_discrete_gaussian_spreads_by_exactly_sigma_squared():
    kernel = np.outer(discrete_gaussian(31, 1.5), discrete_gaussian(31, 0.7))[np.newaxis]
    found = moments.find_moments(kernel)
    assert found.spread_x == pytest.approx(0.49)
    assert found.spread_y == pytest.approx(2.25)


def test_the_offset_is_where_a_gaussian_lies():
    found = moments.find_moments(5 * gaussian(15, 1.2, x=1.3, y=-0.6)[np.newaxis])
    assert found.offset_x == pytest.approx(1.3, abs=1e-3)
    assert found.offset_y == pytest.approx(-0.6, abs=1e-3)


@pytest.mark.parametrize("size", [3, 4, 7, 31])
def test_moments_are_sums_over_pixels(size, rng):
    kernel = rng.normal(size=(size, size))
    found = moments.find_moments(kernel[np.newaxis])
    total = mean = square = 0.0
    for (row, column), weight in np.ndenumerate(np.abs(kernel)):
        del row
        place = column - (size - 1) / 2
        total, mean, square = total + weight, mean + weight * place, square + weight * place**2
    assert found.offset_x == pytest.approx(mean / total)
    assert found.spread_x == pytest.approx(square / total - (mean / total) ** 2)


def test_the_second_moment_has_the_variance_along_any_direction(rng):
    kernels = rng.normal(size=(60, 5, 5)) + 1
    centred = kernels - kernels.mean(axis=(1, 2), keepdims=True)
    centred /= np.linalg.norm(centred, axis=(1, 2), keepdims=True)
    matrix = second_moment(kernels)
    assert np.trace(matrix) == pytest.approx(1)
    rows = centred.reshape(60, 25)
    expected = np.linalg.eigvalsh(rows.T @ rows / 60)[1:]  # less the constant kernel
    np.testing.assert_allclose(np.linalg.eigvalsh(matrix), expected, atol=1e-6)


def test_similar_are_kernels_that_vary_along_the_same_axes(rng):
    one, other, noise = rng.normal(size=(3, 5, 5))
    first = second_moment(np.array([one, -2 * one]))
    centred = other - other.mean()
    centred -= (one - one.mean()) * (centred * one).sum() / ((one - one.mean()) ** 2).sum()
    assert moments.similarity(first, second_moment(np.array([3 * one]))) == pytest.approx(1)
    across = second_moment(np.array([centred]))
    assert moments.similarity(first, across) == pytest.approx(0, abs=1e-6)
    assert moments.isotropy(first) == pytest.approx(1 / np.sqrt(24))
    drawn = second_moment(rng.normal(size=(20_000, 5, 5)) * noise.std())
    assert moments.isotropy(drawn) > 0.99
