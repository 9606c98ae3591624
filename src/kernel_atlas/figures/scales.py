"""Names and numbers along an axis, as plain texts: ticks would take several times as long."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.lines import Line2D
from matplotlib.markers import TICKDOWN, TICKLEFT
from matplotlib.text import Text
from matplotlib.transforms import Bbox

TICK_POINTS = 7.0  # from a panel to a name beside it, as matplotlib has it

# From the place of a text to the start of its baseline: to the left, of its width; down, of the
# size of the font, by the metrics of DejaVu Sans.
LEFT = {"left": 0.0, "center": 0.5, "right": 1.0}
ASCENT = 0.76
DOWN = {"top": ASCENT, "center": ASCENT - 0.5, "center_baseline": ASCENT / 2}


class Name(Text):
    """A text of one line, never turned: placed without the layout that other texts need.

    Attributes
    ----------
    ems : float
        Its width in sizes of the font, measured once, as letters without hints scale; 0 before.
    """

    ems = 0.0

    def draw(self, renderer: RendererBase) -> None:
        """Draw the text, in a third less time than matplotlib's own."""
        if not self.get_text():
            return
        x, y, _ = self._place(renderer)
        if renderer.flipy():
            y = renderer.get_canvas_width_height()[1] - y
        context = renderer.new_gc()
        context.set_foreground(self.get_color())
        renderer.draw_text(context, x, y, self.get_text(), self.get_fontproperties(), 0, mtext=self)
        context.restore()

    def get_window_extent(
        self, renderer: RendererBase | None = None, dpi: float | None = None
    ) -> Bbox:
        """The box that a layout keeps free for the text, in pixels."""
        figure: Any = self.get_figure(root=True)
        x, y, size = self._place(renderer or figure.canvas.get_renderer())
        return Bbox.from_bounds(x, y - (1 - ASCENT) * size, self.ems * size, size)

    def _place(self, renderer: RendererBase) -> tuple[float, float, float]:
        """Where the baseline starts, and the size of the font, in pixels."""
        size: Any = renderer.points_to_pixels(self.get_fontsize())
        if not self.ems:
            text, font = self.get_text(), self.get_fontproperties()
            self.ems = renderer.get_text_width_height_descent(text, font, False)[0] / size
        x, y = self.get_transform().transform(self.get_position())
        x -= LEFT[self.get_horizontalalignment()] * self.ems * size
        y -= DOWN[self.get_verticalalignment()] * size
        return x, y, size


def name_places(
    axes: Axes, places: Iterable[float], names: Iterable[str], horizontal: bool = False, **look: Any
) -> None:
    """Name places along the y axis, or the x axis.

    Parameters
    ----------
    axes : Axes
    places : iterable of float
        In data units.
    names : iterable of str
        One each.
    horizontal : bool, default=False
    **look
        Of a text.
    """
    find = axes.get_xaxis_text1_transform if horizontal else axes.get_yaxis_text1_transform
    transform, va, ha = find(TICK_POINTS)
    look |= {"transform": transform, "va": va, "ha": ha, "clip_on": False}
    for place, name in zip(places, names, strict=True):
        x, y = (place, 0) if horizontal else (0, place)
        axes.add_artist(Name(x, y, name, **look))


def mark_places(
    axes: Axes, places: Sequence[float], names: Iterable[str], horizontal: bool = False
) -> None:
    """Name places as `name_places` does, and mark each."""
    name_places(axes, places, names, horizontal)
    x, y = [*places], [0.0] * len(places)
    look: Any = {"ls": "", "ms": 3.5, "mew": 0.8, "color": "black"}
    if horizontal:
        look |= {"marker": TICKDOWN, "transform": axes.get_xaxis_transform()}
    else:
        x, y = y, x
        look |= {"marker": TICKLEFT, "transform": axes.get_yaxis_transform()}
    # not of the panel, whose lines are data
    axes.figure.add_artist(Line2D(x, y, **look))


def mark_axis(axes: Axes, horizontal: bool = False) -> None:
    """Mark the places along the y axis, or the x axis, where its ticks would be, by their values.

    They are written in full: a factor or offset of all values would stand nowhere.
    """
    axis = axes.xaxis if horizontal else axes.yaxis
    low, high = sorted(axis.get_view_interval())
    span = high - low
    # rounded, so that 0 is 0 and 0.6 has one decimal
    shares = [round(place / span, 9) + 0.0 for place in axis.get_majorticklocs()]
    places = [share * span for share in shares if low <= share * span <= high]
    decimals = max((_count_decimals(place) for place in places), default=0)
    names = [f"{place:.{decimals}f}".replace("-", "\N{MINUS SIGN}") for place in places]
    mark_places(axes, places, names, horizontal)


def _count_decimals(value: float) -> int:
    """Count the decimals among its first eight digits, without zeros at the end."""
    return len(np.format_float_positional(value, 8, fractional=False, trim="-").partition(".")[2])
