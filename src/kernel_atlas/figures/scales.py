"""Names and numbers along an axis, as plain texts: ticks would take several times as long."""

from collections.abc import Iterable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.lines import Line2D
from matplotlib.markers import TICKDOWN, TICKLEFT
from matplotlib.text import Text

TICK_POINTS = 7.0  # from a panel to a name beside it, as matplotlib has it

# From the place of a text to the start of its baseline: to the left, of its width; down, of the
# size of the font, by the metrics of DejaVu Sans.
LEFT = {"left": 0.0, "center": 0.5, "right": 1.0}
DOWN = {"top": 0.76, "center": 0.26, "center_baseline": 0.38}


class Name(Text):
    """A text of one line, never turned: placed without the layout that other texts need.

    Attributes
    ----------
    ems : float
        Its width in sizes of the font; measured once, as letters without hints scale.
    """

    ems: float | None = None

    def draw(self, renderer: RendererBase) -> None:
        """Draw the text, in a third less time than matplotlib's own."""
        name, font = self.get_text(), self.get_fontproperties()
        if not name:
            return
        x, y = self.get_transform().transform(self.get_position())
        size = renderer.points_to_pixels(self.get_fontsize())
        if self.ems is None:
            self.ems = renderer.get_text_width_height_descent(name, font, False)[0] / size
        x -= LEFT[self.get_horizontalalignment()] * self.ems * size
        y -= DOWN[self.get_verticalalignment()] * size
        if renderer.flipy():
            y = renderer.get_canvas_width_height()[1] - y
        context = renderer.new_gc()
        context.set_foreground(self.get_color())
        renderer.draw_text(context, x, y, name, font, 0, mtext=self)
        context.restore()


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
    zeros = [0] * len(places)
    if horizontal:
        x, y, marker, transform = places, zeros, TICKDOWN, axes.get_xaxis_transform()
    else:
        x, y, marker, transform = zeros, places, TICKLEFT, axes.get_yaxis_transform()
    look: Any = {"ls": "", "ms": 3.5, "mew": 0.8, "color": "black"}
    # not of the panel, whose lines are data
    axes.figure.add_artist(Line2D(x, y, marker=marker, transform=transform, **look))


def mark_axis(axes: Axes, horizontal: bool = False) -> None:
    """Mark the places along the y axis, or the x axis, where its ticks would be, by their values.

    A factor that all values share would stand nowhere: they are written in full.
    """
    axes.ticklabel_format(axis="x" if horizontal else "y", style="plain", useOffset=False)
    axis = axes.xaxis if horizontal else axes.yaxis
    low, high = sorted(axis.get_view_interval())
    places = [place for place in axis.get_majorticklocs() if low <= place <= high]
    mark_places(axes, places, axis.get_major_formatter().format_ticks(places), horizontal)
