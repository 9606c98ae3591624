"""Figures of the experiments: each arm, epoch, seed and layer has its place and its numbers."""

import numpy as np
import pandas as pd
import pytest
from support.classes import classes_of, layers_of
from support.figures import bars_of, image_of, texts_of

from kernel_atlas.figures.experiment_curves import NO_MOVEMENT, draw_accuracy, draw_movement
from kernel_atlas.figures.experiment_kernels import N_COLUMNS, N_ROWS, draw_kernels
from kernel_atlas.figures.experiment_layers import (
    NO_SEEDS,
    draw_emergence,
    draw_epochs,
    draw_seeds,
)

EPOCHS = {0: "other other other other", 5: "on_centre other other other"}
LATER = {0: "on_cross on_cross other other", 5: "on_cross on_cross on_cross other"}
CHECKPOINTS = pd.DataFrame(
    [
        (f"{arm}-s{seed}-e{epoch}", arm, seed, epoch, "none", arm != "free", 25.0)
        for arm in ("plain", "free")
        for seed in (1, 2)
        for epoch in (0, 5)
    ],
    columns=["model", "arm", "seed", "epoch", "shuffle", "regularise", "chance"],
)


@pytest.fixture(scope="module")
def layers():
    """Two layers of four kernels, by arm, seed and epoch; the second seed has more crosses."""
    tables = {
        (row.model, 5): classes_of(a=(EPOCHS if row.seed == 1 else LATER)[row.epoch], b="other")
        for row in CHECKPOINTS.itertuples()
    }
    return CHECKPOINTS.merge(layers_of(tables))


def panels_of(figure):
    return [axes for axes in figure.axes if axes.patches]


def test_a_bar_of_emergence_has_all_layers_and_seeds_of_an_epoch(layers):
    figure = draw_emergence(layers)
    titles = [axes.get_title("left") for axes in figure.axes]
    assert titles == ["plain, 5x5", "", "free, 5x5", ""]
    labels = [axes.get_xlabel() for axes in figure.axes[2:]]
    assert labels == ["kernels (%), nearest code", "kernels (%), nearest member"]
    bars = bars_of(figure.axes[0], horizontal=True)
    assert bars[0] == pytest.approx({"On cross": 20, "Other": 80})
    assert bars[1] == pytest.approx({"On centre": 10, "On cross": 30, "Other": 60})
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["0", "5"]


def test_epochs_stand_side_by_side_by_layer(layers):
    figure = draw_epochs(layers)
    assert [axes.get_title("left") for axes in figure.axes] == ["epoch 0", "epoch 5"] * 2
    bars = bars_of(figure.axes[1])
    assert bars[0] == pytest.approx({"On centre": 12.5, "On cross": 37.5, "Other": 50})
    assert bars[1] == pytest.approx({"Other": 100})


def test_seeds_stand_side_by_side_at_the_last_epoch(layers):
    figure = draw_seeds(layers)
    assert [axes.get_title("left") for axes in figure.axes] == ["seed 1", "seed 2"] * 2
    assert bars_of(figure.axes[0])[0] == pytest.approx({"On centre": 25, "Other": 75})
    assert bars_of(figure.axes[1])[0] == pytest.approx({"On cross": 75, "Other": 25})
    assert texts_of(draw_seeds(layers[layers["seed"] == 1])) == [NO_SEEDS]


def test_without_a_codebook_the_family_says_the_class(layers):
    layers = layers.assign(n=pd.NA)
    figure = draw_emergence(layers)
    assert "no codebook of this size" in texts_of(figure.axes[0])
    assert bars_of(figure.axes[1], horizontal=True)[0]["On cross"] == pytest.approx(20)
    assert "nearest member" in draw_epochs(layers).axes[0].get_ylabel()


def history_of(values):
    rows = [(arm, seed, epoch, value) for (arm, seed, epoch), value in values.items()]
    table = pd.DataFrame(rows, columns=["arm", "seed", "epoch", "validation_accuracy"])
    return table.assign(train_accuracy=90.0)


def test_a_line_is_the_mean_of_the_seeds_and_its_area_their_range():
    history = history_of(
        {("plain", 1, 0): 20, ("plain", 2, 0): 30, ("plain", 1, 5): 60, ("plain", 2, 5): 70}
        | {("free", 1, 0): 25, ("free", 2, 5): np.nan}
    )
    kernels = CHECKPOINTS.assign(
        kernel_size=5, near_percent=40.0, matched_percent=50.0, random_near_percent=3.0
    ).assign(random_matched_percent=1.0)
    figure = draw_accuracy(CHECKPOINTS, history, kernels)
    axes = figure.axes[1]
    lines = {line.get_label(): line for line in axes.lines}
    assert lines["plain"].get_xydata().tolist() == [[0, 25], [5, 65]]
    assert lines["free"].get_xydata().tolist() == [[0, 25]]  # the end is unknown
    assert (lines["plain"].get_linestyle(), lines["free"].get_linestyle()) == ("-", "--")
    (guess,) = (line for label, line in lines.items() if label.startswith("chance"))
    assert set(guess.get_ydata()) == {25}
    heights = np.concatenate([path.vertices[:, 1] for path in axes.collections[0].get_paths()])
    assert sorted(set(heights)) == [20, 30, 60, 70]
    assert [axes.get_title("left") for axes in figure.axes[2:]] == [
        "5x5: near, of all kernels",
        "5x5: matched, of live kernels",
    ]


def test_movement_has_a_panel_per_arm_and_a_line_per_epoch():
    rows = [
        (arm, seed, epoch, 5, layer, 0.1, cosine, 0.9)
        for arm, epoch, cosine in (("a", 5, 0.5), ("a", 9, 0.25), ("b", 9, 1.0))
        for seed in (1, 2)
        for layer in (0, 3)
    ]
    columns = ["arm", "seed", "epoch", "kernel_size", "layer_index"]
    quartiles = ["lower_quartile", "median", "upper_quartile"]
    figure = draw_movement(pd.DataFrame(rows, columns=[*columns, *quartiles]))
    first, second = (axes for axes in figure.axes if axes.get_title("left"))
    lines = {line.get_label(): list(line.get_ydata()) for line in first.lines}
    assert (lines["epoch 5"], lines["epoch 9"]) == ([0.5, 0.5], [0.25, 0.25])
    assert [label.get_text() for label in second.get_xticklabels()] == ["0", "3"]
    assert texts_of(draw_movement(pd.DataFrame())) == [NO_MOVEMENT]


def test_kernels_of_both_epochs_are_the_same_ones():
    start = np.arange(200.0).reshape(-1, 1, 1) + np.eye(5)
    kernels = {("a", 5): {0: start, 9: -start}, ("b", 5): {9: start[:3]}}
    figure = draw_kernels(kernels)
    titles = [axes.get_title("left") for axes in figure.axes if axes.axison or axes.images]
    assert titles == ["a, 5x5, epoch 0", "a, 5x5, epoch 9", "b, 5x5, epoch 9"]
    first, last, *_, few = (image_of(axes) for axes in figure.axes if axes.images)
    drawn = ~np.isnan(first)
    assert drawn.sum() == 25 * N_COLUMNS * N_ROWS
    assert first[drawn] == pytest.approx(1 - last[drawn])  # of opposite sign
    assert (~np.isnan(few)).sum() == 25 * 3
