"""How large the shapes are in each layer of one model: the scales of the nearest members."""

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kernel_atlas.figures import style

# On and off alike, and all directions: a part of the name of the member's class.
SHAPES = {
    "centre": style.COLOURS["on_centre"],
    "cross": style.COLOURS["on_cross"],
    "first_derivative": style.COLOURS[style.FIRST_DERIVATIVE],
    "second_derivative": style.COLOURS["on_second_derivative"],
    "square": style.COLOURS["on_square"],
}
MIN_KERNELS = 8  # of fewer, quartiles say little


@mpl.rc_context(style.RC)
def draw_sizes(model: str, classes: Mapping[int, pd.DataFrame]) -> Figure:
    """Median and quartiles of sigma by layer and shape, a panel a kernel size.

    Parameters
    ----------
    model : str
    classes : mapping
        From kernel size to that table of classes; none of them empty.
    """
    if not classes:
        return style.notice(f"{model}: no kernels of a size that is clustered")
    figure, panels = style.new_layer_panels(model, classes, 2.2)
    seen: set[str] = set()
    for axes, (size, table) in zip(panels, classes.items(), strict=True):
        layers = np.unique(table["layer_index"])
        for place in range(1, len(layers), 2):  # bands tell whose dots stand beside each other
            axes.axvspan(place - 0.5, place + 0.5, color="0.96", lw=0)
        quartiles = _quartiles(table)
        shapes = [shape for shape in SHAPES if shape in quartiles.index]
        for number, shape in enumerate(shapes):
            rows = quartiles.loc[shape]
            x = np.searchsorted(layers, rows.index) + 0.15 * (number - (len(shapes) - 1) / 2)
            axes.vlines(x, rows["low"], rows["high"], color=SHAPES[shape], lw=1.2, alpha=0.6)
            axes.plot(x, rows["median"], "o", color=SHAPES[shape], ms=3.5)
        seen.update(shapes)
        if not shapes:
            axes.text(
                0.5, 0.5, f"no layer has {MIN_KERNELS} kernels of one shape",
                transform=axes.transAxes, ha="center", color="0.3",
            )  # fmt: skip
        style.name_layers(axes, layers)
        axes.set(ylim=(0, None), ylabel="sigma (pixels)")
        axes.set_title(f"{size}x{size}: scale of the nearest members of the DoG family")
    handles = [
        Line2D([], [], color=colour, marker="o", ms=3.5, lw=1.2, label=style.title_of(shape))
        for shape, colour in SHAPES.items()
        if shape in seen
    ]
    figure.legend(handles=handles, loc="outside right center", handlelength=1.2)
    return figure


def _quartiles(table: pd.DataFrame) -> pd.DataFrame:
    """Of sigma: columns low, median and high by shape and layer, where kernels are enough."""
    shape = table["member"].astype(str).str.extract(f"({'|'.join(SHAPES)})", expand=False)
    sigma = table.groupby([shape, "layer_index"])["sigma"]
    shares = {"low": 0.25, "median": 0.5, "high": 0.75}
    quartiles = pd.DataFrame({name: sigma.quantile(share) for name, share in shares.items()})
    return quartiles[sigma.size() >= MIN_KERNELS]
