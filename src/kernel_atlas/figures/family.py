"""The DoG family as the paper draws it (Figures 1, 12, 13 and 15)."""

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch

from kernel_atlas.family import functions
from kernel_atlas.figures import style
from kernel_atlas.figures.mosaics import draw_kernels

SIZE = 7  # of the paper's grid, in pixels
SMOOTH = 21 * SIZE  # samples along the same length, which look continuous
SIGMA = 1.0  # in pixels of that grid
SCALE = f"Over {SIZE}x{SIZE} pixels, σ = {SIGMA:g} pixel"

CROSS_SIGMAS = (0.4, 0.5, 0.6, 0.7, 0.8)
CROSS_RATIOS = {
    np.inf: "Sum of two Gaussians (paper, Figure 15)",
    1.6: "With dark flanks (ours): sum of two differences of Gaussians, q = 1.6",
}

# only 5x5 kernels have squares, beside the middle (Section 5)
SQUARE_SIZE = 5
SQUARE_WIDTH = 3.0
SQUARE_SHIFTS = {"upper left": (-0.5, -0.5), "lower right": (0.5, 0.5)}
SQUARE_SCALE = f"Over {SQUARE_SIZE}x{SQUARE_SIZE} pixels, squares {SQUARE_WIDTH:g} pixels wide"

# Places of the kernels, by letter in their order: On in the left half, Off in the right, each
# derivative below its parent.
DIAGRAM = (".aa..bb.", "ccddeeff", "gghhiijj")
SQUARES = ("kkllmmnn",)
PARENTS = {"c": "a", "d": "a", "e": "b", "f": "b", "g": "c", "h": "d", "i": "e", "j": "f"}

SURFACES = {
    "On centre": "DoG",
    "First derivative, right": "First derivative",
    "On second derivative, x": "Second derivative",
}


def sample_diagram(size: int) -> dict[str, np.ndarray]:
    """The DoGs and their derivatives, by title: each of shape (size, size), over 7x7 pixels."""
    sigma = SIGMA * size / SIZE
    centre = functions.difference_of_gaussians(size, sigma)
    second = {
        axis: functions.second_derivative(size, sigma, direction)
        for axis, direction in (("x", 0.0), ("y", np.pi / 2))
    }
    return {
        "On centre": centre,
        "Off centre": -centre,
        **{
            f"First derivative, {name}": functions.first_derivative(size, sigma, direction)
            for name, direction in functions.DIRECTIONS.items()
        },
        **{f"On second derivative, {axis}": kernel for axis, kernel in second.items()},
        **{f"Off second derivative, {axis}": -kernel for axis, kernel in second.items()},
    }


def sample_squares() -> dict[str, np.ndarray]:
    """The squares, by title: each of shape (5, 5)."""
    squares = {
        corner: functions.square(SQUARE_SIZE, SQUARE_WIDTH, shift)
        for corner, shift in SQUARE_SHIFTS.items()
    }
    return {
        **{f"On square, {corner}": kernel for corner, kernel in squares.items()},
        **{f"Off square, {corner}": -kernel for corner, kernel in squares.items()},
    }


@mpl.rc_context(style.RC)
def plot_family_functions() -> Figure:
    """The DoG, its first and its second derivative as surfaces, over their images (Figure 1)."""
    kernels = sample_diagram(SMOOTH)
    x, y = functions.grid(SMOOTH)
    figure = style.new_figure(7.2, 4.1, SCALE)
    cells = figure.add_gridspec(2, 3, height_ratios=(0.7, 1))
    for column, (name, title) in enumerate(SURFACES.items()):
        kernel = kernels[name]
        surface = figure.add_subplot(cells[0, column], projection="3d")
        # paler than the images, or the lines would vanish
        shades = {"cmap": mpl.rcParams["image.cmap"], "vmin": -1.6, "vmax": 1.6}
        lines = {"rcount": 49, "ccount": 49, "edgecolor": "0.3", "linewidth": 0.15}
        # not clipped: it is wider than its square
        heights = kernel / np.abs(kernel).max()
        surface.plot_surface(x, y, heights, **shades, **lines, rasterized=True, clip_on=False)
        surface.set_title(title, y=1.12)  # above the peak, which leaves the panel
        surface.set(zlim=(-1, 1))
        surface.set_box_aspect((1, 1, 1), zoom=1.8)
        surface.set_axis_off()
        _draw_one(figure.add_subplot(cells[1, column]), kernel)
    return figure


def plot_family_derivatives() -> Figure:
    """The DoGs and their derivatives as smooth images (Figure 12)."""
    return draw_diagram(sample_diagram(SMOOTH), {})


def plot_family_grid() -> Figure:
    """The same on 7x7 pixels (Figure 13), and the squares of 5x5 kernels (Section 5)."""
    return draw_diagram(sample_diagram(SIZE), sample_squares())


@mpl.rc_context(style.RC)
def draw_diagram(
    derivatives: Mapping[str, np.ndarray], squares: Mapping[str, np.ndarray]
) -> Figure:
    """On and Off DoG, below each its derivatives, joined by lines; below these any squares.

    Parameters
    ----------
    derivatives, squares : mapping
        By title, in the order of their places.
    """
    places = DIAGRAM + (SQUARES if squares else ())
    figure = style.new_figure(7.2, 2.0 * len(places), SCALE)
    panels = figure.subplot_mosaic("\n".join(places), gridspec_kw={"hspace": 0.14})
    kernels = {**derivatives, **squares}
    for (title, kernel), axes in zip(kernels.items(), panels.values(), strict=True):
        _draw_one(axes, kernel, title)
    if squares:
        panels["k"].set_title(SQUARE_SCALE, pad=-8)
    for child, parent in PARENTS.items():
        siblings = [place for place in PARENTS if PARENTS[place] == parent]
        start = siblings.index(child) if len(siblings) > 1 else 0.5
        upper, lower = panels[parent], panels[child]
        line = ConnectionPatch((start, 0), (0.5, 1), "axes fraction", axesA=upper, axesB=lower)
        line.set(color="0.6", linewidth=0.8, zorder=-1)  # behind the titles
        figure.add_artist(line)
    return figure


@mpl.rc_context(style.RC)
def plot_family_crosses() -> Figure:
    """Crosses from narrow to wide (Figure 15, Appendix B), without and with flanks."""
    figure = style.new_figure(7.2, 3.7)
    rows = figure.subfigures(len(CROSS_RATIOS), squeeze=False)[:, 0]
    for row, (ratio, title) in zip(rows, CROSS_RATIOS.items(), strict=True):
        row.suptitle(title, x=0.01, ha="left", fontsize=9, fontweight="bold")
        panels = row.subplots(1, len(CROSS_SIGMAS))
        for axes, sigma in zip(panels, CROSS_SIGMAS, strict=True):
            _draw_one(axes, functions.cross(SIZE, sigma, ratio=ratio), f"σ = {sigma}")
    return figure


def _draw_one(axes: Axes, kernel: np.ndarray, title: str = "") -> None:
    size = len(kernel)
    margin = max(0.0, (SIZE - size) / 2)  # pixels of smaller kernels are as large
    draw_kernels(axes, kernel[None], n_columns=1, peak=np.abs(kernel).max())
    axes.set(xlim=(-margin, size + margin), ylim=(size + margin, -margin))
    below = axes.annotate(title, (size / 2, size), (0, -7), textcoords="offset points")
    below.set(ha="center", va="top", bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
    axes.axis("off")
