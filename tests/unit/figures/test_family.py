"""The figures of the DoG family: each image is a member of the family, in its place."""

import numpy as np
import pytest
from matplotlib.patches import ConnectionPatch
from support.figures import image_of

from kernel_atlas.family import functions
from kernel_atlas.figures import family
from kernel_atlas.figures.style import title_of

SCALE = "Over 7x7 pixels, σ = 1 pixel"


@pytest.fixture(params=[family.plot_family_derivatives, family.plot_family_grid])
def diagram(request):
    figure = request.param()
    figure.draw_without_rendering()
    return figure


def panels_of(figure):
    """Panels of flat images, by the title below them."""
    return {axes.texts[0].get_text(): axes for axes in figure.axes if axes.images}


def grey(kernel):
    """Zero halfway between black and white, the largest value of either sign at one of them."""
    return 0.5 + kernel / (2 * np.abs(kernel).max())


def correlation(a, b):
    return np.corrcoef(np.ravel(a), np.ravel(b))[0, 1]


def diagram_of(size, sigma):
    """What a diagram has to show, from the family alone."""
    centre = functions.difference_of_gaussians(size, sigma)
    x, y = (functions.second_derivative(size, sigma, angle) for angle in (0, np.pi / 2))
    kernels = {"On centre": centre, "Off centre": -centre}
    kernels |= {"On second derivative, x": x, "On second derivative, y": y}
    kernels |= {"Off second derivative, x": -x, "Off second derivative, y": -y}
    for name, direction in functions.DIRECTIONS.items():
        title = title_of(f"first_derivative_{name}")
        kernels[title] = functions.first_derivative(size, sigma, direction)
    return kernels


def test_the_grid_shows_the_family_on_7x7_and_squares_of_the_same_scale_on_5x5():
    expected = diagram_of(7, 1.0)
    for corner, shift in (("upper left", (-0.5, -0.5)), ("lower right", (0.5, 0.5))):
        expected[f"On square, {corner}"] = functions.square(5, 3, shift)
        expected[f"Off square, {corner}"] = -functions.square(5, 3, shift)
    panels = panels_of(family.plot_family_grid())
    assert panels.keys() == expected.keys()
    for title, axes in panels.items():
        np.testing.assert_allclose(image_of(axes), grey(expected[title]), err_msg=title)
        assert np.ptp(axes.get_xlim()) == np.ptp(axes.get_ylim()) == 7
    headings = {title: axes.get_title("left") for title, axes in panels.items()}
    assert {title for title, heading in headings.items() if heading} == {"On square, upper left"}
    assert "5x5" in headings["On square, upper left"]


def test_the_smooth_diagram_shows_the_same_functions_between_the_pixels():
    expected = diagram_of(7, 1.0)
    panels = panels_of(family.plot_family_derivatives())
    assert panels.keys() == expected.keys()
    for title, axes in panels.items():
        step = len(image_of(axes)) // 7
        assert step > 15
        at_pixels = image_of(axes)[step // 2 :: step, step // 2 :: step]
        assert correlation(at_pixels, expected[title]) == pytest.approx(1), title


def test_off_stands_in_the_right_half_and_is_the_negative_of_on(diagram):
    assert diagram.get_suptitle() == SCALE
    by_row = {}
    for title, axes in panels_of(diagram).items():
        place = axes.get_position()
        by_row.setdefault(round(place.y0, 3), []).append((place.x0, title, image_of(axes)))
    assert len(by_row) in (3, 4)
    for row in by_row.values():
        row.sort(key=lambda panel: panel[0])
        half = len(row) // 2
        for (_, on, kernel), (_, off, negative) in zip(row[:half], row[half:], strict=True):
            np.testing.assert_allclose(kernel, 1 - negative, atol=1e-12)
            assert "Off" not in on
            assert "On" not in off


def test_lines_lead_from_each_function_down_to_its_derivatives(diagram):
    lines = [artist for artist in diagram.artists if isinstance(artist, ConnectionPatch)]
    assert len({line.axesB for line in lines}) == len(lines) == 8
    for line in lines:
        parent, child = line.axesA, line.axesB
        # the bright side of a centre's derivative is where the centre falls
        sign = -1 if "centre" in parent.texts[0].get_text() else 1
        slopes = np.gradient(image_of(parent))
        nearest = max(sign * correlation(slope, image_of(child)) for slope in slopes)
        assert nearest > 0.8, (parent, child)
        assert child.get_window_extent().y1 < parent.get_window_extent().y0
        assert line.get_zorder() < parent.get_zorder(), "the line would strike out the title"


def test_each_surface_stands_over_its_image():
    figure = family.plot_family_functions()
    assert figure.get_suptitle() == SCALE
    surfaces = [axes for axes in figure.axes if axes.name == "3d"]
    titles = [axes.get_title() for axes in surfaces]
    assert titles == ["DoG", "First derivative", "Second derivative"]
    names = ("On centre", "First derivative, right", "On second derivative, x")
    images = [image_of(axes) for axes in figure.axes if axes.images]
    for surface, image, name in zip(surfaces, images, names, strict=True):
        smooth = diagram_of(len(image), len(image) / 7)[name]
        np.testing.assert_allclose(image, grey(smooth), atol=1e-12)
        heights = np.asarray(surface.collections[0].get_array())  # of the faces
        side = round(len(heights) ** 0.5)
        step = len(image) // side
        middles = smooth[step // 2 :: step, step // 2 :: step][:side, :side]
        assert correlation(heights, middles) > 0.999
        assert heights.max() == pytest.approx(1, abs=0.02)


def test_crosses_are_sums_of_two_gaussians_on_7x7_without_and_with_flanks():
    paper, ours = family.plot_family_crosses().subfigs
    assert "paper" in paper.get_suptitle()
    assert "ours" in ours.get_suptitle()
    arm = np.arange(7) - 3
    for row, depth in ((paper, 0), (ours, 1 / 1.6)):
        panels = panels_of(row)
        assert list(panels) == [f"σ = {sigma}" for sigma in (0.4, 0.5, 0.6, 0.7, 0.8)]
        for title, axes in panels.items():
            sigma = float(title.split()[-1])
            profile = np.exp(-(arm**2) / (2 * sigma**2))
            profile -= depth * np.exp(-(arm**2) / (2 * (1.6 * sigma) ** 2))
            kernel = profile[:, None] + profile
            expected = grey(kernel - kernel.mean())
            np.testing.assert_allclose(image_of(axes), expected, atol=1e-12)
