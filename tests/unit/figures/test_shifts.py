"""The figure of shifts: one dot per layer, at its mean shift, by its stride."""

import numpy as np
import pytest
from support.classes import classes_of
from support.figures import legend_of, texts_of

from kernel_atlas.checkpoints.layer import Layer
from kernel_atlas.classes.table import ClassTable
from kernel_atlas.extraction.writing import write_model
from kernel_atlas.figures.shifts import (
    MIN_KERNELS,
    draw_shifts,
    find_kinds,
    plot_shifts,
    sum_up_layers,
)
from kernel_atlas.sources.timm import SAME

N = MIN_KERNELS


@pytest.fixture
def classes():
    """A layer with squares half a pixel aside, one in the middle, and one with few matched."""
    table = classes_of(
        a="on_square " * N + "on_centre " * N + "other " * N + "dead " * 4,
        b="on_centre " * N,
        c="on_centre " * (N - 1) + "other " * N,
    )
    is_first = table["layer_index"] == 0
    is_square = table["class"] == "on_square"
    table["shift_x"] = np.where(is_square, -0.75, np.where(is_first, -0.25, 0)).astype(np.float32)
    table["shift_y"] = np.where(is_first, 0.5, 0).astype(np.float32)
    table.loc[~table["matched"], ["shift_x", "shift_y"]] = np.float32(9)
    return table


def dots_of(axes):
    """From the label of a stride to its dots."""
    lines = [line for line in axes.lines if not line.get_label().startswith("_")]
    return {line.get_label(): line.get_xydata().round(6).tolist() for line in lines}


def test_a_layer_is_summed_up_by_its_matched_kernels_if_it_has_enough(classes):
    layers = sum_up_layers(ClassTable.of(classes), {0: (2, True), 1: (0, False), 2: (1, False)})
    assert layers["layer_index"].tolist() == [0, 1]
    assert layers["kind"].tolist() == [(2, True), (0, False)]
    assert layers["shift_x"].tolist() == [-0.5, 0]
    assert layers["shift_y"].tolist() == [0.5, 0]
    assert layers["squares"].tolist() == pytest.approx([100 / 3, 0])  # of the live kernels


def test_each_layer_is_a_dot_in_the_colour_of_its_stride(classes, tmp_path, rng):
    groups, tables = [], []
    for name, stride in (("known", 2), ("unknown", None)):
        padding = SAME if stride else None
        kernels = rng.normal(size=(3, 5, 5)).astype(np.float32)
        layers = [
            Layer("a", kernels, stride, padding=padding),
            Layer("b", kernels, 1 if stride else None),
        ]
        write_model(tmp_path / name, [*layers, Layer("c", kernels)], {"model": name})
        classes.to_parquet(tmp_path / f"{name}.parquet")
        groups.append(tmp_path / name / "zarr.json")
        tables.append(tmp_path / f"{name}.parquet")
    figure = plot_shifts(groups, tables, 5)
    left, right = figure.axes
    assert dots_of(left) == {
        "stride 1": [[0, 0]],
        "stride 2 or more, padding same": [[-0.5, 0.5]],
        "stride not known": [[-0.5, 0.5], [0, 0]],
    }
    assert left.get_ylim()[0] > left.get_ylim()[1]  # down is down
    distance, squares = np.round([np.sqrt(0.5), 100 / 3], 6)
    assert dots_of(right)["stride 2 or more, padding same"] == [[distance, squares]]
    assert set(legend_of(figure)) == set(dots_of(left))
    assert {"known, layer 0", "unknown, layer 0"} <= set(texts_of(right))
    assert "5x5: 4 layers of 2 models" in texts_of(figure)


def test_kinds_are_those_of_the_size(tmp_path):
    five, three = np.ones((2, 5, 5), np.float32), np.ones((2, 3, 3), np.float32)
    layers = [Layer("a", five, 1, 1, 2), Layer("b", three, 2), Layer("d", five)]
    layers.append(Layer("c", five, 4, padding=SAME))
    write_model(tmp_path / "net", layers, {"model": "net"})
    kinds = {0: (1, False), 2: (0, False), 3: (2, True)}
    assert find_kinds(tmp_path / "net/zarr.json", 5) == kinds


def test_a_size_without_squares_has_one_panel_and_one_without_shifts_a_notice(classes):
    layers = sum_up_layers(ClassTable.of(classes), dict.fromkeys(range(3), (1, False))).assign(
        model="net"
    )
    assert len(draw_shifts(7, layers.assign(squares=0.0)).axes) == 1
    none = draw_shifts(3, layers.assign(shift_x=0.0, shift_y=0.0))
    assert texts_of(none) == ["3x3: no members with shifts"]
