"""What the figures of one model share: its tables of classes, and panels over its layers."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kernel_atlas.classes.classifier import merge_classes
from kernel_atlas.extraction import store
from kernel_atlas.figures import style


def read_classes(
    paths_to_classes: Sequence[str | Path], sizes: Sequence[int], merge: Mapping[str, str]
) -> dict[int, pd.DataFrame]:
    """Read a model's tables of classes, merged.

    Parameters
    ----------
    paths_to_classes : sequence of path
        One table per kernel size, in the order of `sizes`.
    sizes : sequence of int
    merge : mapping
        From a class to the one that it is counted as.

    Returns
    -------
    dict
        From kernel size to table, without the sizes of which the model has no kernels.
    """
    tables = {
        size: pd.read_parquet(path) for size, path in zip(sizes, paths_to_classes, strict=True)
    }
    return {size: merge_classes(table, merge) for size, table in tables.items() if len(table)}


def read_kernels(group: str | Path, sizes: Iterable[int]) -> dict[int, np.ndarray]:
    """Read a model's kernels, by size, from its group in the store, named by its zarr.json."""
    return {size: store.read_kernels(Path(group).parent, size).kernels for size in sizes}


def no_kernels(model: str) -> Figure:
    """The notice for a model without kernels to classify."""
    return style.notice(f"{model}: no kernels of a size that is measured")


def new_layer_panels(
    model: str, tables: Iterable[pd.DataFrame], heights_inches: Sequence[float]
) -> tuple[Figure, list[Axes]]:
    """A figure of one model with one panel per height, as wide as the layers of the tables need."""
    n_layers = max(table["layer_index"].nunique() for table in tables)
    width = float(np.clip(3.2 + 0.24 * n_layers, 6.7, 14))
    figure = style.new_figure(width, 0.3 + sum(heights_inches), model)
    ratios, n_panels = list(heights_inches), len(heights_inches)
    return figure, list(figure.subplots(n_panels, squeeze=False, height_ratios=ratios)[:, 0])


def name_layers(axes: Axes, layers: Iterable[int]) -> None:
    """Number the layers, which stand at 0, 1, 2 ..., along the x axis."""
    names = [str(layer) for layer in layers]
    step = -(-len(names) // 40)
    axes.set_xticks(np.arange(len(names))[::step], names[::step])
    axes.set(xlim=(-0.7, len(names) - 0.3), xlabel="depthwise layer, in the network's order")
