"""The figure of components: a dot per kernel in its colour, and samples that stand apart."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from support.classes import BANK, classes_of, near
from support.figures import legend_of, texts_of

from kernel_atlas.checkpoints.layer import Layer
from kernel_atlas.extraction.writing import write_model
from kernel_atlas.family.names import order_classes
from kernel_atlas.figures import components
from kernel_atlas.figures.components import draw_components, find_components, plot_components


@pytest.fixture
def data(rng):
    """80 kernels near the members of a small bank, with their classes."""
    names = [*BANK] * 20
    kernels = np.array([near(BANK[name], 0.05, rng) for name in names])
    return kernels, pd.Series(pd.Categorical(names, order_classes({*names, "off_cross"})))


def test_each_kernel_is_a_dot_of_the_colour_of_its_class(data):
    kernels, labels = data
    figure = draw_components(5, kernels, labels)
    points, _ = find_components(kernels)
    names = {"On centre", "On cross", "First derivative, right", "Other"}
    assert set(legend_of(figure)) == names
    colours = [legend_of(figure)[name] for name in sorted(names - {"Other"})]
    for axes, second in zip(figure.axes, (1, 2), strict=True):
        (dots,) = axes.collections
        drawn = np.asarray(dots.get_offsets())
        assert sorted(map(tuple, drawn)) == sorted(map(tuple, points[:, [0, second]]))
        found = [to_hex(colour) for colour in dots.get_facecolors()]
        assert set(found[:20]) == {legend_of(figure)["Other"]}
        assert sorted(found[20:]) == sorted(colours * 20)


def test_components_are_orthogonal_and_their_shares_those_of_the_variance(data):
    kernels, labels = data
    centred = kernels - kernels.mean(axis=(1, 2), keepdims=True)
    directions = centred / np.linalg.norm(centred, axis=(1, 2), keepdims=True)
    points, percents = find_components(kernels)
    variance = directions.var(axis=0).sum()
    assert percents == pytest.approx(100 * points.var(axis=0) / variance)
    assert list(percents) == sorted(percents, reverse=True)
    assert np.corrcoef(points.T) == pytest.approx(np.eye(3), abs=1e-6)
    figure = draw_components(5, kernels, labels)
    labels = [(axes.get_xlabel(), axes.get_ylabel()) for axes in figure.axes]
    one, two, three = (
        f"component {number} ({percent:.1f} % of the variance)"
        for number, percent in enumerate(percents, 1)
    )
    assert labels == [(one, two), (one, three)]


def test_neither_scale_nor_offset_of_a_kernel_moves_its_dot(data):
    kernels, _ = data
    points, _ = find_components(kernels)
    moved, _ = find_components(kernels * np.linspace(0.1, 9, 80)[:, None, None] + 3)
    assert moved == pytest.approx(points, abs=1e-4)


def test_samples_do_not_overlap_and_are_kernels_in_the_colours_of_their_classes(data):
    kernels, labels = data
    figure = draw_components(5, kernels, labels)
    colours = {colour: name for name, colour in legend_of(figure).items()}
    for axes in figure.axes:
        assert 0 < len(axes.images) == len(axes.patches) <= components.N_SECTORS
        boxes = [image.get_extent() for image in axes.images]
        for i, (left, right, low, high) in enumerate(boxes):
            assert axes.get_xlim()[0] < left < right < axes.get_xlim()[1]
            assert axes.get_ylim()[0] < low < high < axes.get_ylim()[1]
            for other in boxes[:i]:
                apart = other[1] < left or right < other[0]
                assert apart or other[3] < low or high < other[2]
        for image, frame in zip(axes.images, axes.patches, strict=True):
            place = np.flatnonzero((kernels == image.get_array()).all(axis=(1, 2)))
            name = components.style.title_of(labels[place[0]])
            assert colours[to_hex(frame.get_edgecolor())] == name


def test_live_kernels_of_all_models_are_drawn_at_most_so_many(data, tmp_path, monkeypatch):
    kernels = data[0].astype(np.float32)
    kernels[0] = 0
    groups, tables = [], []
    for name, part in (("one", kernels[:4]), ("none", kernels[:0]), ("two", kernels[4:])):
        write_model(tmp_path / name, [Layer("a", part)] if len(part) else [], {"model": name})
        words = ["dead" if not kernel.any() else "on_cross" for kernel in part]
        classes_of(a=" ".join(words)).to_parquet(tmp_path / f"{name}.parquet")
        groups.append(tmp_path / name / "zarr.json")
        tables.append(tmp_path / f"{name}.parquet")
    everything = plot_components(groups, tables, 5, "paper")
    points, _ = find_components(kernels[1:])
    offsets = np.asarray(everything.axes[0].collections[0].get_offsets())
    assert offsets == pytest.approx(points[:, :2], abs=1e-6)
    monkeypatch.setattr(components, "MAX_KERNELS", 30)
    texts = texts_of(plot_components(groups, tables, 5, "family"))
    assert "5x5: 30 kernels of the train models, by the family's ruler" in texts


def test_three_components_need_four_kernels(data):
    kernels, labels = data
    assert "too few" in texts_of(draw_components(5, kernels[:3], labels[:3]))[0]
    assert len(draw_components(5, kernels[:4], labels[:4]).axes) == 2
