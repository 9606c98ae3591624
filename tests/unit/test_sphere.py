"""The sphere: its basis, what it leaves out of a kernel, and which kernels have no place on it."""

import numpy as np
import pytest

from kernel_atlas.sphere import find_dead, flatten, from_sphere, hyperplane_basis, to_sphere

SIZES = pytest.mark.parametrize("size", range(2, 10))


@SIZES
def test_basis_is_orthonormal_and_orthogonal_to_constants(size):
    basis = hyperplane_basis(size)
    assert basis.shape == (size**2 - 1, size**2)
    np.testing.assert_allclose(basis @ basis.T, np.eye(size**2 - 1), atol=1e-12)
    np.testing.assert_allclose(basis.sum(axis=1), 0, atol=1e-12)


@SIZES
def test_round_trip_is_the_centred_kernel_of_unit_norm(size, rng):
    kernels = rng.normal(3, 2, (20, size, size)).astype(np.float32)
    directions = to_sphere(kernels)
    assert (directions.shape, directions.dtype) == ((20, size**2 - 1), np.float32)
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1, atol=1e-6)
    back = from_sphere(directions, size)
    assert (back.shape, back.dtype) == (kernels.shape, np.float32)
    centred = kernels - kernels.mean(axis=(1, 2), keepdims=True, dtype=np.float64)
    norms = np.sqrt((centred**2).sum(axis=(1, 2), keepdims=True))
    np.testing.assert_allclose(back, centred / norms, atol=1e-6)


def test_the_length_of_coordinates_is_kept(rng):
    coordinates = rng.normal(size=(5, 24))
    norms = np.linalg.norm(from_sphere(coordinates, 5).reshape(5, -1), axis=1)
    np.testing.assert_allclose(norms, np.linalg.norm(coordinates, axis=1), rtol=1e-5)


@pytest.mark.parametrize(("scale", "offset"), [(1e-3, -2), (1, 0.5), (250.0, 0)])
def test_scale_and_offset_make_no_difference(rng, scale, offset):
    kernels = rng.normal(size=(50, 5, 5))
    changed = scale * (kernels + offset)
    np.testing.assert_allclose(to_sphere(changed), to_sphere(kernels), atol=1e-6)
    np.testing.assert_allclose(to_sphere(-changed), -to_sphere(kernels), atol=1e-6)


@SIZES
def test_the_dot_product_is_the_mean_centred_cosine(size, rng):
    left, right = rng.normal(1, 1, (2, 30, size, size))
    expected = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(left, right, strict=True)]
    found = (to_sphere(left) * to_sphere(right)).sum(axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_constants_and_kernels_near_zero_are_dead(rng):
    constants = np.array([0, 1, 1e4, -3e-5, 0.1, 1e30])[:, None, None] * np.ones((3, 3))
    tiny = np.array([1e-8, 1e-20, 1e-40])[:, None, None] * rng.normal(size=(3, 3, 3))
    rounded = np.full((1, 3, 3), 1000, np.float32)
    rounded[0, 1, 1] = np.nextafter(np.float32(1000), np.float32(2000))
    assert find_dead(np.concatenate([constants, tiny, rounded]).astype(np.float32)).all()


@pytest.mark.parametrize("scale", [1e-3, 1, 1e4])
@pytest.mark.parametrize("offset", [0, 1])
def test_other_kernels_are_alive_beside_dead_ones(rng, scale, offset):
    kernels = scale * (rng.normal(size=(50, 5, 5)) + offset)
    kernels[7] = scale
    assert np.flatnonzero(find_dead(kernels.astype(np.float32))).tolist() == [7]


def test_no_kernels():
    none = np.zeros((0, 5, 5), np.float32)
    assert flatten(none).shape == (0, 25)
    assert (find_dead(none).shape, find_dead(none).dtype) == ((0,), bool)
    assert to_sphere(none).shape == (0, 24)
    assert from_sphere(to_sphere(none), 5).shape == (0, 5, 5)
