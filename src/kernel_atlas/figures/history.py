"""How an autoencoder's training went: loss and clustered percentage by epoch."""

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from kernel_atlas.codebook import SKIPPED
from kernel_atlas.figures import style


@mpl.rc_context(style.RC)
def draw_history(size: int, history: pd.DataFrame) -> Figure:
    """Two panels over the epochs: trained-on and held-out kernels in each.

    Parameters
    ----------
    size : int
        Kernel size k.
    history : DataFrame
        As `kernel_atlas.train` writes it.
    """
    if history.empty:
        return style.notice(f"{size}x{size}: {SKIPPED}")
    figure = style.new_figure(7.2, 2.6)
    loss, clustered = figure.subplots(1, 2)
    parts = (("train", "loss", "#1f6fb4"), ("held_out", "held_out_loss", "#c25a00"))
    for part, column, colour in parts:
        name = part.replace("_", " ")
        loss.plot(history["epoch"], history[column], color=colour, label=name)
        for threshold, line in (("0.2", "-"), ("0.3", ":")):
            percent = history[f"{part}_clustered_percent_{threshold}"]
            clustered.plot(
                history["epoch"], percent, line, color=colour, label=f"{name}, below {threshold}"
            )
    loss.set(xlabel="epoch", ylabel="loss (mean of 1 - cosine)", ylim=(0, None))
    loss.set_title(f"Autoencoder of {size}x{size}: loss")
    clustered.set(xlabel="epoch", ylabel="kernels (%)", ylim=(0, 100))
    clustered.set_title("Clustered kernels")
    loss.legend()
    clustered.legend(loc="lower right")
    return figure
