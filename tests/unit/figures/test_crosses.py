"""The figure of crosses: their values in their pixels, and by which ruler they are crosses."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from support.classes import classes_of
from support.figures import texts_of

from kernel_atlas.checkpoints.layer import Layer
from kernel_atlas.extraction.writing import write_model
from kernel_atlas.figures.crosses import Crosses, columns_of, draw_crosses, plot_crosses


@pytest.fixture
def paths(tmp_path, rng):
    def write(words):
        """A group and a table of 3x3 kernels of these classes."""
        kernels = rng.normal(size=(len(words.split()), 3, 3)).astype(np.float32)
        write_model(tmp_path / "net", [Layer("a", kernels)], {"model": "net"})
        classes_of(a=words).to_parquet(tmp_path / "k3.parquet")
        return [tmp_path / "net/zarr.json"], [tmp_path / "k3.parquet"]

    return write


def values_of(axes):
    """The numbers in the pixels, in rows from the top."""
    texts = sorted(axes.texts, key=lambda text: text.get_position()[::-1])
    return [int(text.get_text()) for text in texts]


def test_each_pixel_has_its_share_of_the_norm_as_two_digits():
    kernel = np.array([[[0, 3, 0], [0.004, -4, 0], [0, 0, 0]]])
    for scale in (1, 250):
        figure = draw_crosses(3, {"off_cross": Crosses(scale * kernel, 7, "paper")})
        (axes,) = figure.axes
        assert values_of(axes) == [0, 60, 0, 0, -80, 0, 0, 0, 0]
        assert axes.get_title("left") == "Off cross, by the paper's ruler: 1 of 7"


def test_digits_stand_in_their_pixels_and_out_from_the_colour(rng):
    kernels = rng.normal(size=(2, 5, 5))
    (axes,) = draw_crosses(5, {"on_cross": Crosses(kernels, 2, "paper")}).axes
    unit = kernels / np.linalg.norm(kernels, axis=(1, 2), keepdims=True)
    image = axes.images[0]
    pixels = image.cmap(image.get_array())[..., :3]
    for text in axes.texts:
        x, y = (int(place) for place in text.get_position())
        assert int(text.get_text()) == round(100 * unit[x // 6, y, x % 6])
        assert abs(np.mean(to_rgb(text.get_color())) - pixels[y, x].mean()) > 0.25


def test_crosses_are_by_the_ruler_of_the_setting(paths):
    words = "on_cross/on_centre on_centre/on_cross on_centre/on_cross off_cross dead"
    titles = {}
    for ruler in ("paper", "family"):
        figure = plot_crosses(*paths(words), 3, ruler)
        titles[ruler] = [axes.get_title("left") for axes in figure.axes]
    assert titles == {
        ruler: [
            f"On cross, by the {ruler}'s ruler: {n} of {n}",
            f"Off cross, by the {ruler}'s ruler: 1 of 1",
        ]
        for ruler, n in (("paper", 1), ("family", 2))
    }


@pytest.mark.parametrize(
    ("words", "ruler", "other"),
    [
        ("on_centre/off_cross other/off_cross off_cross/on_centre", "paper", "family"),
        ("other/on_cross other/on_cross off_cross", "paper", "family"),
        ("on_cross/on_centre on_cross/on_centre other/off_cross", "family", "paper"),
    ],
)
def test_a_kind_that_the_ruler_does_not_find_is_by_the_other(paths, words, ruler, other):
    figure = plot_crosses(*paths(words), 3, ruler)
    for axes in figure.axes:
        title = axes.get_title("left")
        assert title.endswith(
            (f"by the {ruler}'s ruler: 1 of 1", f"(none by the {ruler}'s): 2 of 2")
        )
        assert f"by the {other}'s ruler (none" in title or "none" not in title


def test_without_crosses_there_is_a_notice(paths):
    (text,) = texts_of(plot_crosses(*paths("on_centre dead other"), 3, "paper"))
    assert text == "3x3: no kernel is a cross by either ruler"


@pytest.mark.parametrize(("size", "n_columns"), [(3, 6), (7, 4), (13, 2), (31, 1)])
def test_no_more_kernels_than_digits_leave_room_for(size, n_columns):
    assert columns_of(size) == n_columns


def test_at_most_a_row_of_either_kind_is_drawn(paths):
    figure = plot_crosses(*paths("on_cross " * 20), 3, "paper")
    (axes,) = figure.axes
    assert axes.get_title("left") == "On cross, by the paper's ruler: 6 of 20"
    assert len(axes.texts) == 6 * 9
