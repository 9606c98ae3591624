"""The figure of large kernels: a row per model and size, whole and in its middle."""

import numpy as np
import pytest
from support.figures import image_of, rectangles_of, texts_of

from kernel_atlas.checkpoints.layer import Layer
from kernel_atlas.extraction.writing import write_model
from kernel_atlas.figures import large
from kernel_atlas.figures.large import central_window, plot_large


@pytest.fixture
def write_group(tmp_path, rng):
    def write(name, *sizes, n=3):
        layers = [
            Layer(f"a{size}", rng.normal(size=(n, size, size)).astype(np.float32)) for size in sizes
        ]
        write_model(tmp_path / name, layers, {"model": name})
        return tmp_path / name / "zarr.json"

    return write


def rows_of(figure):
    """The titles on the left, without the numbers of kernels."""
    return [axes.get_title("left").split(":")[0] for axes in figure.axes[::2]]


def test_each_model_and_large_size_has_a_row_the_largest_first(write_group):
    groups = [write_group("small", 3, 7), write_group("a", 7, 9, 31), write_group("b", 31, 8)]
    figure = plot_large([*groups, write_group("none")], 24)
    assert rows_of(figure) == ["a, 31x31", "b, 31x31", "a, 9x9", "b, 8x8"]
    assert not [text for text in texts_of(figure) if "Not drawn" in text]


def test_windows_are_the_middles_of_the_kernels_beside_them(write_group):
    figure = plot_large([write_group("net", 31, 9, n=20)], 4)
    for left, right in zip(figure.axes[::2], figure.axes[1::2], strict=True):
        (size, n_drawn) = (31, 4) if "31x31" in left.get_title("left") else (9, 4)
        assert left.get_title("left").endswith(f": {n_drawn} of 20")
        start = (size - 7) // 2
        for i in range(n_drawn):
            whole = image_of(left)[:, i * (size + 1) :][:, :size]
            window = image_of(right)[:, i * 8 :][:, :7]
            middle = whole[start : start + 7, start : start + 7]
            # both are scaled about zero, which is drawn as 0.5
            scale = np.abs(middle - 0.5).max()
            np.testing.assert_allclose(window - 0.5, (middle - 0.5) / (2 * scale), atol=1e-5)
            x, y = rectangles_of(left)[i].get_xy()
            assert (x, y) == (i * (size + 1) + start, start)
            assert (rectangles_of(left)[i].get_width(), rectangles_of(left)[i].get_height()) == (
                7,
                7,
            )


@pytest.mark.parametrize(("size", "width"), [(8, 6), (9, 7), (12, 6), (31, 7)])
def test_the_window_is_in_the_middle(size, width):
    kernels = np.arange(2 * size * size).reshape(2, size, size)
    window = central_window(kernels)
    assert window.shape == (2, width, width)
    np.testing.assert_array_equal(
        window[:, ::-1, ::-1] + window, (kernels[:, ::-1, ::-1] + kernels)[:, :width, :width]
    )


def test_titles_say_what_share_of_the_squares_the_window_has(tmp_path):
    kernels = np.zeros((3, 27, 27), np.float32)
    kernels[:, 13, 13], kernels[:, 0, 5] = 3, (1, 3, 3)  # 90 %, 50 % and 50 % are inside
    write_model(tmp_path / "net", [Layer("a", kernels)], {})
    (_, right) = plot_large([tmp_path / "net/zarr.json"], 24).axes
    assert right.get_title("left") == "middle 7x7: 7 % of the area, 50 % of the squared weights"


def test_dead_kernels_do_not_count(tmp_path, rng):
    kernels = rng.normal(size=(4, 9, 9)).astype(np.float32)
    kernels[1:3] = 0
    write_model(tmp_path / "net", [Layer("a", kernels)], {})
    write_model(tmp_path / "dead", [Layer("a", kernels[1:3])], {})
    figure = plot_large([tmp_path / name / "zarr.json" for name in ("net", "dead")], 24)
    assert [axes.get_title("left") for axes in figure.axes[::2]] == ["net, 9x9: 2 of 2"]
    assert "Not drawn: dead 9x9 (all dead)." in texts_of(figure)


def test_rows_beyond_the_last_are_named(write_group, monkeypatch):
    monkeypatch.setattr(large, "MAX_ROWS", 2)
    groups = [write_group(f"net{number}", 9, n=1) for number in range(4)]
    figure = plot_large(groups, 1)
    assert rows_of(figure) == [f"net{number}, 9x9" for number in range(2)]
    assert "Not drawn: net2 9x9, net3 9x9." in texts_of(figure)


def test_without_large_kernels_there_is_a_notice(write_group):
    (text,) = texts_of(plot_large([write_group("small", 3, 7), write_group("none")], 24))
    assert text == "no model has live kernels larger than 7x7"
