"""The figure of activation: a box per class, from the sums of its kernels."""

import numpy as np
import pytest
from support.classes import arrays_of, classes_of
from support.figures import colour_of, texts_of

from kernel_atlas.figures.activation import draw_activation
from kernel_atlas.figures.style import COLOURS

WORDS = "on_centre/off_cross dead " + "on_centre " * 20 + "mine/~on_centre " * 3
CLASSES = {5: classes_of(a=WORDS)}


@pytest.fixture
def kernels(rng):
    """Kernels that sum to 0, 1, 2, ... whatever their shape."""
    shapes = rng.normal(size=(25, 5, 5))
    shapes -= shapes.mean(axis=(1, 2), keepdims=True)
    return {5: (shapes + np.arange(25)[:, None, None] / 25).astype(np.float32)}


def boxes_of(axes):
    """By name of the class: colour and the ends of its box."""
    names = [text.get_text() for text in axes.texts if text.get_ha() == "right"]
    return {
        name: (colour_of(box), box.get_x(), box.get_x() + box.get_width())
        for name, box in zip(names, axes.patches, strict=True)
    }


@pytest.mark.parametrize(
    ("ruler", "expected"),
    [
        ("paper", {"On centre (21)": [0, *range(2, 22)], "Mine (3)": [22, 23, 24]}),
        (
            "family",
            {"On centre (20)": range(2, 22), "Off cross (1)": [0], "Other (3)": [22, 23, 24]},
        ),
    ],
)
def test_a_box_has_the_quartiles_of_the_sums_of_a_class(kernels, ruler, expected):
    figure = draw_activation("net", arrays_of(CLASSES), kernels, ruler)
    (axes,) = figure.axes
    quartiles = {name: np.percentile([*sums], (25, 75)) for name, sums in expected.items()}
    boxes = boxes_of(axes)
    assert list(boxes) == list(expected)
    for name, (_, *ends) in boxes.items():
        assert ends == pytest.approx(quartiles[name], abs=1e-4)
    assert boxes[next(iter(expected))][0] == COLOURS["on_centre"]
    assert axes.get_title("left") == f"5x5, by the {ruler}'s ruler"


def test_without_a_codebook_the_boxes_are_by_the_family_s_ruler(rng):
    classes = classes_of(a="-/on_cross -/~on_cross dead -/on_cross")
    figure = draw_activation(
        "net", arrays_of({9: classes}), {9: rng.normal(size=(4, 9, 9))}, "paper"
    )
    assert list(boxes_of(figure.axes[0])) == ["On cross (2)", "Other (1)"]


def test_a_model_with_only_dead_kernels_says_so():
    figure = draw_activation(
        "net", arrays_of({5: classes_of(a="dead dead")}), {5: np.ones((2, 5, 5))}
    )
    assert "no live kernels" in texts_of(figure)
