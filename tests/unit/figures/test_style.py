"""What all figures share: the colours of classes, and the first derivative as one class."""

import numpy as np
from matplotlib.figure import Figure
from support.figures import image_of

from kernel_atlas.family.names import CLASSES
from kernel_atlas.figures import style


def test_every_class_has_a_colour_of_its_own():
    labels = [*CLASSES, "other", "dead"]
    assert len({style.colour_of(label, labels) for label in labels}) == len(labels)
    own = [f"mine{i}" for i in range(3)]
    colours = {style.colour_of(label, [*labels, *own]) for label in own}
    assert len(colours) == 3
    assert not colours & set(style.COLOURS.values())
    assert style.colour_of("mine9", [f"mine{i}" for i in range(40)]).startswith("#")


def test_only_the_four_directions_are_merged():
    labels = ["first_derivative_up", "first_derivative_diagonal", "first_derivative"]
    merged = ["first_derivative", "first_derivative_diagonal", "first_derivative"]
    assert [style.merge_first_derivatives(label) for label in labels] == merged


def test_kernels_are_drawn_in_rows_one_pixel_apart_each_in_its_own_range():
    kernels = np.array([[[0, 1], [2, 4]], [[3, 3], [3, 3]], [[-1, 0], [0, 1]]], float)
    axes = Figure().add_subplot()
    style.draw_kernels(axes, kernels, n_columns=2)
    nan = float("nan")
    expected = [
        [0, 0.25, nan, 0.5, 0.5],
        [0.5, 1, nan, 0.5, 0.5],
        [nan] * 5,
        [0, 0.5, nan, nan, nan],
        [0.5, 1, nan, nan, nan],
    ]
    np.testing.assert_array_equal(image_of(axes), expected)
