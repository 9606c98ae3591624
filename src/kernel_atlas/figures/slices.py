"""Random slices of one model's regular convolutions (paper, Figure 2 i)."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from kernel_atlas.extraction import store
from kernel_atlas.figures import style
from kernel_atlas.figures.samples import PITCH_INCHES, SEED, draw_grid

N_ROWS = 8  # of each kernel size, at most


def plot_slices(group: str | Path, model: str, n_samples: int) -> Figure:
    """Draw the slices of a model with role compare, of all sizes, `n_samples` per row.

    Parameters
    ----------
    group : path
        The zarr.json of the model's group in the store.
    """
    folder = Path(group).parent
    slices = {size: store.read_kernel_array(folder, size) for size in store.kernel_sizes(folder)}
    return draw_slices(model, slices, n_samples)


@mpl.rc_context(style.RC)
def draw_slices(model: str, slices: Mapping[int, np.ndarray], n_columns: int) -> Figure:
    """Slices in the order of their layers, one panel per kernel size.

    Parameters
    ----------
    model : str
    slices : mapping
        From kernel size to slices of shape (n, k, k) with n > 0.
    n_columns : int
    """
    if not slices:
        return style.notice(f"{model}: no slices of regular convolutions")
    generator = np.random.default_rng(SEED)
    chosen = {}
    for size, found in slices.items():
        n_drawn = min(len(found), N_ROWS * n_columns)
        chosen[size] = found[np.sort(generator.choice(len(found), n_drawn, replace=False))]
    n_rows = [-(-len(part) // n_columns) for part in chosen.values()]
    figure = style.new_figure(
        0.4 + PITCH_INCHES * n_columns,
        0.4 + sum(PITCH_INCHES * rows + 0.35 for rows in n_rows),
        f"{model}: slices of regular convolutions",
    )
    panels = figure.subplots(len(chosen), squeeze=False, height_ratios=n_rows)[:, 0]
    for axes, (size, part) in zip(panels, chosen.items(), strict=True):
        title = f"{size}x{size}: {len(part):,} of the {len(slices[size]):,} in the store"
        draw_grid(axes, part, n_columns, title)
    return figure
