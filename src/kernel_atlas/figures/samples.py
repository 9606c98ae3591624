"""Random kernels of each class of one model (Figures 5 and 6)."""

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from kernel_atlas.family.names import DEAD
from kernel_atlas.figures import style

SEED = 0


@mpl.rc_context(style.RC)
def draw_samples(
    model: str,
    classes: Mapping[int, pd.DataFrame],
    kernels: Mapping[int, np.ndarray],
    n_samples: int,
) -> Figure:
    """A row of kernels for each class that the model has, drawn at random (seeded).

    Parameters
    ----------
    model : str
    classes : mapping
        From kernel size to that table of classes; none of them empty.
    kernels : mapping
        From kernel size to kernels of shape (n, k, k), in the tables' order.
    n_samples : int
        Kernels a class, at most.
    """
    if not classes:
        return style.notice(f"{model}: no kernels of a size that is clustered")
    shown = {
        size: [name for name in table["class"].cat.categories
               if name != DEAD and (table["class"] == name).any()]
        for size, table in classes.items()
    }  # fmt: skip
    n_rows = {size: max(1, len(labels)) for size, labels in shown.items()}
    inches = 0.27
    figure = style.new_figure(
        2.3 + inches * n_samples,
        0.3 + sum(inches * 1.12 * rows + 0.35 for rows in n_rows.values()),
        model,
    )
    panels = figure.subplots(
        len(classes), squeeze=False, height_ratios=[n + 1.2 for n in n_rows.values()]
    )[:, 0]
    generator = np.random.default_rng(SEED)
    for axes, (size, table) in zip(panels, classes.items(), strict=True):
        pitch = size + 1
        rows = []
        labels = table["class"].astype(str).to_numpy()
        for name in shown[size]:
            members = np.flatnonzero(labels == name)
            chosen = generator.choice(members, min(n_samples, len(members)), replace=False)
            row = np.full((n_samples, size, size), np.nan, np.float32)
            row[: len(chosen)] = kernels[size][chosen]
            rows.append(row)
        axes.set_title(f"{size}x{size}", pad=4)
        axes.axis("off")
        if not rows:
            continue
        style.draw_kernels(axes, np.concatenate(rows), n_samples)
        for number, name in enumerate(shown[size]):
            share = 100 * (labels == name).mean()
            middle = number * pitch + size / 2
            axes.add_patch(
                Rectangle(
                    (-pitch * 0.6, number * pitch), size * 0.35, size, clip_on=False,
                    facecolor=style.colour_of(name, list(table["class"].cat.categories)),
                )
            )  # fmt: skip
            axes.text(
                -pitch * 0.8, middle, f"{style.title_of(name)}  {share:.1f} %",
                ha="right", va="center", fontsize=7,
            )  # fmt: skip
    return figure
