"""What all figures share: colours and names of classes, fonts, and how they are saved."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from PIL import Image

from kernel_atlas.atomic import replacing
from kernel_atlas.classes.table import FAMILY, PAPER
from kernel_atlas.family.functions import DIRECTIONS
from kernel_atlas.family.names import CLASSES, DEAD, OTHER, order_classes

DPI = 150  # as in config.yaml
LEGEND_COLUMNS = 4
LETTER_INCHES = 0.064  # the width of a letter, nearly always less

# Kernels are drawn in one of these, by matplotlib's names. In the diverging one, zero is white,
# and no reader needs to tell red from green.
COLOUR_MAPS = {"diverging": "RdBu_r", "grey": "gray"}

LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue (ITU-R BT.601)

FIRST_DERIVATIVE = "first_derivative"
FIRST_DERIVATIVES = {f"{FIRST_DERIVATIVE}_{name}": name for name in DIRECTIONS}

# Pairs of on (dark) and off (light). Any two classes are at least 14 apart in CAM02-UCS, for full
# colour vision, deuteranopia and protanopia, and neighbours in this order are so in grey print too
# (tests/unit/figures/test_colours.py). Grey has room for 8 such steps, not for all classes: that is
# why the parts of a bar have white edges, and hatches where the setting is grey.
COLOURS = {
    "on_centre": "#1a63bd",
    "off_centre": "#8fc6fb",
    "on_cross": "#b35400",
    "off_cross": "#f4b24a",
    FIRST_DERIVATIVE: "#2f8a5f",
    f"{FIRST_DERIVATIVE}_right": "#003000",
    f"{FIRST_DERIVATIVE}_down": "#088770",
    f"{FIRST_DERIVATIVE}_left": "#97a778",
    f"{FIRST_DERIVATIVE}_up": "#c7ffa7",
    "on_second_derivative": "#4a2370",
    "off_second_derivative": "#9a86d8",
    "on_square": "#8c1f40",
    "off_square": "#cd8aaa",
    OTHER: "#d0d0d0",
    DEAD: "#ffffff",
}
# These are at least 12 apart, also from the ones above.
OWN_COLOURS = ("#f7e710", "#405068", "#f77018", "#87688f", "#0008c7", "#401028")

RULER_COLOURS = {PAPER: COLOURS["on_centre"], FAMILY: COLOURS[FIRST_DERIVATIVE]}

# For print in grey, by a part of the name. Classes of one hatch are at least 14 apart in grey.
HATCHES = {
    "centre": "...",
    "cross": "xxx",
    "first_derivative": "///",
    "second_derivative": "|||",
    "square": "+++",
}
OWN_HATCHES = "---", "\\\\\\", "\\\\\\", "---", "---", "\\\\\\"  # of OWN_COLOURS

RC: Any = {
    "font.size": 8,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # SVG files name both: any sans serif where it is missing
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # else each drawing measures all texts around a title
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "text.hinting": "none",  # hints for coarser screens take half the time of a text
    "hatch.linewidth": 0.5,
    "svg.hashsalt": "kernel-atlas",  # the same figure gives the same bytes
    "svg.fonttype": "none",
    "image.cmap": COLOUR_MAPS["diverging"],
}

# Without dates
SAVED: Any = {".svg": {"metadata": {"Date": None}}, ".pdf": {"metadata": {"CreationDate": None}}}
HEAD: Any = {"ha": "left", "fontsize": 10, "fontweight": "bold"}  # the title of a figure

# the notice where a table of all models is empty
NO_MODEL = "no model has kernels of a size that is measured"


def colour_of(label: str, labels: Sequence[str]) -> str:
    """The colour of a class; the user's own classes take turns in the order of `labels`."""
    return COLOURS[label] if label in COLOURS else OWN_COLOURS[_turn_of(label, labels)]


def hatch_of(label: str, labels: Sequence[str]) -> str:
    """The hatch of a class in grey print: of two classes, this differs, or the grey does."""
    if label not in COLOURS:
        return OWN_HATCHES[_turn_of(label, labels)]
    return next((hatch for shape, hatch in HATCHES.items() if shape in label), "")


def _turn_of(label: str, labels: Sequence[str]) -> int:
    own = [name for name in labels if name not in COLOURS]
    return own.index(label) % len(OWN_COLOURS)


def is_grey() -> bool:
    """Whether the setting is grey, for print."""
    return mpl.rcParams["image.cmap"] == COLOUR_MAPS["grey"]


def fill_of(label: str, labels: Sequence[str]) -> dict[str, Any]:
    """How areas of a class are filled: a patch's colour and, in grey, its hatch."""
    colour = colour_of(label, labels)
    if not is_grey():
        return {"facecolor": colour}
    is_light = np.dot(to_rgb(colour), LUMINANCE) > 0.45
    hatch = hatch_of(label, labels)
    return {"facecolor": colour, "hatch": hatch, "hatchcolor": "0.2" if is_light else "0.9"}


def title_of(label: str) -> str:
    """A class as a reader sees it: 'On centre', 'First derivative, right'."""
    if label in FIRST_DERIVATIVES:
        return f"First derivative, {FIRST_DERIVATIVES[label]}"
    return label.replace("_", " ").capitalize()


def merge_first_derivatives(label: str) -> str:
    """The class as the paper's bar plots show it: the four directions as one (Section 5)."""
    return FIRST_DERIVATIVE if label in FIRST_DERIVATIVES else label


def order_merged(labels: Iterable[str]) -> list[str]:
    """Put the family and these classes in order, the four first derivatives as one."""
    return [*dict.fromkeys(map(merge_first_derivatives, order_classes({*CLASSES, *labels})))]


def patches_of(shown: Iterable[str], labels: Sequence[str]) -> list[Patch]:
    """Entries of a legend for the classes `shown`, of all the `labels` of the run."""
    return [
        Patch(
            edgecolor="0.6" if label == DEAD else "none",
            label=title_of(label),
            **fill_of(label, labels),
        )
        for label in shown
    ]


def legend_size(seen: Iterable[str]) -> tuple[float, float]:
    """The width and height in inches that `class_legend` needs at most."""
    lengths = sorted((len(title_of(name)) for name in seen), reverse=True)
    width = sum(0.5 + LETTER_INCHES * length for length in lengths[:LEGEND_COLUMNS])
    return width, 0.14 + 0.168 * -(-len(lengths) // LEGEND_COLUMNS)


def class_legend(figure: Figure, seen: Iterable[str], labels: Sequence[str]) -> None:
    """A legend below all panels for the classes `seen`, merged, of all the `labels` of the run."""
    handles = patches_of([name for name in order_merged(labels) if name in seen], labels)
    figure.legend(
        handles=handles, loc="outside lower center", handlelength=1.2, ncols=LEGEND_COLUMNS
    )


def new_figure(width_inches: float, height_inches: float, title: str = "") -> Figure:
    """A figure in the house style, without pyplot's global state."""
    figure = Figure(figsize=(width_inches, height_inches), layout="constrained")
    if title:
        figure.suptitle(title, x=0.01, **HEAD)
    return figure


def shared_legend(figure: Figure, ncols: int) -> None:
    """One legend below all panels, which names each thing that any of them has once."""
    entries = {
        label: handle
        for axes in figure.axes
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    # bars before what marks them
    names = sorted(entries, key=lambda label: not isinstance(entries[label], Patch))
    handles = [entries[name] for name in names]
    figure.legend(handles, names, loc="outside lower center", ncols=ncols)


class Canvas(FigureCanvasAgg):
    """Writes PNG files without an alpha channel: a tenth smaller, in two thirds of the time."""

    def print_png(self, path: Path, **_: Any) -> None:  # type: ignore[override]
        """Draw the figure and write it; `Figure.savefig` calls this."""
        self.draw()
        image = Image.fromarray(np.asarray(self.buffer_rgba())).convert("RGB")
        # with level 3 instead of 6, files are a tenth larger, in half the time
        image.save(path, "PNG", dpi=(self.figure.dpi,) * 2, compress_level=3)


def save_figure(figure: Figure, paths: Iterable[str | Path], dpi: int = DPI) -> None:
    """Save a figure as the suffixes say: the same figure gives the same bytes."""
    with mpl.rc_context(RC):
        # once for all files: as part of each, layout and margins would cost more than drawing
        figure.set_dpi(dpi)
        Canvas(figure)
        box = None
        if engine := figure.get_layout_engine():
            if figure.axes:  # a notice has none, and the engine would warn
                engine.execute(figure)
            figure.set_layout_engine(None)
            box = figure.get_tightbbox().padded(mpl.rcParams["savefig.pad_inches"])
        for path in paths:
            options = SAVED.get(Path(path).suffix.lower(), {})
            with replacing(path) as partial:
                figure.savefig(partial, dpi=dpi, bbox_inches=box, **options)


def notice(text: str) -> Figure:
    """A figure that says why there is nothing to draw."""
    figure = new_figure(6, 0.6)
    figure.text(0.5, 0.5, text, ha="center", va="center", fontsize=9, color="0.3")
    return figure
