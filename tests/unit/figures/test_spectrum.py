"""The figure of the spectrum: all its kernels, and strips that say class and doubt."""

from itertools import chain

import numpy as np
import pytest
from matplotlib.colors import to_hex

from kernel_atlas.codebooks.codebook import Codebook
from kernel_atlas.figures.spectrum import draw_spectrum
from kernel_atlas.figures.style import colour_of, save_figure
from kernel_atlas.labels.table import THIN_MARGIN, WEAK_MATCH, Interval

NAN = float("nan")
NOTE = "half a strip: thin margin or weak match"


def legend_of(figure):
    (legend,) = figure.legends
    return {
        text.get_text(): to_hex(handle.get_facecolor())
        for text, handle in zip(legend.get_texts(), legend.legend_handles, strict=True)
    }


def strips_of(figure):
    """Colour and height of the strip under each kernel, in the order of the code."""
    patches = chain(*(axes.patches for axes in figure.axes))
    return [(to_hex(patch.get_facecolor()), round(patch.get_height(), 3)) for patch in patches]


def notes_of(figure):
    return [axes.get_title("right") for axes in figure.axes if axes.get_title("right")]


@pytest.mark.parametrize(("n_codes", "n_drawn"), [(2, 2), (10, 10), (60, 60), (10_000, 500)])
def test_all_codes_are_drawn_or_500(rng, n_codes, n_drawn, tmp_path):
    codebook = Codebook(rng.normal(size=(n_codes, 3, 3)).astype(np.float32))
    figure = draw_spectrum(3, codebook, [Interval(0, 0.5, "on_centre"), Interval(0.5, 1, "mine")])
    images = [image.get_array() for axes in figure.axes for image in axes.images]
    values = np.concatenate([np.ma.filled(image, np.nan).ravel() for image in images])
    values = values[~np.isnan(values)]
    assert len(values) == n_drawn * 9
    assert (values.min(), values.max()) == (0, 1)
    legend = legend_of(figure)
    assert set(legend) == {"On centre", "Mine"}
    strips = [colour for colour, _ in strips_of(figure)]
    assert strips == [legend["On centre"]] * (n_drawn // 2) + [legend["Mine"]] * (n_drawn // 2)
    save_figure(figure, tmp_path / "figure.png", tmp_path / "figure.svg", dpi=50)


def test_gaps_are_named_other(rng):
    codebook = Codebook(rng.normal(size=(120, 3, 3)))
    figure = draw_spectrum(3, codebook, [Interval(0.2, 0.5, "on_cross")])
    assert set(legend_of(figure)) == {"On cross", "Other"}


def test_where_the_class_is_in_doubt_the_strip_is_half_as_high(rng):
    table = {  # by margin and match
        "on_centre": (THIN_MARGIN, WEAK_MATCH),
        "off_centre": (THIN_MARGIN - 0.01, 0.9),
        "on_cross": (0.9, WEAK_MATCH - 0.01),
        "mine": (NAN, NAN),  # a table made by hand
        "other": (0.0, 0.1),  # nothing is claimed there
    }
    intervals = [
        Interval(i / 5, (i + 1) / 5, label, match, margin)
        for i, (label, (margin, match)) in enumerate(table.items())
    ]
    figure = draw_spectrum(5, Codebook(rng.normal(size=(1000, 5, 5))), intervals)
    heights = {
        label: {height for colour, height in strips_of(figure) if colour == colour_of(label, table)}
        for label in table
    }
    assert heights == {
        "on_centre": {1}, "off_centre": {0.5}, "on_cross": {0.5}, "mine": {1}, "other": {1},
    }  # fmt: skip
    assert notes_of(figure) == [NOTE]


def test_doubt_is_explained_only_where_there_is_some(rng):
    codebook = Codebook(rng.normal(size=(60, 5, 5)))
    assert notes_of(draw_spectrum(5, codebook, [Interval(0, 1, "on_centre", 0.9, 0.9)])) == []
    one = [Interval(0.9, 1, "on_centre", 0.9, 0.1)]
    assert notes_of(draw_spectrum(5, codebook, one)) == [NOTE]
