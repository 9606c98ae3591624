"""What all figures share: the colours of classes, and the first derivative as one class."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from support.figures import image_of

from kernel_atlas.family.names import CLASSES
from kernel_atlas.figures import style
from kernel_atlas.figures.mosaics import draw_kernels


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


@pytest.mark.parametrize(
    ("colours", "rows"),
    [
        # zero in the middle, the largest value of either sign at its end
        ("diverging", [[0.5, 0.625], [0.75, 1], [0, 0], [0, 0], [0, 0.5], [0.5, 1]]),
        # each kernel from black to white
        ("grey", [[0, 0.25], [0.5, 1], [0.5, 0.5], [0.5, 0.5], [0, 0.5], [0.5, 1]]),
    ],
)
def test_kernels_are_drawn_in_rows_one_pixel_apart(colours, rows):
    kernels = np.array([[[0, 1], [2, 4]], [[-3, -3], [-3, -3]], [[-1, 0], [0, 1]]], float)
    axes = Figure().add_subplot()
    with mpl.rc_context({"image.cmap": style.COLOUR_MAPS[colours]}):
        draw_kernels(axes, kernels, n_columns=2)
    nan = float("nan")
    expected = [
        [*rows[0], nan, *rows[2]],
        [*rows[1], nan, *rows[3]],
        [nan] * 5,
        [*rows[4], nan, nan, nan],
        [*rows[5], nan, nan, nan],
    ]
    np.testing.assert_array_equal(image_of(axes), expected)
    assert axes.images[0].get_cmap().name == style.COLOUR_MAPS[colours]
