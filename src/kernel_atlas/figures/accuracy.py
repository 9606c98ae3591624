"""Clustered and matched percentages of models against their accuracy and number of parameters."""

import re
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, StrMethodFormatter

from kernel_atlas.classes.rulers import PAPER, RULERS, SHARE
from kernel_atlas.figures import style
from kernel_atlas.tables.reading import read_table

PUBLISHED = {
    "top1_percent": "top-1 accuracy on ImageNet (%)",
    "parameters_millions": "parameters (millions)",
}
MARKERS = "osD^vP*"  # with the colours, these tell 42 families apart
N_NAMED = 8  # points of a panel that have room for names
N_RANKED = 5  # points that a rank correlation needs
ROW_INCHES = 1.5
TIMM_HUB = re.compile(r"hf:timm/([^@:]+).*")


def plot_accuracy(clustered: str | Path, models: str | Path, ruler: str) -> Figure:
    """Draw the files clustered.tsv and models.tsv, with the published numbers."""
    return draw_accuracy(
        read_table(clustered),
        pd.read_csv(models, sep="\t", dtype=str, keep_default_na=False),
        read_published(),
        ruler,
    )


def read_published() -> pd.DataFrame:
    """The published numbers: one row per `source`; imagenet.tsv says where each comes from."""
    return pd.read_csv(Path(__file__).with_name("imagenet.tsv"), sep="\t", comment="#")


@mpl.rc_context(style.RC)
def draw_accuracy(
    clustered: pd.DataFrame, models: pd.DataFrame, published: pd.DataFrame, ruler: str = PAPER
) -> Figure:
    """One dot per checkpoint, in one row of panels for each kernel size and ruler.

    Parameters
    ----------
    clustered : DataFrame
        The table clustered.tsv.
    models : DataFrame
        The table models.tsv: `model`, `source` and `duplicate_of`.
    published : DataFrame
        `source`, `top1_percent` and `parameters_millions`.
    ruler : str
        The one whose row is on top.
    """
    percents = [f"{share}_percent" for share in SHARE.values()]
    clustered = clustered.dropna(subset=percents, how="all")  # a failed model may have a row
    if clustered.empty:
        return style.notice(style.NO_MODEL)
    first = models[models["duplicate_of"] == ""]
    sources = first.set_index("model")["source"].map(name_source)
    known = published.set_index("source")[[*PUBLISHED]]
    own = clustered[clustered["model"].isin(sources.index)]
    own = own.join(known, on=own["model"].map(sources))
    own = own.assign(family=own["family"].fillna("no family"))
    shown = own.dropna(subset=[*PUBLISHED])
    n_models, n_shown = own["model"].nunique(), shown["model"].nunique()
    if not n_shown:
        return style.notice(f"none of the {n_models} models has a published accuracy")
    rows = [
        (size, name)
        for size, table in shown.groupby("kernel_size")
        for name in sorted(RULERS, key=lambda name: name != ruler)
        if table[f"{SHARE[name]}_percent"].notna().any()
    ]
    title = f"{n_shown} of {n_models} models have a published accuracy"
    figure = style.new_figure(7.2, 0.6 + ROW_INCHES * len(rows), title)
    panels = figure.subplots(len(rows), 2, squeeze=False, sharex="col", sharey="row")
    families = list(dict.fromkeys(shown["family"]))
    for pair, (size, name) in zip(panels, rows, strict=True):
        table = shown[shown["kernel_size"] == size]
        pair[0].set(ylim=(0, 100), ylabel=f"{size}x{size}: {SHARE[name]} (%)")
        for axes, column in zip(pair, PUBLISHED, strict=True):
            _draw_dots(axes, table, column, f"{SHARE[name]}_percent", families)
    for axes, label in zip(panels[-1], PUBLISHED.values(), strict=True):
        axes.set_xlabel(label)
    panels[0, 1].set_xscale("log")
    panels[0, 1].xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panels[0, 1].xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    panels[0, 1].xaxis.set_minor_formatter("")
    style.shared_legend(figure, ncols=4)
    return figure


def name_source(source: str) -> str:
    """The source as the published table names it: a file of timm on the hub is ``timm:NAME``."""
    return TIMM_HUB.sub(r"timm:\1", source)


def _draw_dots(
    axes: Axes, table: pd.DataFrame, column: str, share: str, families: Sequence[str]
) -> None:
    """One dot per row, in the colour and shape of its family, and their rank correlation."""
    for family, rows in table.groupby("family", sort=False):
        number = families.index(family)
        colour = style.OWN_COLOURS[number % len(style.OWN_COLOURS)]
        marker = MARKERS[number % len(MARKERS)]
        (dots,) = axes.plot(rows[column], rows[share], marker, color=colour, label=family)
        # with an edge, bright colours are seen on white
        dots.set(ms=4.5, alpha=0.8, markeredgecolor="0.3", markeredgewidth=0.4)
    table = table[table[share].notna()]  # all kernels of a model may be dead
    if len(table) <= N_NAMED:
        for row in table.to_dict("records"):
            place, above = (row[column], row[share]), (0, 5)
            text = axes.annotate(row["model"], place, above, textcoords="offset points")
            text.set(fontsize=6, ha="center")
        axes.margins(x=0.25)
    if len(table) >= N_RANKED:
        correlation = table[[column, share]].rank().corr().iloc[0, 1]  # without scipy.stats: slow
        if pd.notna(correlation):  # none if all values of a column are equal
            axes.set_title(f"rank correlation {correlation:.2f}", fontsize=7, fontweight="normal")
