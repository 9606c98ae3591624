"""Names and numbers along an axis: where matplotlib's own texts and ticks would stand."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from kernel_atlas.figures import style
from kernel_atlas.figures.scales import ASCENT, DOWN, LEFT, Name, mark_axis


def draw(kind, **look):
    """The pixels of a figure with one text, and the box of the text."""
    figure = Figure(figsize=(2, 1), dpi=150)
    canvas = FigureCanvasAgg(figure)
    text = kind(0.5, 0.5, "Layer 42", transform=figure.transFigure, **look)
    figure.add_artist(text)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba()).astype(int), text.get_window_extent().extents


@mpl.rc_context(style.RC)
@pytest.mark.parametrize("va", DOWN)
@pytest.mark.parametrize("ha", LEFT)
def test_a_name_stands_where_any_other_text_would(ha, va):
    look = {"ha": ha, "va": va, "color": "red", "fontsize": 7}
    (pixels, box), (expected, expected_box) = draw(Name, **look), draw(Text, **look)
    assert (pixels != 255).any()
    assert abs(pixels - expected).max() <= 40  # of 255, at the edges of letters
    assert box == pytest.approx(expected_box, abs=1)


@mpl.rc_context(style.RC)
def test_a_name_is_in_svg_files_anchored_as_it_is_aligned(tmp_path):
    figure = Figure()
    figure.add_artist(Name(0.5, 0.5, "here", transform=figure.transFigure, ha="right", va="top"))
    style.save_figure(figure, [tmp_path / "net.png", tmp_path / "net.svg"])
    svg = (tmp_path / "net.svg").read_text()
    assert ">here</text>" in svg
    assert "text-anchor: end" in svg
    assert "font-family: 'DejaVu Sans', sans-serif" in svg


@mpl.rc_context(style.RC)
def test_the_metrics_are_those_of_the_font():
    font = mpl.font_manager.get_font(mpl.font_manager.findfont("DejaVu Sans"))
    ascent = font.get_sfnt_table("OS/2")["sTypoAscender"] / font.units_per_EM
    assert pytest.approx(ascent, abs=0.001) == ASCENT


@pytest.mark.parametrize("high", [3e-8, 0.02, 1, 40, 2e7])
@pytest.mark.parametrize("horizontal", [False, True])
def test_values_are_written_in_full_beside_their_places(high, horizontal):
    axes = Figure().add_subplot()
    (axes.set_xlim if horizontal else axes.set_ylim)(-high / 3, high)
    mark_axis(axes, horizontal)
    along = 0 if horizontal else 1
    places = [text.get_position()[along] for text in axes.texts]
    values = [float(text.get_text().replace("\N{MINUS SIGN}", "-")) for text in axes.texts]
    assert len(values) > 2
    assert values == pytest.approx(places, rel=1e-6, abs=high * 1e-6)
    (marks,) = axes.figure.artists
    assert list(marks.get_data()[along]) == places
    assert -high / 3 <= min(places) < 0 < max(places) <= high
