"""What all figures share: colours and names of classes, fonts, and how they are saved."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from kernel_atlas.atomic import replacing
from kernel_atlas.family.functions import DIRECTIONS
from kernel_atlas.family.names import DEAD, OTHER

if TYPE_CHECKING:
    import pandas as pd

FIRST_DERIVATIVE = "first_derivative"
FIRST_DERIVATIVES = {f"{FIRST_DERIVATIVE}_{name}": name for name in DIRECTIONS}

# Pairs of on (saturated) and off (light), apart for most colour-blind readers.
COLOURS = {
    "on_centre": "#1f6fb4",
    "off_centre": "#9cc9ea",
    "on_cross": "#c25a00",
    "off_cross": "#f7b877",
    FIRST_DERIVATIVE: "#2e9a57",
    f"{FIRST_DERIVATIVE}_right": "#00441b",
    f"{FIRST_DERIVATIVE}_down": "#23985f",
    f"{FIRST_DERIVATIVE}_left": "#90c43c",
    f"{FIRST_DERIVATIVE}_up": "#d5edb4",
    "on_second_derivative": "#6a4c9c",
    "off_second_derivative": "#c3b1df",
    "on_square": "#a8325a",
    "off_square": "#eba7bd",
    OTHER: "#d9d9d9",
    DEAD: "#ffffff",
}
OWN_COLOURS = ("#8c6d31", "#17a2a2", "#d6c32c", "#5b5b5b", "#e377c2", "#393b79")

RC: Any = {
    "font.size": 8,
    "font.family": "DejaVu Sans",
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "svg.hashsalt": "kernel-atlas",  # the same figure gives the same bytes
    "svg.fonttype": "none",
}


def colour_of(label: str, labels: Sequence[str]) -> str:
    """The colour of a class; classes of the user's own take turns in `labels`' order."""
    if label in COLOURS:
        return COLOURS[label]
    own = [name for name in labels if name not in COLOURS]
    return OWN_COLOURS[own.index(label) % len(OWN_COLOURS)]


def title_of(label: str) -> str:
    """A class as a reader sees it: 'On centre', 'First derivative, right'."""
    if label in FIRST_DERIVATIVES:
        return f"First derivative, {FIRST_DERIVATIVES[label]}"
    return label.replace("_", " ").capitalize()


def merge_first_derivatives(label: str) -> str:
    """The class as the paper's bar plots show it: the four directions as one (Section 5)."""
    return FIRST_DERIVATIVE if label in FIRST_DERIVATIVES else label


def draw_kernels(
    axes: Axes, kernels: np.ndarray, n_columns: int, gap: int = 1, peak: float | None = None
) -> None:
    """Draw kernels as grey images in rows.

    Parameters
    ----------
    axes : Axes
        One data unit is one pixel; kernel i has its upper left corner at
        ((k + gap) * (i % n_columns), (k + gap) * (i // n_columns)).
    kernels : ndarray of shape (n, k, k)
        NaN leaves the place blank.
    n_columns, gap : int
    peak : float, optional
        The value that is white; its negative is black, and zero halfway between. By default
        each kernel is scaled to its own range, from black to white.
    """
    n, size = kernels.shape[:2]
    pitch = size + gap
    n_rows = -(-n // n_columns)
    canvas = np.full((n_rows * pitch - gap, n_columns * pitch - gap), np.nan)
    frames = []
    for i, kernel in enumerate(kernels):
        row, column = divmod(i, n_columns)
        if np.isnan(kernel).all():
            continue
        low, high = (kernel.min(), kernel.max()) if peak is None else (-peak, peak)
        scaled = np.full_like(kernel, 0.5) if low == high else (kernel - low) / (high - low)
        canvas[row * pitch : row * pitch + size, column * pitch : column * pitch + size] = scaled
        frames.append(Rectangle((column * pitch, row * pitch), size, size))
    height, width = canvas.shape
    axes.imshow(
        canvas, cmap="gray", vmin=0, vmax=1, interpolation="nearest",
        extent=(0, width, height, 0),
    )  # fmt: skip
    # a hairline, or a kernel with a white border has no border on white paper
    axes.add_collection(
        PatchCollection(frames, facecolor="none", edgecolor="0.6", linewidth=0.3, clip_on=False),
        autolim=False,
    )


def new_figure(width_inches: float, height_inches: float, title: str = "") -> Figure:
    """A figure in the house style, without pyplot's global state."""
    figure = Figure(figsize=(width_inches, height_inches), layout="constrained")
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold")
    return figure


def new_layer_panels(
    model: str, classes: "Mapping[int, pd.DataFrame]", height_inches: float
) -> tuple[Figure, list[Axes]]:
    """A figure of one model with a panel a kernel size, as wide as its layers need."""
    n_layers = max(table["layer_index"].nunique() for table in classes.values())
    width = float(np.clip(3.2 + 0.24 * n_layers, 6.7, 14))
    figure = new_figure(width, 0.3 + height_inches * len(classes), model)
    return figure, list(figure.subplots(len(classes), squeeze=False)[:, 0])


def name_layers(axes: Axes, layers: Iterable[int]) -> None:
    """Number the layers, which stand at 0, 1, 2 ..., along the x axis."""
    names = [str(layer) for layer in layers]
    step = -(-len(names) // 40)
    axes.set_xticks(np.arange(len(names))[::step], names[::step])
    axes.set(xlim=(-0.7, len(names) - 0.3), xlabel="depthwise layer, in the network's order")


def save_figure(figure: Figure, path_to_png: str | Path, path_to_svg: str | Path, dpi: int) -> None:
    """Save as PNG and SVG, without dates, so that the same figure gives the same bytes."""
    with mpl.rc_context(RC):
        for path, metadata in ((path_to_png, {}), (path_to_svg, {"Date": None})):
            with replacing(path) as partial:
                figure.savefig(partial, dpi=dpi, metadata=metadata, bbox_inches="tight")


def notice(text: str) -> Figure:
    """A figure that says why there is nothing to draw."""
    figure = new_figure(6, 0.6)
    figure.text(0.5, 0.5, text, ha="center", va="center", fontsize=9, color="0.3")
    return figure
