"""How far the kernels of each layer are shifted, and its squares (paper, Appendix D)."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kernel_atlas.classes.table import ClassTable
from kernel_atlas.extraction import store
from kernel_atlas.family.names import DEAD
from kernel_atlas.figures import style
from kernel_atlas.figures.pool import read_tables
from kernel_atlas.sources.timm import SAME

SQUARES = ["on_square", "off_square"]
MIN_KERNELS = 16  # matched ones, below which a layer's mean shift says little
FAR = 0.2  # pixels from the middle, from which a layer is named
N_NAMED = 12  # layers that have room for names
# By stride, and whether padding is SAME, a marker and a colour; larger strides look like 2, and
# those below come first.
KINDS = {
    (0, False): ("s", "0.6", "stride not known"),
    (1, False): ("o", style.COLOURS["on_centre"], "stride 1"),
    (1, True): ("o", style.COLOURS["off_centre"], "stride 1, padding same"),
    (2, False): ("D", style.COLOURS["on_cross"], "stride 2 or more"),
    (2, True): ("D", style.COLOURS["off_cross"], "stride 2 or more, padding same"),
}


def plot_shifts(
    groups: Sequence[str | Path], size_classes: Sequence[str | Path], size: int
) -> Figure:
    """Read the columns that are needed, strides and padding, and draw the shifts.

    Parameters
    ----------
    groups, size_classes : sequence of path
        The zarr.json of each model's group in the store, and the tables of classes of this
        size, in the same order.
    """
    tables = [
        sum_up_layers(table, find_kinds(group, size)).assign(model=Path(group).parent.name)
        for group, table in zip(groups, read_tables(size_classes), strict=True)
    ]
    return draw_shifts(size, pd.concat(tables, ignore_index=True))


def find_kinds(group: str | Path, size: int) -> dict[int, tuple[int, bool]]:
    """The kind of each layer of this size, a key of `KINDS`, by the layer's index.

    `group` is the zarr.json of the model's group.
    """
    layers = store.read_layers(Path(group).parent)
    return {
        info.index: (min(info.stride or 0, 2), info.padding == SAME)
        for info in layers
        if info.kernel_size == size
    }


def sum_up_layers(classes: ClassTable, kinds: dict[int, tuple[int, bool]]) -> pd.DataFrame:
    """Sum up a table of classes, with `pool.COLUMNS`, by layer.

    Returns
    -------
    DataFrame
        One row per layer with at least `MIN_KERNELS` matched kernels: `layer_index`,
        `kind`, the means `shift_x` and `shift_y` of the matched kernels (in pixels, to the
        right and down), and `squares`, matched squares in percent of the live kernels.
    """
    layer, matched = classes.layer, classes.matched
    is_square = matched & classes.member.isin(SQUARES)
    n_layers = layer.max(initial=-1) + 1
    n_live, n_matched, n_squares = (
        np.bincount(layer[chosen], minlength=n_layers)
        for chosen in (~classes.own.isin([DEAD]), matched, is_square)
    )
    index = np.flatnonzero(n_matched >= MIN_KERNELS)
    sums = {
        name: np.bincount(layer[matched], classes[name][matched], n_layers)
        for name in ("shift_x", "shift_y")
    }
    return pd.DataFrame(
        {
            "layer_index": index,
            **{name: total[index] / n_matched[index] for name, total in sums.items()},
            "squares": 100 * n_squares[index] / n_live[index],
            "kind": [kinds[layer] for layer in index.tolist()],
        }
    )


@mpl.rc_context(style.RC)
def draw_shifts(size: int, layers: pd.DataFrame) -> Figure:
    """The mean shift of each layer, and for sizes with squares their share by its distance.

    Parameters
    ----------
    size : int
        Kernel size k.
    layers : DataFrame
        `sum_up_layers` of all models, with `model`.
    """
    if not layers[["shift_x", "shift_y"]].any(axis=None):
        return style.notice(f"{size}x{size}: no members with shifts")
    layers = layers.assign(distance=np.hypot(layers["shift_x"], layers["shift_y"]))
    title = f"{size}x{size}: {len(layers):,} layers of {layers['model'].nunique()} models"
    has_squares = bool(layers["squares"].any())
    figure = style.new_figure(7.2 if has_squares else 4.4, 3.9, title)
    left, *right = figure.subplots(1, 1 + has_squares, squeeze=False)[0]
    reach = 1.25 * layers[["shift_x", "shift_y"]].abs().to_numpy().max()
    for end in (left.axvline, left.axhline):
        end(0, color="0.8", lw=0.8, zorder=0)
    _draw_dots(left, layers, "shift_x", "shift_y")
    left.set(xlabel="mean shift to the right (pixels)", ylabel="mean shift down (pixels)")
    left.set(xlim=(-reach, reach), ylim=(reach, -reach), aspect="equal")
    left.set(xticks=left.get_yticks(), xlim=(-reach, reach))
    for axes in right:
        _draw_dots(axes, layers, "distance", "squares")
        axes.set(xlabel="distance from the middle (pixels)", ylabel="squares (%)")
        axes.set(xlim=(0, None), ylim=(0, None))
        _name_far(axes, layers)
    style.shared_legend(figure, ncols=3)
    return figure


def _draw_dots(axes: Axes, layers: pd.DataFrame, x: str, y: str) -> None:
    """One dot per layer, by its kind."""
    for kind, (marker, colour, label) in KINDS.items():
        own = layers[[other == kind for other in layers["kind"]]]
        if len(own):
            axes.plot(own[x], own[y], marker, color=colour, ms=4, alpha=0.7, label=label)


def _name_far(axes: Axes, layers: pd.DataFrame) -> None:
    """Name the layers far from the middle, if they are few, to the left of their dots."""
    far = layers[layers["distance"] >= FAR].sort_values("squares")
    if len(far) > N_NAMED:
        return
    pitch, last = 0.045 * layers["squares"].max(), -np.inf
    for row in far.to_dict("records"):
        last = max(row["squares"], last + pitch)
        text = f"{row['model']}, layer {row['layer_index']}"
        axes.text(row["distance"] - 0.02, last, text, ha="right", va="center", fontsize=6)
