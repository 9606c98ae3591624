"""The figures of one model, drawn together: they share their tables and a process."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from kernel_atlas.classes.classifier import merge_classes
from kernel_atlas.extraction import store
from kernel_atlas.figures.layers import draw_layers
from kernel_atlas.figures.samples import draw_samples
from kernel_atlas.figures.sizes import draw_sizes
from kernel_atlas.figures.style import save_figure


def plot_model(
    path_to_group: str | Path,
    paths_to_classes: Mapping[int, str | Path],
    merge: Mapping[str, str],
    n_samples: int,
    dpi: int,
    paths_to_layers: tuple[str, str],
    paths_to_samples: tuple[str, str],
    paths_to_sizes: tuple[str, str],
) -> None:
    """Draw a model's proportions by layer, its samples, and the sizes of its shapes.

    Parameters
    ----------
    path_to_group : path
        The model's group in the store.
    paths_to_classes : mapping
        From kernel size to that table of classes.
    merge : mapping
        From a class to the one that it is counted as.
    n_samples : int
        Kernels drawn of each class.
    dpi : int
    paths_to_layers, paths_to_samples, paths_to_sizes : pair of path
        Written: PNG and SVG.
    """
    model = Path(path_to_group).name
    tables = {size: pd.read_parquet(path) for size, path in paths_to_classes.items()}
    classes = {
        size: merge_classes(table, merge) for size, table in tables.items() if not table.empty
    }
    kernels = {size: store.read_kernels(path_to_group, size).kernels for size in classes}
    save_figure(draw_layers(model, classes), *paths_to_layers, dpi)
    save_figure(draw_samples(model, classes, kernels, n_samples), *paths_to_samples, dpi)
    save_figure(draw_sizes(model, classes), *paths_to_sizes, dpi)
