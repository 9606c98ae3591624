"""The autoencoder as the configuration has it (paper, Appendix C and Figure 16)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from kernel_atlas.figures import style

CODE_COLOUR = "#c00000"
HIDDEN_COLOUR = "#4c78a8"
ENDS_COLOUR = "0.55"
PITCH_INCHES = 0.75  # from one layer to the next
BAR = 0.22  # width of a layer, in that unit
_TEXT: Any = {"ha": "center", "va": "center", "fontsize": 7}
_TOP_TEXT: Any = _TEXT | {"va": "top"}


def plot_architecture(size: int, widths: Sequence[int]) -> Figure:
    """Draw the layers from left to right, as high as the logarithm of their width.

    Parameters
    ----------
    size : int
        Kernel size k.
    widths : sequence of int
        Of the encoder's hidden layers; the decoder has them in reverse.
    """
    return draw_architecture(size, layer_widths(size, widths))


def layer_widths(size: int, widths: Sequence[int]) -> list[int]:
    """Numbers of units from the input to the output; the code is in the middle."""
    n_inputs = size * size - 1
    return [n_inputs, *widths, 1, *reversed(widths), n_inputs]


def count_parameters(layers: Sequence[int]) -> list[int]:
    """Weights and biases of the linear map to each layer but the first."""
    return [(n_in + 1) * n_out for n_in, n_out in pairwise(layers)]


@mpl.rc_context(style.RC)
def draw_architecture(size: int, layers: Sequence[int]) -> Figure:
    """One bar per layer, with its units and activation; between two, the parameters.

    Parameters
    ----------
    size : int
        Kernel size k.
    layers : sequence of int
        As `layer_widths` returns.
    """
    counts = count_parameters(layers)
    code, last = len(layers) // 2, len(layers) - 1
    title = f"{size}x{size}: autoencoder with {sum(counts):,} parameters"
    figure = style.new_figure(PITCH_INCHES * (last + 1), 3.2, title)
    axes = figure.subplots()
    axes.axis("off")
    halves = 0.5 + np.log2(layers) / 2  # of the bars' heights
    bottom = -halves.max()
    for place, n_parameters in enumerate(counts):
        x = np.array([place + BAR / 2, place + 1 - BAR / 2])
        axes.fill_between(x, -halves[place : place + 2], halves[place : place + 2], color="0.93")
        axes.text(place + 0.5, 0, f"{n_parameters:,}", **_TEXT, color="0.3")
    colours = {0: ENDS_COLOUR, code: CODE_COLOUR, last: ENDS_COLOUR}
    activations = {0: "", code: "sigmoid", last: "tanh"}
    for place, (n_units, half) in enumerate(zip(layers, halves, strict=True)):
        colour = colours.get(place, HIDDEN_COLOUR)
        axes.add_patch(Rectangle((place - BAR / 2, -half), BAR, 2 * half, facecolor=colour))
        axes.text(place, half + 0.4, f"{n_units:,}", **_TEXT, fontweight="bold")
        axes.text(place, bottom - 0.5, activations.get(place, "LeakyReLU"), **_TEXT)
    named = {
        0: "kernel,\ncentred,\nunit norm",
        code / 2: f"encoder:\n{sum(counts[:code]):,} parameters",
        code: "code",
        code * 3 / 2: f"decoder:\n{sum(counts[code:]):,} parameters",
        last: "kernel,\ncentred,\nany norm",
    }
    for middle, name in named.items():
        colour = CODE_COLOUR if middle == code else "black"
        axes.text(middle, bottom - 1.2, name, **_TOP_TEXT, color=colour)
    axes.set(xlim=(-0.5, last + 0.5), ylim=(bottom - 2.9, -bottom + 0.8))
    return figure
