"""The figures of the DoG family: that what they show is the family, at its place."""

import re

import numpy as np
import pytest
from matplotlib.patches import ConnectionPatch

from kernel_atlas.family import functions
from kernel_atlas.figures.family import SMOOTH, draw_family
from kernel_atlas.figures.style import save_figure, title_of

NAMES = ["functions", "derivatives", "grid", "crosses"]


@pytest.fixture(scope="module")
def figures():
    return draw_family()


def image_of(axes):
    return np.asarray(axes.images[0].get_array())


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


def test_the_rule_has_a_png_and_an_svg_of_each_figure(figures, repository):
    text = (repository / "rules/figures_family.smk").read_text(encoding="utf-8")
    text, _ = text.split("rule plot_means:")
    files = set(re.findall(r'"results/figures/family/(\w+\.\w+)"', text))
    assert files == {f"{name}.{suffix}" for name in figures for suffix in ("png", "svg")}
    assert list(figures) == NAMES
    outputs = set(re.findall(r"^ {8}(\w+)=(?:report|\"results/figures)", text, re.MULTILINE))
    assert outputs == {f"{name}{suffix}" for name in figures for suffix in ("", "_svg")}


@pytest.mark.parametrize("name", NAMES)
def test_saved_without_warnings_and_twice_as_the_same_bytes(figures, name, tmp_path):
    for run, figure in (("first", figures[name]), ("second", draw_family()[name])):
        save_figure(figure, tmp_path / run / "f.png", tmp_path / run / "f.svg", dpi=50)
    for file in ("f.png", "f.svg"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()


def test_the_grid_shows_the_family_on_7x7_and_squares_on_5x5(figures):
    expected = diagram_of(7, 1.0)
    for corner, shift in (("upper left", (-0.5, -0.5)), ("lower right", (0.5, 0.5))):
        expected[f"On square, {corner}"] = functions.square(5, 3, shift)
        expected[f"Off square, {corner}"] = -functions.square(5, 3, shift)
    panels = panels_of(figures["grid"])
    assert panels.keys() == expected.keys()
    for title, axes in panels.items():
        np.testing.assert_allclose(image_of(axes), grey(expected[title]), err_msg=title)


def test_the_smooth_diagram_shows_the_same_functions_between_the_pixels(figures):
    expected = diagram_of(7, 1.0)
    panels = panels_of(figures["derivatives"])
    assert panels.keys() == expected.keys()
    step = SMOOTH // 7
    assert step > 15
    for title, axes in panels.items():
        image = image_of(axes)
        assert image.shape == (SMOOTH, SMOOTH)
        at_pixels = image[step // 2 :: step, step // 2 :: step]
        assert correlation(at_pixels, expected[title]) == pytest.approx(1), title


@pytest.mark.parametrize("name", ["derivatives", "grid"])
def test_off_stands_in_the_right_half_and_is_the_negative_of_on(figures, name):
    figure = figures[name]
    figure.draw_without_rendering()
    by_row = {}
    for title, axes in panels_of(figure).items():
        place = axes.get_position()
        by_row.setdefault(round(place.y0, 3), []).append((place.x0, title, image_of(axes)))
    assert len(by_row) == (4 if name == "grid" else 3)
    for row in by_row.values():
        row.sort(key=lambda panel: panel[0])
        half = len(row) // 2
        for (_, on, kernel), (_, off, negative) in zip(row[:half], row[half:], strict=True):
            np.testing.assert_allclose(kernel, 1 - negative, atol=1e-12)
            assert "Off" not in on
            assert "On" not in off


def test_lines_lead_from_each_function_down_to_its_derivatives(figures):
    figure = figures["derivatives"]
    figure.draw_without_rendering()
    titles = {axes: title for title, axes in panels_of(figure).items()}
    lines = [artist for artist in figure.artists if isinstance(artist, ConnectionPatch)]
    assert len(lines) == 8
    assert len({line.axesB for line in lines}) == 8
    for line in lines:
        parent, child = titles[line.axesA], titles[line.axesB]
        # the paper's names by the bright side are those of negative slopes of a centre
        sign = -1 if "centre" in parent else 1
        slopes = np.gradient(image_of(line.axesA))
        nearest = max(sign * correlation(slope, image_of(line.axesB)) for slope in slopes)
        assert nearest > 0.9, (parent, child)
        assert line.axesA.get_position().y0 > line.axesB.get_position().y1


@pytest.mark.parametrize("name", ["derivatives", "grid"])
def test_lines_end_at_the_images(figures, name):
    figure = figures[name]
    figure.draw_without_rendering()
    for line in figure.artists:
        upper, lower = line.axesA.get_window_extent(), line.axesB.get_window_extent()
        start, end = line.get_transform().transform(line.get_path().vertices)[[0, -1]]
        assert start[1] == pytest.approx(upper.y0)
        assert upper.x0 - 0.01 <= start[0] <= upper.x1 + 0.01
        assert end == pytest.approx([(lower.x0 + lower.x1) / 2, lower.y1])
        assert line.get_zorder() < line.axesA.get_zorder()  # or it strikes out the title


def test_squares_have_pixels_as_large_as_the_others_and_a_heading(figures):
    panels = panels_of(figures["grid"])
    assert {np.ptp(axes.get_xlim()) for axes in panels.values()} == {7}
    assert {np.ptp(axes.get_ylim()) for axes in panels.values()} == {7}
    headings = {title: axes.get_title("left") for title, axes in panels.items()}
    assert {title for title, heading in headings.items() if heading} == {"On square, upper left"}
    assert "5x5" in headings["On square, upper left"]


@pytest.mark.parametrize("name", ["functions", "derivatives", "grid"])
def test_the_scale_is_said(figures, name):
    assert figures[name].get_suptitle() == "Over 7x7 pixels, σ = 1 pixel"


def test_each_surface_stands_over_its_image(figures):
    figure = figures["functions"]
    surfaces = [axes for axes in figure.axes if axes.name == "3d"]
    assert [axes.get_title() for axes in surfaces] == [
        "DoG", "First derivative", "Second derivative",
    ]  # fmt: skip
    smooth = diagram_of(SMOOTH, SMOOTH / 7)
    names = ("On centre", "First derivative, right", "On second derivative, x")
    images = [image_of(axes) for axes in figure.axes if axes.images]
    for surface, image, name in zip(surfaces, images, names, strict=True):
        np.testing.assert_allclose(image, grey(smooth[name]), atol=1e-12)
        heights = np.asarray(surface.collections[0].get_array())  # of the faces
        side = round(len(heights) ** 0.5)
        step = SMOOTH // side
        middles = smooth[name][step // 2 :: step, step // 2 :: step][:side, :side]
        assert correlation(heights, middles) > 0.999
        assert heights.max() == pytest.approx(1, abs=0.02)


def test_crosses_are_sums_of_two_gaussians_on_7x7_without_and_with_flanks(figures):
    paper, ours = figures["crosses"].subfigs
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
