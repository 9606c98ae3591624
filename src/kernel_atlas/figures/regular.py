"""Random slices of regular convolutions beside random depthwise kernels (paper, Figure 2)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure, SubFigure

from kernel_atlas import sphere
from kernel_atlas.extraction import store
from kernel_atlas.figures import style
from kernel_atlas.figures.samples import SEED, draw_grid

N_ROWS = 12  # of kernels in either half, at most; they are shared out among the sizes
N_COLUMNS = 12
PITCH_INCHES = 0.29  # from one kernel to the next
NO_REGULAR = "(i) is missing: no model with role compare is in the sheet,\nor none could be read."
NO_DEPTHWISE = "(ii) is missing: no model has live depthwise kernels."


def plot_regular(compared_groups: Sequence[str | Path], groups: Sequence[str | Path]) -> Figure:
    """Choose kernels of either kind at random (seeded), and draw them.

    Parameters
    ----------
    compared_groups, groups : sequence of path
        The zarr.json of each model's group in the store: of the models with role compare, and
        of all others.
    """
    return draw_regular(choose_kernels(compared_groups), choose_kernels(groups))


def choose_kernels(groups: Sequence[str | Path]) -> dict[int, np.ndarray]:
    """Choose live kernels of each size, one per layer of any model before a second of one.

    Parameters
    ----------
    groups : sequence of path
        As for `plot_regular`.

    Returns
    -------
    dict
        From kernel size to kernels of shape (n, k, k), in the order of models and layers. Of
        more than `N_ROWS` sizes, the smallest.
    """
    layers: dict[int, list[tuple[Path, int]]] = {}
    for folder in (Path(group).parent for group in groups):
        for info in store.read_layers(folder):
            layers.setdefault(info.kernel_size, []).append((folder, info.index))
    sizes = sorted(layers)[:N_ROWS]
    generator = np.random.default_rng(SEED)
    chosen = {}
    for number, size in enumerate(sizes):
        # the first sizes get the rows that remain
        n_rows = (N_ROWS - number - 1) // len(sizes) + 1
        kernels = _choose_from(layers[size], size, n_rows * N_COLUMNS, generator)
        if len(kernels):
            chosen[size] = kernels
    return chosen


def _choose_from(
    layers: Sequence[tuple[Path, int]], size: int, n: int, generator: np.random.Generator
) -> np.ndarray:
    """Choose at most `n` live kernels of these layers (group and index), in their order."""
    times = np.full(len(layers), n // len(layers))
    times[generator.choice(len(layers), n % len(layers), replace=False)] += 1
    parts = [np.zeros((0, size, size), np.float32)]
    of_model, read = None, None
    for (folder, index), wanted in zip(layers, times, strict=True):
        if not wanted:
            continue
        if read is None or folder != of_model:
            of_model, read = folder, store.read_kernels(folder, size)
        own = read.kernels[read.layer == index]
        live = own[~sphere.find_dead(own)]
        places = generator.choice(len(live), min(wanted, len(live)), replace=False)
        parts.append(live[np.sort(places)])
    return np.concatenate(parts)


@mpl.rc_context(style.RC)
def draw_regular(regular: Mapping[int, np.ndarray], depthwise: Mapping[int, np.ndarray]) -> Figure:
    """Two halves, one panel per kernel size in each.

    Parameters
    ----------
    regular, depthwise : mapping
        From kernel size to kernels of shape (n, k, k) with n > 0.
    """
    halves = {"(i) regular": regular, "(ii) depthwise": depthwise}
    halves = {title: kernels for title, kernels in halves.items() if kernels}
    if not halves:
        return style.notice("no model has kernels to draw")
    n_sizes = max(map(len, halves.values()))
    width = len(halves) * (N_COLUMNS * PITCH_INCHES + 0.3)
    figure = style.new_figure(width, 0.4 + N_ROWS * PITCH_INCHES + 0.3 * n_sizes)
    parts = figure.subfigures(1, len(halves), squeeze=False)[0]
    for part, (title, kernels) in zip(parts, halves.items(), strict=True):
        n_drawn = sum(map(len, kernels.values()))
        title = f"{title}: {n_drawn:,} drawn at random"
        part.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold")
        _draw_half(part, kernels)
    missing = NO_DEPTHWISE if not depthwise else "" if regular else NO_REGULAR
    figure.supxlabel(missing, x=0.01, ha="left", fontsize=8, color="0.3")
    return figure


def _draw_half(part: SubFigure, kernels: Mapping[int, np.ndarray]) -> None:
    n_rows = [-(-len(own) // N_COLUMNS) for own in kernels.values()]
    panels = part.subplots(len(kernels), squeeze=False, height_ratios=n_rows)[:, 0]
    for axes, (size, own) in zip(panels, kernels.items(), strict=True):
        draw_grid(axes, own, N_COLUMNS, f"{size}x{size}", fontsize=8, fontweight="normal", pad=3)
