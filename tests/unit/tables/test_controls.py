"""The tables of controls: at the threshold in force, and over all."""

import pytest
from support.classes import classes_of
from support.tables import chance, filled

from kernel_atlas.tables import clustered


@pytest.mark.parametrize("threshold", [0.2, 0.137, 0.1 + 0.2, 1 / 3])
def test_controls_are_at_the_threshold_in_force_and_the_sweep_is_over_all(summarise, threshold):
    def rows(method, kernels, n_kernels, counts):
        pairs = zip((0.05, threshold, 0.5), counts, strict=True)
        return [(5, method, kernels, at, n_kernels, n) for at, n in pairs]

    controls = {
        "a": rows("codebook", "own", 8, (1, 4, 6)) + rows("templates", "own", 8, (0, 1, 2)),
        "b": rows("codebook", "own", 16, (1, 2, 3)) + rows("codebook", "random", 16, (0, 1, 16)),
    }
    tables = {(model, 5): classes_of(x="other") for model in "ab"}
    found = summarise(tables, controls, thresholds={5: threshold})
    assert filled(found["controls"]) == [
        ["a", 5, "codebook", "own", 8, 4, 50],
        ["a", 5, "templates", "own", 8, 1, 12.5],
        ["b", 5, "codebook", "own", 16, 2, 12.5],
        ["b", 5, "codebook", "random", 16, 1, 6.25],
    ]
    at = round(threshold, 4)
    assert filled(found["sweep"]) == [
        [5, "codebook", "own", 0.05, 24, 2, 8.3333],
        [5, "codebook", "own", at, 24, 6, 25],
        [5, "codebook", "own", 0.5, 24, 9, 37.5],
        [5, "templates", "own", 0.05, 8, 0, 0],
        [5, "templates", "own", at, 8, 1, 12.5],
        [5, "templates", "own", 0.5, 8, 2, 25],
        [5, "codebook", "random", 0.05, 16, 0, 0],
        [5, "codebook", "random", at, 16, 1, 6.25],
        [5, "codebook", "random", 0.5, 16, 16, 100],
    ]
    assert filled(found["clustered"], "random_clustered_percent") == [[""], [6.25]]


def test_chance_is_beside_each_model_and_pooled_once(summarise):
    controls = {
        "a": [(5, "near", "own", 0.2, 8, 4), (5, "near", "shuffled", 0.2, 8, 2)],
        "b": [(5, "near", "own", 0.2, 4, 2), (5, "near", "shuffled", 0.2, 4, 1)],
        "c": [(3, "near", "own", 0.2, 2, 1)],
    }
    of_chance = [(5, "near", "random", 0.2, 10, 1), (7, "near", "random", 0.3, 10, 0)]
    tables = {(model, 5): classes_of(x="other") for model in "abc"}
    found = summarise(tables, controls, chance=of_chance)
    assert filled(found["controls"], "model", "kernels", "n_kernels", "n_clustered") == [
        ["a", "own", 8, 4],
        ["a", "shuffled", 8, 2],
        ["a", "random", 10, 1],
        ["b", "own", 4, 2],
        ["b", "shuffled", 4, 1],
        ["b", "random", 10, 1],
        ["c", "own", 2, 1],
    ]
    assert filled(found["sweep"], "kernel_size", "kernels", "n_kernels", "n_clustered") == [
        [5, "own", 12, 6],
        [5, "shuffled", 12, 3],
        [5, "random", 10, 1],
        [3, "own", 2, 1],
    ]
    assert filled(found["clustered"], "random_near_percent") == [[10], [10], [""]]


def test_numbers_look_the_same_beside_a_model_without_controls(summarise):
    tables = {("a", 5): classes_of(x="dead"), ("b", 5): classes_of(x="other")}
    found = summarise(tables, {"b": [(5, "codebook", "own", 0.2, 3, 2)]}, text=True)
    assert filled(found["controls"]) == [["b", "5", "codebook", "own", "3", "2", "66.6667"]]
    assert filled(found["sweep"]) == [["5", "codebook", "own", "0.2000", "3", "2", "66.6667"]]


def test_controls_that_are_all_dead_have_no_percentage(summarise):
    """Random phases may level the only kernel of a model."""
    found = summarise({("a", 5): classes_of(x="other")}, {"a": chance(5, 0, 0)})
    for name in ("controls", "sweep"):
        assert found[name]["percent"].isna().all()
    columns = [name for name in clustered.COLUMNS if name.startswith(("random", "phase"))]
    assert found["clustered"][columns].isna().all(axis=None)
