"""How an autoencoder's training went: loss and clustered percentage by epoch, of each seed."""

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from kernel_atlas.codebooks.codebook import SKIPPED
from kernel_atlas.codebooks.history import THRESHOLDS, percent_column
from kernel_atlas.figures import style

# by part: its name, its loss, the colours of the kept seed and of the others
PARTS = {
    "train": ("trained on", "loss", style.COLOURS["on_centre"], style.COLOURS["off_centre"]),
    "held_out": (
        "held out", "held_out_loss", style.COLOURS["on_cross"], style.COLOURS["off_cross"],
    ),
}  # fmt: skip
DASHES = dict(zip(THRESHOLDS, ("-", ":"), strict=True))
KEPT, OTHERS = 1.5, 0.7  # widths of lines


@mpl.rc_context(style.RC)
def draw_history(size: int, history: pd.DataFrame, threshold: float) -> Figure:
    """Two panels over the epochs, kernels trained on and held out in each, and words below.

    Parameters
    ----------
    size : int
        Kernel size k.
    history : DataFrame
        As `codebooks.history` writes it; the seed that is kept is bold.
    threshold : float
        In force for this size; the words tell of the history's threshold nearest to it.
    """
    if history.empty:
        return style.notice(f"{size}x{size}: {SKIPPED}")
    figure = style.new_figure(7.2, 3.2)
    loss, clustered = figure.subplots(1, 2)
    for (is_kept, _), rows in history.groupby(["kept", "seed"]):
        for part, (_, column, bold, pale) in PARTS.items():
            look = {"color": bold, "lw": KEPT} if is_kept else {"color": pale, "lw": OTHERS}
            loss.plot(rows["epoch"], rows[column], **look)
            for limit, dashes in DASHES.items():
                percents = rows[percent_column(part, limit)]
                clustered.plot(rows["epoch"], percents, dashes, **look)
    loss.set_yscale("log")
    loss.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    loss.yaxis.set_major_formatter("{x:g}")
    loss.yaxis.set_minor_locator(NullLocator())
    loss.set(xlabel="epoch", ylabel="loss (mean of 1 - cosine)", xlim=(0, None))
    loss.set_title(f"Autoencoder of {size}x{size}: loss")
    clustered.set(xlabel="epoch", ylabel="kernels (%)", xlim=(0, None), ylim=(0, 100))
    clustered.set_title("Clustered kernels")
    clustered.legend(
        handles=[
            Line2D([], [], color="0.3", ls=dashes, label=f"dissimilarity below {limit}")
            for limit, dashes in DASHES.items()
        ],
        loc="lower right",
    )
    figure.legend(
        handles=[
            Line2D([], [], color=bold, label=f"kernels {name}")
            for name, _, bold, _ in PARTS.values()
        ],
        loc="outside upper left",
        ncols=len(PARTS),
    )
    figure.supxlabel(_words(history, threshold), x=0.01, ha="left", fontsize=7.5, linespacing=1.5)
    return figure


def _words(history: pd.DataFrame, threshold: float) -> str:
    """How the clustered percentage grew, and a second line on the seeds where there are several."""
    limit = min(THRESHOLDS, key=lambda known: abs(known - threshold))
    part = "train" if history["held_out_loss"].isna().all() else "held_out"
    name, loss, *_ = PARTS[part]
    percent = percent_column(part, limit)

    kept = history[history["kept"]].set_index("epoch")
    shares = np.array([1 / 8, 1 / 4, 1 / 2, 1])
    epochs = np.unique(np.ceil(shares * len(kept)).astype(int))
    growth = [f"{kept.loc[epoch, percent]:.1f} % after {epoch}" for epoch in epochs]
    growth[0] += " epoch" if epochs[0] == 1 else " epochs"
    words = f"Of the kernels {name}, below {limit}: {', '.join(growth)}"
    if limit != threshold:
        words += f" (the threshold in force is {threshold:g})"

    ends = history[history["epoch"] == len(kept)].set_index("seed")
    others = ends[~ends["kept"] & ends[loss].notna()]
    diverged = ends.index[ends[loss].isna()]
    if len(ends) > 1:
        best, reason = ends[ends["kept"]], loss.replace("held_out_", "held-out ")
        words += (
            f"\nSeed {best.index[0]} (bold) is kept for its {reason} of {best[loss].item():.4f}"
        )
    if len(others):
        words += f"; others (thin): {_span(others[loss], 4)}, {_span(others[percent], 1)} %"
    if len(diverged):
        words += f"; diverged: {', '.join(map(str, diverged))}"
    return words


def _span(values: pd.Series, digits: int) -> str:
    """The smallest and the largest, or one where they are alike."""
    ends = [f"{value:.{digits}f}" for value in (values.min(), values.max())]
    return " to ".join(dict.fromkeys(ends))
