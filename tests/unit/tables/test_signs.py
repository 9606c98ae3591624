"""On and off classes with and without the signs of the gains."""

import numpy as np
import pytest
from support.classes import BANK, classes_of

from kernel_atlas.checkpoints.layer import Layer
from kernel_atlas.classes.classifier import Classifier
from kernel_atlas.classes.table import ClassTable
from kernel_atlas.classes.tabulate import tabulate
from kernel_atlas.codebooks.codebook import Codebook
from kernel_atlas.extraction.kernels import gather_kernels
from kernel_atlas.family.names import CLASSES, opposite
from kernel_atlas.tables.signs import COLUMNS, count_signs

ON, RIGHT = BANK["on_centre"], BANK["first_derivative_right"]


@pytest.fixture
def table():
    """Six kernels with gains of each sign, three without; no code is the negative of `ON`."""
    codebook = Codebook(np.stack([ON, RIGHT, -RIGHT]))
    labels = np.array(["on_centre", "first_derivative_right", "first_derivative_left"])
    kernels = np.stack([ON, ON, ON, RIGHT, RIGHT, 0 * ON]).astype(np.float32)
    sign = np.array([1, -1, 0, 1, -1, 1], np.int8)
    layers = [Layer("known", kernels, gain_sign=sign), Layer("unknown", kernels[3:])]
    return tabulate(gather_kernels(layers, 5), Classifier(codebook, labels, 0.2))


def counts(table, ruler):
    found = count_signs(ClassTable.of(table)).query("ruler == @ruler").set_index("class")
    return {
        name: found.loc[name, ["n", "n_known", "n_negative", "n_folded"]].tolist()
        for name in found.index
    }


def test_the_classes_of_kernels_with_their_signs(table):
    right, left = "first_derivative_right", "first_derivative_left"
    folded = ["on_centre", "other", "dead", right, left, "dead", None, None, None]
    assert (
        table["folded_class"].astype(object).where(table["folded_class"].notna(), None).tolist()
        == folded
    )
    assert table["gain_sign"].isna().tolist() == [False] * 6 + [True] * 3


def test_each_class_is_counted_with_and_without_the_signs(table):
    right, left = "first_derivative_right", "first_derivative_left"
    paper, family = counts(table, "paper"), counts(table, "family")
    # the codebook has no code for a turned centre, the family has
    assert paper["on_centre"] == family["on_centre"] == [3, 3, 1, 1]
    assert (paper["off_centre"], family["off_centre"]) == ([0, 0, 0, 0], [0, 0, 0, 1])
    assert paper[right] == family[right] == [4, 2, 1, 1]
    assert paper[left] == family[left] == [0, 0, 0, 1]
    assert paper["all"] == family["all"] == [7, 5, 2, 4]
    assert list(count_signs(ClassTable.of(table))) == COLUMNS[2:]


def test_without_gains_nothing_is_said_of_folded_kernels():
    found = count_signs(ClassTable.of(classes_of(a="on_centre off_centre dead"))).set_index(
        ["ruler", "class"]
    )
    assert found["n_known"].sum() == found["n_folded"].sum() == 0
    assert found.loc[("paper", "all"), ["n", "known_percent"]].tolist() == [2, 0]
    assert np.isnan(found.loc[("family", "on_cross"), "known_percent"])


def test_opposites_come_in_pairs():
    assert {opposite(name) for name in CLASSES} == set(CLASSES)
    assert all(opposite(name) != name == opposite(opposite(name)) for name in CLASSES)
    assert [opposite(x) for x in ("other", "on_mine", "mine")] == ["other", "off_mine", "mine"]
