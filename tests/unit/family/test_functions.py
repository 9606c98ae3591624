"""The DoG family: each function has the signs and symmetries that its name promises."""

import numpy as np
import pytest

from kernel_atlas.family.functions import (
    DIRECTIONS,
    MAKERS,
    cross,
    difference_of_gaussians,
    first_derivative,
    grid,
    second_derivative,
    square,
)
from kernel_atlas.family.names import CLASSES
from kernel_atlas.family.templates import make_templates
from kernel_atlas.sphere import find_dead, to_sphere

SIZES = pytest.mark.parametrize("size", [3, 5, 7, 9])


def equal(left, right):
    return np.allclose(left, right, atol=1e-12)


def assert_fourfold(kernel):
    """The same after a quarter turn and in both mirrors."""
    assert equal(kernel, np.rot90(kernel))
    assert equal(kernel, kernel[:, ::-1])
    assert equal(kernel, kernel[::-1])


@pytest.mark.parametrize("size", [2, 3, 5, 7, 9])  # on 2x2 some functions are constant
def test_templates_are_centred_of_unit_norm_and_alive(size):
    names, kernels = zip(*make_templates(size), strict=True)
    assert {kernel.shape for kernel in kernels} == {(size, size)}
    np.testing.assert_allclose([kernel.sum() for kernel in kernels], 0, atol=1e-12)
    np.testing.assert_allclose([np.linalg.norm(kernel) for kernel in kernels], 1)
    assert not find_dead(np.array(kernels)).any()
    assert set(names) <= set(CLASSES)


@SIZES
def test_every_class_occurs_and_squares_only_for_5x5(size):
    names = {name for name, _ in make_templates(size)}
    squares = {"on_square", "off_square"}
    assert names == (set(CLASSES) if size == 5 else set(CLASSES) - squares)


@SIZES
def test_off_is_the_negative_of_on(size):
    names, kernels = (np.array(part) for part in zip(*make_templates(size), strict=True))
    for name in {name for name in names if name.startswith("on_")}:
        own, twins = kernels[names == name], kernels[names == name.replace("on_", "off_", 1)]
        distances = np.abs(own[:, None] + twins).max(axis=(2, 3))
        assert (distances.min(axis=1) < 1e-12).all(), name


@SIZES
@pytest.mark.parametrize("ratio", [1.6, 3.0, np.inf])
def test_on_centre(size, ratio):
    kernel = difference_of_gaussians(size, 0.8, ratio)
    assert_fourfold(kernel)
    assert kernel.argmax() == size**2 // 2
    assert kernel[size // 2, size // 2] > 0 > kernel[0, 0]


def test_a_difference_of_gaussians_has_a_surround_and_one_gaussian_has_none():
    middle = difference_of_gaussians(9, 1.0)[4]
    assert middle.argmin() in (1, 7)  # the darkest ring lies within the grid
    assert difference_of_gaussians(9, 1.0, np.inf)[4].argmin() in (0, 8)


@SIZES
@pytest.mark.parametrize(("name", "direction"), DIRECTIONS.items())
def test_first_derivative_is_positive_only_on_its_side(size, name, direction):
    kernel = first_derivative(size, 1.0, direction)
    turns = {"right": 0, "down": -1, "left": 2, "up": 1}[name]
    right = np.rot90(kernel, -turns)  # so that the positive side is the right one
    middle = size // 2
    assert (right[:, middle + 1 :] > 0).all()
    assert (right[:, :middle] < 0).all()
    assert equal(right, -right[:, ::-1])
    assert equal(right, right[::-1])


@SIZES
def test_cross(size):
    kernel = cross(size, 0.5)
    assert_fourfold(kernel)
    middle = size // 2
    arms = np.zeros((size, size), bool)
    arms[middle] = arms[:, middle] = True
    assert kernel[arms].min() > 0 > kernel[~arms].max()


@SIZES
@pytest.mark.parametrize("aspect", [1.0, 2.0])
def test_on_second_derivative_is_a_bright_bar_across_its_direction(size, aspect):
    kernel = second_derivative(size, 0.8, 0.0, aspect)
    assert equal(kernel, kernel[:, ::-1])
    assert equal(kernel, kernel[::-1])
    assert not equal(kernel, kernel.T)
    middle = size // 2
    assert kernel.argmax() == size**2 // 2
    assert kernel[middle, middle] > kernel[middle + 1, middle] > kernel[middle, middle + 1]
    assert kernel[middle, middle + 1] < 0
    assert equal(second_derivative(size, 0.8, np.pi / 2, aspect), kernel.T)


def test_square_covers_pixels_by_area():
    kernel = square(5, 3.0)
    assert_fourfold(kernel)
    inside = np.zeros((5, 5), bool)
    inside[1:4, 1:4] = True
    assert np.ptp(kernel[inside]) < 1e-12
    assert np.ptp(kernel[~inside]) < 1e-12
    assert kernel[2, 2] > 0 > kernel[0, 0]
    half = square(5, 4.0)  # borders at 2, the middle of the outermost pixels
    corner, edge, middle = half[0, 0], half[0, 2], half[2, 2]
    assert np.isclose((edge - corner) / (middle - corner), (0.5 - 0.25) / (1 - 0.25))


def test_a_shift_moves_to_the_right_and_down():
    kernel = difference_of_gaussians(5, 0.6, shift=(1, 2))
    assert np.unravel_index(kernel.argmax(), kernel.shape) == (4, 3)
    np.testing.assert_array_equal(
        square(5, 4.0, (0.5, -0.5)) > 0, square(5, 4.0, (-0.5, -0.5))[:, ::-1] > 0
    )


def test_the_derivatives_are_those_of_a_gaussian():
    """By differences of Gaussians whose middles differ a little, both of the same norm."""
    step, sigma, direction, aspect = 1e-4, 1.1, 0.6, 1.7
    x, y = grid(7)
    u, v = (x * np.cos(direction) + y * np.sin(direction) for direction in (0.6, 0.6 + np.pi / 2))

    def gaussian(moved):
        return np.exp(-((u - moved) ** 2) / 2 / sigma**2 - v**2 / 2 / (aspect * sigma) ** 2)

    def unit(kernel):
        centred = kernel - kernel.mean()
        return centred / np.linalg.norm(centred)

    first = gaussian(step) - gaussian(-step)
    second = 2 * gaussian(0) - gaussian(step) - gaussian(-step)
    made = first_derivative(7, sigma, direction, aspect=aspect)
    np.testing.assert_allclose(made, unit(first), atol=1e-6)
    made = second_derivative(7, sigma, direction, aspect=aspect)
    np.testing.assert_allclose(made, unit(second), atol=1e-6)


def test_a_class_is_made_by_its_maker():
    assert tuple(MAKERS) == CLASSES
    names, bank = zip(*make_templates(5), strict=True)
    for name, maker in MAKERS.items():
        scale = 3.0 if maker.function is square else 0.7
        direction = [0.0 if maker.direction is None else maker.direction]
        derivative = maker.function in (first_derivative, second_derivative)
        shift = (0.4, 0.4) if maker.function is square else (0.0, 0.0)
        made = maker.sign * maker.function(5, scale, *direction * derivative, shift=shift)
        cosines = to_sphere(np.array(bank)) @ to_sphere(made[np.newaxis])[0]
        assert names[cosines.argmax()] == name


def test_what_is_constant_on_the_grid_is_zero():
    assert not cross(2, 0.5).any()
    assert not square(5, 9.0).any()
    widths = square(5, np.array([9.0, 3.0]))
    assert not widths[0].any()
    assert equal(widths[1], square(5, 3.0))
