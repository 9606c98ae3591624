"""How a training went: loss and percentage of near kernels of each seed, by epoch."""

from collections.abc import Iterable
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from kernel_atlas.codebooks.codebook import SKIPPED
from kernel_atlas.codebooks.history import REFINEMENT, THRESHOLDS, paper_threshold, percent_column
from kernel_atlas.figures import style

# by part: its name, its loss, the colours of the kept seed and of the others
PARTS = {
    "train": ("trained on", "loss", "on_centre", "off_centre"),
    "held_out": ("held out", "held_out_loss", "on_cross", "off_cross"),
}
DASHES = dict(zip(THRESHOLDS, ("-", ":"), strict=True))
KEPT, OTHERS = 1.5, 0.7  # widths of lines


def plot_history(history: str | Path, size: int, threshold: float) -> Figure:
    """Draw the file history.tsv."""
    return draw_history(size, pd.read_csv(history, sep="\t"), threshold)


@mpl.rc_context(style.RC)
def draw_history(size: int, history: pd.DataFrame, threshold: float) -> Figure:
    """Two panels over the epochs, with kernels trained on and held out in each; words below.

    Parameters
    ----------
    size : int
        Kernel size k.
    history : DataFrame
        As `codebooks.history` writes it. The seed that is kept is bold.
    threshold : float
        In force for this size. The words are about the history's threshold nearest to it.
    """
    if history.empty:
        return style.notice(f"{size}x{size}: {SKIPPED}")
    figure = style.new_figure(7.2, 3.2)
    loss, near = figure.subplots(1, 2)
    for (is_kept, _), rows in history.groupby(["kept", "seed"]):
        for part, (_, column, bold, pale) in PARTS.items():
            look = {"color": style.COLOURS[bold], "lw": KEPT}
            if not is_kept:
                look = {"color": style.COLOURS[pale], "lw": OTHERS}
            loss.plot(rows["epoch"], rows[column], **look)
            for limit, dashes in DASHES.items():
                percents = rows[percent_column(part, limit)]
                near.plot(rows["epoch"], percents, dashes, **look)
    loss.set(xlabel="epoch", ylabel="loss (mean of 1 - cosine)", xlim=(0, None))
    loss.set_title(f"Autoencoder of {size}x{size}: loss")
    _scale_log(loss)
    near.set(xlabel="epoch", ylabel="kernels (%)", xlim=(0, None), ylim=(0, 100))
    near.set_title("Kernels near a code")
    _mark_refinement((loss, near), history)
    limits = [
        Line2D([], [], color="0.3", ls=dashes, label=f"dissimilarity below {limit}")
        for limit, dashes in DASHES.items()
    ]
    near.legend(handles=limits, loc="lower right")
    parts = [
        Line2D([], [], color=style.COLOURS[bold], label=f"kernels {name}")
        for name, _, bold, _ in PARTS.values()
    ]
    figure.legend(handles=parts, loc="outside upper left", ncols=len(PARTS))
    figure.supxlabel(
        _words(history, size, threshold), x=0.01, ha="left", fontsize=7.5, linespacing=1.5
    )
    return figure


def _mark_refinement(panels: Iterable[Axes], history: pd.DataFrame) -> None:
    """A line where the training of the decoder alone begins."""
    refined = history.loc[history["phase"] == REFINEMENT, "epoch"]
    if len(refined):
        for axes in panels:
            axes.axvline(refined.min() - 0.5, color="0.6", lw=0.7, zorder=0)
            axes.annotate(
                "decoder alone",
                (refined.min() - 0.5, 1),
                (3, -3),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                va="top",
                fontsize=7,
                color="0.4",
            )


def _scale_log(axes: Axes) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(NullLocator())


def _words(history: pd.DataFrame, size: int, threshold: float) -> str:
    """A line on how the percentage of near kernels grew, and one on the seeds if several."""
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
        best, limit = ends[ends["kept"]], paper_threshold(size)
        percent = percent_column(part, limit)
        end = f"{best[percent].item():.1f} % below {limit}"
        words += f"\nSeed {best.index[0]} (bold) is kept for its {end}"
    if len(others):
        words += f"; others (thin): {_span(others[percent], 1)} %"
    if len(diverged):
        words += f"; diverged: {', '.join(map(str, diverged))}"
    return words


def _span(values: pd.Series, digits: int) -> str:
    """The smallest and the largest value, or one if they read alike."""
    ends = [f"{value:.{digits}f}" for value in (values.min(), values.max())]
    return " to ".join(dict.fromkeys(ends))
