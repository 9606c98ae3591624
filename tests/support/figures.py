"""What can be read off a figure."""

from itertools import combinations

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgba_array
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.text import Text


def texts_of(artist: Artist) -> list[str]:
    """All that is written in a figure, or in a part of it."""
    return [text.get_text() for text in artist.findobj(Text) if text.get_text()]


def overlaps_of(figure: Figure) -> list[tuple[str, str]]:
    """The texts of which one is written over the other."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    texts = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    boxes = [(text.get_text(), text.get_window_extent(canvas.get_renderer())) for text in texts]
    return [(one, other) for (one, a), (other, b) in combinations(boxes, 2) if a.overlaps(b)]


def legend_of(figure: Figure) -> dict[str, str]:
    """The figure's legend: from name to colour."""
    (legend,) = figure.legends
    handles = zip(legend.get_texts(), legend.legend_handles, strict=True)
    return {text.get_text(): colour_of(handle) for text, handle in handles}


def colour_of(artist: Artist) -> str:
    """The colour of a patch, a line, or of lines of one colour."""
    if isinstance(artist, Patch):
        return to_hex(artist.get_facecolor())
    return to_hex(np.ravel(to_rgba_array(artist.get_color()))[:3])


def rectangles_of(axes: Axes) -> list[Rectangle]:
    """The rectangles in a panel: not its bars, and not the hairlines around kernels."""
    return [patch for patch in axes.patches if isinstance(patch, Rectangle)]


def bars_of(axes: Axes, horizontal: bool = False) -> dict[int, dict[str, float]]:
    """Stacked bars: by place, from each class in the figure's legend to its percentage.

    The parts of a bar start at 0 and leave no gap.
    """
    names = {colour: name for name, colour in legend_of(axes.figure).items()}
    parts: dict[int, list[tuple[float, float, str]]] = {}
    for patch in axes.patches:
        name = names[colour_of(patch)]
        for corners in patch.get_path().to_polygons():
            x, y = corners.T
            across, along = (y, x) if horizontal else (x, y)
            if along.max() > along.min():
                place = round((across.min() + across.max()) / 2)
                parts.setdefault(place, []).append((along.min(), along.max(), name))
    for bar in parts.values():
        assert np.allclose([start for start, *_ in bar], [0, *(end for _, end, _ in bar)][:-1])
    return {place: {name: end - start for start, end, name in bar} for place, bar in parts.items()}


def image_of(axes: Axes) -> np.ndarray:
    """The values of an image, NaN where nothing is drawn."""
    return np.ma.filled(axes.images[0].get_array(), np.nan)


def pixels_of(figure: Figure) -> np.ndarray:
    """The values of all kernels drawn in a figure."""
    images = [image_of(axes).ravel() for axes in figure.axes if axes.images]
    values = np.concatenate(images)
    return values[~np.isnan(values)]
