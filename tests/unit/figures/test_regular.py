"""The figure of regular beside depthwise kernels: samples of all layers, as many of each."""

import numpy as np
import pytest
from support.figures import image_of, texts_of

from kernel_atlas.checkpoints.layer import Layer
from kernel_atlas.extraction.writing import write_model
from kernel_atlas.figures.regular import N_COLUMNS, N_ROWS, choose_kernels, plot_regular

N_DRAWN = N_ROWS * N_COLUMNS


@pytest.fixture
def write_group(tmp_path):
    def write(name, *layers, first=0):
        """A model with `n` kernels of size `k` per layer; each kernel holds its layer's number,
        from `first`."""
        made = []
        for number, (n, size) in enumerate(layers, first):
            kernels = np.zeros((n, size, size), np.float32)
            kernels[:, 0, 0] = 1
            kernels[:, 0, 1] = number / 100
            made.append(Layer(f"layer{number}", kernels))
        write_model(tmp_path / name, made, {"model": name})
        return tmp_path / name / "zarr.json"

    return write


def layers_of(kernels):
    """The number of the layer of each kernel."""
    return np.round(100 * kernels[:, 0, 1]).astype(int).tolist()


def test_both_halves_have_as_many_kernels_each_shared_out_among_its_sizes(write_group):
    regular = [write_group("vgg", (200, 3))]
    depthwise = [write_group("one", (90, 3), (90, 7)), write_group("two", (90, 5))]
    figure = plot_regular(regular, depthwise)
    left, right = figure.subfigs
    assert f"(i) regular: {N_DRAWN} drawn at random" in texts_of(left)
    assert f"(ii) depthwise: {N_DRAWN} drawn at random" in texts_of(right)
    n_drawn = []
    for axes in (*left.axes, *right.axes):
        size = int(axes.get_title("left")[0])
        n_drawn.append((size, (~np.isnan(image_of(axes))).sum() / size**2))
    third = N_DRAWN / 3
    assert n_drawn == [(3, N_DRAWN), (3, third), (5, third), (7, third)]


def test_each_layer_of_any_model_has_a_kernel_before_another_has_two(write_group):
    groups = [write_group("wide", (500, 5)), write_group("deep", *[(40, 5)] * 61, first=1)]
    found = layers_of(choose_kernels(groups)[5])
    assert len(found) == N_DRAWN
    assert set(np.bincount(found)) == {N_DRAWN // 62, N_DRAWN // 62 + 1}
    assert found == sorted(found)


def test_more_layers_than_places_are_drawn_from_at_random(write_group):
    group = write_group("deep", *[(2, 3)] * (N_DRAWN + 50))
    found = layers_of(choose_kernels([group])[3])
    assert len(set(found)) == len(found) == N_DRAWN
    assert found == sorted(found)
    assert max(found) > N_DRAWN
    assert layers_of(choose_kernels([group])[3]) == found


def test_dead_kernels_are_left_out(tmp_path, rng):
    kernels = rng.normal(size=(9, 3, 3)).astype(np.float32)
    kernels[1:7] = 0.5
    write_model(tmp_path / "net", [Layer("a", kernels), Layer("b", kernels[1:2])], {})
    chosen = choose_kernels([tmp_path / "net/zarr.json"])[3]
    np.testing.assert_array_equal(chosen, kernels[[0, 7, 8]])


@pytest.mark.parametrize(("kind", "missing"), [(0, "ii"), (1, "i")])
def test_a_half_without_kernels_is_named(write_group, kind, missing):
    groups = [[], []]
    groups[kind] = [write_group("net", (30, 3))]
    figure = plot_regular(*groups)
    assert len(figure.subfigs) == 1
    (note,) = [text for text in texts_of(figure) if "missing" in text]
    assert note.startswith(f"({missing}) is missing: no model")


def test_more_sizes_than_rows_are_cut(write_group):
    group = write_group("net", *[(2, size) for size in range(2, N_ROWS + 5)])
    assert list(choose_kernels([group])) == list(range(2, N_ROWS + 2))
