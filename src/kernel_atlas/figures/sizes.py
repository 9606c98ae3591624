"""How large the shapes are in each layer of one model, by the family's ruler."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kernel_atlas.classes.table import ClassTable
from kernel_atlas.figures import style
from kernel_atlas.figures.model import (
    IN_ORDER,
    LAYERS,
    TITLE,
    describe_axes,
    name_layers,
    new_column,
    no_kernels,
    read_classes,
    width_of_layers,
)
from kernel_atlas.figures.scales import mark_axis

# A part of the name of the member's class: on and off, and all directions, are taken together.
SHAPES = {
    "centre": style.COLOURS["on_centre"],
    "cross": style.COLOURS["on_cross"],
    "first_derivative": style.COLOURS[style.FIRST_DERIVATIVE],
    "second_derivative": style.COLOURS["on_second_derivative"],
    "square": style.COLOURS["on_square"],
}
HEIGHT = 1.6  # inches of a panel
LEGEND_INCHES = 1.6
MARKERS = dict(zip(SHAPES, "oX^Ds", strict=True))
MIN_KERNELS = 8  # the quartiles of fewer say little


def plot_sizes(classes: Sequence[str | Path], model: str, sizes: Sequence[int]) -> Figure:
    """Read the tables of `read_classes`, without merging, and draw them."""
    return draw_sizes(model, read_classes(classes, sizes, {}))


@mpl.rc_context(style.RC)
def draw_sizes(model: str, classes: Mapping[int, ClassTable]) -> Figure:
    """Median and quartiles of sigma by layer and shape of the member, one panel per kernel size.

    Parameters
    ----------
    model : str
    classes : mapping
        From kernel size to that table of classes; none of them is empty.
    """
    if not classes:
        return no_kernels(model)
    panels = [(LAYERS + TITLE if number else TITLE, HEIGHT) for number in range(len(classes))]
    width = width_of_layers(classes.values()) + LEGEND_INCHES
    figure, all_axes = new_column(model, width, panels, right=LEGEND_INCHES)
    seen: set[str] = set()
    for axes, (size, table) in zip(all_axes, classes.items(), strict=True):
        layers = np.unique(table.layer)
        # bands show whose dots stand beside each other
        bands = [(place - 0.5, 1) for place in range(1, len(layers), 2)]
        axes.broken_barh(bands, (0, 1), transform=axes.get_xaxis_transform(), color="0.96", lw=0)
        shapes = _quartiles(table)
        for number, (shape, (of_layers, low, median, high)) in enumerate(shapes.items()):
            x = np.searchsorted(layers, of_layers) + 0.15 * (number - (len(shapes) - 1) / 2)
            axes.vlines(x, low, high, color=SHAPES[shape], lw=1.2, alpha=0.6)
            axes.plot(x, median, MARKERS[shape], color=SHAPES[shape], ms=3.5)
        seen.update(shapes)
        if not shapes:
            text = f"no layer has {MIN_KERNELS} matched kernels of one shape"
            axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", color="0.3")
        name_layers(axes, layers)
        axes.set_ylim(0, None)
        mark_axis(axes)
        describe_axes(axes, IN_ORDER, "sigma (pixels)")
        axes.set_title(f"{size}x{size}: scale of the nearest members, of matched kernels")
    handles = [
        Line2D(
            [], [], color=colour, marker=MARKERS[shape], ms=3.5, lw=1.2, label=style.title_of(shape)
        )
        for shape, colour in SHAPES.items()
        if shape in seen
    ]
    figure.legend(handles=handles, loc="outside right center", handlelength=1.2)
    return figure


def _quartiles(table: ClassTable) -> dict[str, np.ndarray]:
    """Layers and quartiles of sigma where there are enough matched kernels, by shape.

    One column per layer: its index, and the low, the middle and the high quartile, in pixels.
    """
    found = {}
    for shape in SHAPES:
        names = [name for name in table.member.names if _shape_of(name) == shape]
        is_own = table.member.isin(names) & table.matched
        layer, sigma = table.layer[is_own], table.sigma[is_own].astype(float)
        layers, counts = np.unique(layer, return_counts=True)
        columns = [
            [place, *np.quantile(sigma[layer == place], (0.25, 0.5, 0.75))]
            for place in layers[counts >= MIN_KERNELS]
        ]
        if columns:
            found[shape] = np.transpose(columns)
    return found


def _shape_of(name: str) -> str | None:
    return next((shape for shape in SHAPES if shape in name), None)
