"""Random kernels of each arm of the experiments, before and after (Figures 21, 22 and 26)."""

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from kernel_atlas.figures import style
from kernel_atlas.figures.samples import SEED, draw_grid

NOTHING = "no checkpoint of the experiments has kernels of a size that is measured"
N_COLUMNS, N_ROWS = 12, 5  # of kernels in a panel
PANEL_INCHES = 3.5, 1.75  # width and height


@mpl.rc_context(style.RC)
def draw_kernels(kernels: Mapping[tuple[str, int], Mapping[int, np.ndarray]]) -> Figure:
    """The same kernels, drawn at random (seeded), at the start and at the last kept epoch.

    Parameters
    ----------
    kernels : mapping
        From arm and kernel size to the kernels of a checkpoint by epoch, shape (n, k, k). Each
        arm and size has a row.
    """
    if not kernels:
        return style.notice(NOTHING)
    n_panels = max(map(len, kernels.values()))
    width, height = PANEL_INCHES
    figure = style.new_figure(0.2 + width * n_panels, height * len(kernels))
    rows = figure.subplots(len(kernels), n_panels, squeeze=False)
    for row, ((arm, size), by_epoch) in zip(rows, kernels.items(), strict=True):
        n = min(map(len, by_epoch.values()))
        # of one layer and network, arms draw the same places
        places = np.random.default_rng(SEED).permutation(n)[: N_COLUMNS * N_ROWS]
        for axes in row[len(by_epoch) :]:
            axes.set_axis_off()
        for axes, (epoch, of_epoch) in zip(row, by_epoch.items(), strict=False):
            title = f"{arm}, {size}x{size}, epoch {epoch}"
            draw_grid(axes, of_epoch[np.sort(places)], N_COLUMNS, title)
    return figure
