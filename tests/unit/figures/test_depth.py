"""The figure of depth: classes by tenth of the network, the models of a family together."""

import pandas as pd
import pytest
from support.classes import classes_of, layers_of
from support.figures import bars_of, texts_of

from kernel_atlas.figures.depth import N_BINS, draw_depth
from kernel_atlas.figures.proportions import COLUMNS, read_layers
from kernel_atlas.figures.style import NO_MODEL
from kernel_atlas.tables.depth import find_depths

FAMILIES = pd.Series({"one": "A", "two": "A", "three": "", "wide": ""})
CLASSES = {
    ("one", 5): classes_of(first="on_centre on_centre other/on_cross dead", last="on_cross"),
    ("two", 5): classes_of(first="on_cross other", last="first_derivative_up dead"),
    ("three", 5): classes_of(only="on_centre"),
    ("wide", 9): classes_of(only="-/on_cross -/~on_cross"),
}


def panels_of(figure):
    """By title of the panel: from the bar's place to its classes with their percentages."""
    return {
        axes.get_title("left"): {place: pytest.approx(bar) for place, bar in bars_of(axes).items()}
        for axes in figure.axes
    }


def test_kernels_of_a_family_are_counted_together_by_depth():
    panels = panels_of(draw_depth(layers_of(CLASSES), FAMILIES))
    assert panels == {
        "5x5, A: 2 models": {
            2: {"On centre": 100 / 3, "On cross": 100 / 6, "Other": 100 / 3, "Dead": 100 / 6},
            7: {"On cross": 100 / 3, "First derivative": 100 / 3, "Dead": 100 / 3},
        },
        "5x5, no family: 1 model": {5: {"On centre": 100}},
        "9x9, no family: 1 model (nearest member)": {5: {"On cross": 50, "Other": 50}},
    }


def test_the_ruler_decides_the_classes():
    figure = draw_depth(layers_of(CLASSES), FAMILIES, "family")
    first = panels_of(figure)["5x5, A: 2 models"][2]
    assert first == {"On centre": 100 / 3, "On cross": 100 / 3, "Other": 100 / 6, "Dead": 100 / 6}
    assert "Nearest member" in texts_of(figure)


def test_depth_is_that_among_the_layers_of_all_sizes():
    layers = pd.DataFrame({"model": "one", "layer_index": range(20)})
    layers["kernel_size"] = 3 + 2 * (layers["layer_index"] % 2)
    assert find_depths(layers, N_BINS).tolist() == sorted([*range(10)] * 2)
    five = layers["kernel_size"] == 5
    assert find_depths(layers, N_BINS)[five].tolist() == [*range(10)]


def test_duplicates_are_left_out_when_read(tmp_path):
    layers = layers_of({name: table for name, table in CLASSES.items() if name[1] == 5})
    twin = layers[layers["model"] == "one"].assign(model="twin")
    pd.concat([layers, twin]).to_csv(tmp_path / "layers.tsv", sep="\t", index=False)
    models = pd.DataFrame({"model": ["one", "two", "three", "twin"], "family": ["A", "A", "", "A"]})
    models["duplicate_of"] = ["", "", "", "one"]
    models.to_csv(tmp_path / "models.tsv", sep="\t", index=False)
    table, families = read_layers(tmp_path / "layers.tsv", tmp_path / "models.tsv")
    assert set(table["model"]) == {"one", "two", "three"}
    assert families.to_dict() == {"one": "A", "two": "A", "three": ""}


def test_without_models_there_is_a_notice():
    assert texts_of(draw_depth(pd.DataFrame(columns=COLUMNS), FAMILIES)) == [NO_MODEL]
