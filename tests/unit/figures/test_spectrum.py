"""The figure of the spectrum: all its kernels, and strips that show class and doubt."""

from itertools import chain

import numpy as np
import pytest
from support.figures import colour_of, image_of, legend_of, pixels_of, rectangles_of, texts_of

from kernel_atlas.codebooks.codebook import Centres, Codebook
from kernel_atlas.figures import style
from kernel_atlas.figures.spectrum import NOTE, draw_spectrum
from kernel_atlas.labels.table import MIN_PURITY, Interval

NAN = float("nan")


def strips_of(figure):
    """Colour and height of the strip under each kernel, in the order of the code."""
    patches = chain(*map(rectangles_of, figure.axes))
    return [(colour_of(patch), round(patch.get_height(), 3)) for patch in patches]


@pytest.mark.parametrize(("n_codes", "n_drawn"), [(2, 2), (10, 10), (60, 60), (10_000, 500)])
def test_all_codes_are_drawn_or_500(rng, n_codes, n_drawn):
    codebook = Codebook(rng.normal(size=(n_codes, 3, 3)))
    figure = draw_spectrum(3, codebook, [Interval(0, 0.5, "on_centre"), Interval(0.5, 1, "mine")])
    pixels = pixels_of(figure)
    assert len(pixels) == n_drawn * 9
    assert (pixels.min(), pixels.max()) == (0, 1)
    legend = legend_of(figure)
    strips = [colour for colour, _ in strips_of(figure)]
    assert strips == [legend["On centre"]] * (n_drawn // 2) + [legend["Mine"]] * (n_drawn // 2)


def test_each_row_begins_with_its_code(rng):
    figure = draw_spectrum(3, Codebook(rng.normal(size=(51, 3, 3))), [])
    assert [axes.texts[0].get_text() for axes in figure.axes] == ["0.00", "0.50", "1.00"]


def test_codes_that_no_interval_covers_are_named_other(rng):
    codebook = Codebook(rng.normal(size=(120, 3, 3)))
    figure = draw_spectrum(3, codebook, [Interval(0.2, 0.5, "on_cross")])
    assert set(legend_of(figure)) == {"On cross", "Other"}


def test_centres_of_k_means_are_drawn_less_their_means():
    centres = np.zeros((2, 3, 3))
    centres[0, 1, 1] = 1
    centres[1] = 1 - centres[0]  # on the min-max scale no pixel is negative
    (axes,) = draw_spectrum(3, Centres(centres), []).axes
    on, off = image_of(axes)[:, :3], image_of(axes)[:, 4:7]
    assert (on[1, 1], off[1, 1]) == (1, 0)
    assert on + off == pytest.approx(np.ones((3, 3)))


def test_where_a_class_is_mixed_the_strip_is_half_as_high(rng):
    purities = {
        "on_centre": MIN_PURITY,
        "off_centre": MIN_PURITY - 0.01,  # a smaller share was asked of it
        "mine": NAN,  # a table made by hand
        "other": 0.1,  # claims nothing
    }
    intervals = [
        Interval(i / 4, (i + 1) / 4, label, purity=purity, mostly="on_centre")
        for i, (label, purity) in enumerate(purities.items())
    ]
    figure = draw_spectrum(5, Codebook(rng.normal(size=(1000, 5, 5))), intervals)
    names = {style.colour_of(label, list(purities)): label for label in purities}
    heights = {(names[colour], height) for colour, height in strips_of(figure)}
    assert heights == {("on_centre", 1), ("off_centre", 0.5), ("mine", 1), ("other", 1)}
    assert NOTE in texts_of(figure)


def test_doubt_is_explained_only_if_there_is_some(rng):
    codebook = Codebook(rng.normal(size=(60, 5, 5)))
    figure = draw_spectrum(5, codebook, [Interval(0, 1, "on_centre", 0.9, 0.9, 0.9, "on_centre")])
    assert NOTE not in texts_of(figure)
