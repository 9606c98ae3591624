"""The DoG family as the paper draws it (Figures 1, 12, 13 and 15)."""

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch

from kernel_atlas.family import functions
from kernel_atlas.figures import style

SIZE = 7  # of the paper's grid, in pixels
SMOOTH = 21 * SIZE  # samples along the same length, which look continuous
SIGMA = 1.0  # in pixels of that grid
SCALE = f"Over {SIZE}x{SIZE} pixels, σ = {SIGMA:g} pixel"

CROSS_SIGMAS = (0.4, 0.5, 0.6, 0.7, 0.8)
CROSS_RATIOS = {
    np.inf: "Sum of two Gaussians (paper, Figure 15)",
    1.6: "With dark flanks (ours): sum of two differences of Gaussians, q = 1.6",
}

# squares are a matter of 5x5 kernels, and lie beside the middle (Section 5)
SQUARE_SIZE = 5
SQUARE_WIDTH = 3.0
SQUARE_SHIFTS = {"upper left": (-0.5, -0.5), "lower right": (0.5, 0.5)}
SQUARE_SCALE = f"Over {SQUARE_SIZE}x{SQUARE_SIZE} pixels, squares {SQUARE_WIDTH:g} pixels wide"

# Places of the kernels in their order: On in the left half, Off in the right, what is
# derived below its parent.
DIAGRAM = (".aa..bb.", "ccddeeff", "gghhiijj")
SQUARES = ("kkllmmnn",)
# By child: its parent, and where on the parent's lower edge the line between them starts.
PARENTS = {
    "c": ("a", 0), "d": ("a", 1), "e": ("b", 0), "f": ("b", 1),
    "g": ("c", 0.5), "h": ("d", 0.5), "i": ("e", 0.5), "j": ("f", 0.5),
}  # fmt: skip


def draw_family() -> dict[str, Figure]:
    """All figures of the family.

    Returns
    -------
    dict
        `functions` (paper, Figure 1), `derivatives` (Figure 12), `grid` (Figure 13, and the
        squares of Section 5) and `crosses` (Figure 15, and crosses with flanks).
    """
    return {
        "functions": draw_functions(),
        "derivatives": draw_diagram(sample_diagram(SMOOTH)),
        "grid": draw_diagram(sample_diagram(SIZE), sample_squares()),
        "crosses": draw_crosses(),
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
def draw_functions() -> Figure:
    """The DoG, its first and its second derivative as surfaces, over their images."""
    titles = {
        "On centre": "DoG",
        "First derivative, right": "First derivative",
        "On second derivative, x": "Second derivative",
    }
    kernels = sample_diagram(SMOOTH)
    x, y = functions.grid(SMOOTH)
    figure = style.new_figure(7.2, 4.1, SCALE)
    cells = figure.add_gridspec(2, 3, height_ratios=(0.7, 1))
    for column, (name, title) in enumerate(titles.items()):
        surface = figure.add_subplot(cells[0, column], projection="3d")
        surface.plot_surface(
            x, y, kernels[name] / np.abs(kernels[name]).max(),
            cmap="gray", vmin=-1.6, vmax=1.1,  # no black, where the lines would vanish
            rcount=49, ccount=49, edgecolor="0.3", linewidth=0.15, rasterized=True,
            clip_on=False,  # wider than high, so it leaves its square at the sides
        )  # fmt: skip
        surface.set(title=title, zlim=(-1, 1))
        surface.set_box_aspect((1, 1, 1), zoom=1.8)
        surface.set_axis_off()
        _draw_one(figure.add_subplot(cells[1, column]), kernels[name])
    return figure


@mpl.rc_context(style.RC)
def draw_diagram(
    derivatives: dict[str, np.ndarray], squares: dict[str, np.ndarray] | None = None
) -> Figure:
    """On and Off DoG, below each its derivatives, joined by lines; below these the squares.

    Parameters
    ----------
    derivatives, squares : dict
        By title, in the order of their places.
    """
    squares = squares or {}
    places = DIAGRAM + (SQUARES if squares else ())
    figure = style.new_figure(7.2, 2.0 * len(places), SCALE)
    panels = figure.subplot_mosaic("\n".join(places), gridspec_kw={"hspace": 0.14})
    kernels = derivatives | squares
    for (title, kernel), axes in zip(kernels.items(), panels.values(), strict=True):
        _draw_one(axes, kernel, title)
    if squares:
        panels["k"].set_title(SQUARE_SCALE, pad=-8)
    for child, (parent, start) in PARENTS.items():
        figure.add_artist(
            ConnectionPatch(
                (start, 0), (0.5, 1), "axes fraction", "axes fraction",
                axesA=panels[parent], axesB=panels[child],
                color="0.6", linewidth=0.8, zorder=-1,  # behind the titles
            )
        )  # fmt: skip
    return figure


@mpl.rc_context(style.RC)
def draw_crosses() -> Figure:
    """Crosses from narrow to wide (Appendix B), without and with flanks."""
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
    style.draw_kernels(axes, kernel[None], n_columns=1, peak=np.abs(kernel).max())
    axes.set(xlim=(-margin, size + margin), ylim=(size + margin, -margin))
    axes.annotate(
        title, (size / 2, size), (0, -7), textcoords="offset points", ha="center", va="top",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )  # fmt: skip
    axes.axis("off")
