"""How far kernels moved: cosines in closed form, dead kernels, classes that stay."""

import numpy as np
import pandas as pd
import pytest
from support.classes import BANK, near, with_members

from kernel_atlas.checkpoints.layer import Layer
from kernel_atlas.errors import AtlasError
from kernel_atlas.experiments.movement import COLUMNS, find_cosines, measure_movement
from kernel_atlas.extraction.writing import write_model
from kernel_atlas.family.names import DEAD, OTHER, order_classes

NAMES = ["on_centre", "on_cross", "first_derivative_right"]


def unit(kernel):
    centred = kernel - kernel.mean()
    return centred / np.linalg.norm(centred)


SHAPES = np.stack([unit(BANK[name]) for name in NAMES])


def test_gain_and_mean_do_not_count(rng):
    kernels = rng.normal(size=(5, 7, 7))
    assert find_cosines(kernels, 3 * kernels + 1) == pytest.approx(1)
    assert find_cosines(kernels, -kernels) == pytest.approx(-1)


def test_the_cosine_is_what_it_was_made_as(rng):
    moved = np.stack([near(shape, 0.25, rng) for shape in SHAPES])
    assert find_cosines(SHAPES, 2 * moved + 5) == pytest.approx(0.75)


def test_a_dead_kernel_has_none(rng):
    kernels = rng.normal(size=(3, 5, 5))
    later = kernels.copy()
    later[1] = 0.5
    assert np.isnan(find_cosines(kernels, later)).tolist() == [False, True, False]
    assert np.isnan(find_cosines(later, kernels)).tolist() == [False, True, False]


@pytest.fixture
def measure(tmp_path):
    """A function that writes checkpoints of one training and returns the rows of movement.tsv.

    A checkpoint is given by its epoch, as kernels and the words of their classes.
    """

    def run(checkpoints, n_layers=1, n_groups=None, layer="dw"):
        rows, groups, tables = [], [], []
        for epoch, (kernels, words) in checkpoints.items():
            model = f"a-s1-e{epoch:03d}"
            rows.append({"model": model, "arm": "a", "seed": 1, "epoch": epoch})
            groups.append(tmp_path / "kernels.zarr" / model)
            parts = np.split(kernels.astype(np.float32), n_layers) if len(kernels) else []
            names = [f"{layer}.{number}" for number in range(len(parts))]
            layers = [Layer(name, part) for name, part in zip(names, parts, strict=True)]
            write_model(groups[-1], layers, {"source": "file:gone", "stamp": ""})
            index = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
            channels = [np.arange(len(part)) for part in parts]
            table = pd.DataFrame(
                {
                    "layer": pd.Categorical.from_codes(index, names),
                    "layer_index": index,
                    "channel": np.concatenate(channels) if parts else index,
                    "near": True,
                    "class": pd.Categorical(words, order_classes({*NAMES, OTHER, DEAD})),
                }
            )
            tables.append(tmp_path / f"{model}.parquet")
            with_members(table).to_parquet(tables[-1])
        pd.DataFrame(rows).to_csv(tmp_path / "checkpoints.tsv", sep="\t", index=False)
        path = tmp_path / "movement.tsv"
        known = slice(n_groups)
        measure_movement(tmp_path / "checkpoints.tsv", groups[known], tables[known], [5], path)
        return pd.read_csv(path, sep="\t")

    return run


def test_kernels_that_stay_have_cosine_1_and_keep_their_classes(measure):
    table = measure({0: (SHAPES, NAMES), 5: (SHAPES, NAMES), 10: (2 * SHAPES, NAMES)})
    assert list(table) == COLUMNS
    assert table["epoch"].tolist() == [5, 10]  # not the start itself
    quartiles = table[["mean", "lower_quartile", "median", "upper_quartile"]]
    assert (quartiles == 1).all(axis=None)
    assert (table["same_class_percent"] == 100).all()
    assert (table[["n_kernels", "n_matched_start"]] == 3).all(axis=None)


def test_each_layer_has_its_row_and_dead_kernels_are_named(measure):
    start = np.concatenate([SHAPES, SHAPES])
    end = np.concatenate([-SHAPES, SHAPES])
    end[[3, 5]] = 0
    table = measure(
        {0: (start, NAMES * 2), 5: (end, [OTHER] * 3 + [DEAD, NAMES[1], DEAD])}, n_layers=2
    )
    assert table["layer"].tolist() == ["dw.0", "dw.1"]
    assert table["mean"].tolist() == [-1, 1]
    assert table["n_dead"].tolist() == [0, 2]
    assert table["dead"].isna().tolist() == [True, False]
    assert table["dead"].iloc[1] == "0, 2"
    assert table["same_class_percent"].tolist() == pytest.approx([0, 100 / 3], abs=1e-3)


def test_only_kernels_that_were_matched_can_keep_a_class(measure):
    table = measure({0: (SHAPES, [OTHER, NAMES[1], NAMES[2]]), 5: (SHAPES, [NAMES[0]] * 3)})
    assert (table["n_matched_start"].item(), table["same_class_percent"].item()) == (2, 0)


def test_a_checkpoint_without_kernels_or_a_training_without_start_has_no_rows(measure, caplog):
    none = (np.zeros((0, 5, 5)), [])
    assert measure({0: (SHAPES, NAMES), 5: none}).empty
    assert measure({5: (SHAPES, NAMES)}).empty
    assert "a, seed 1: no start (epoch 0)" in caplog.text


def test_another_network_is_an_error(measure):
    with pytest.raises(AtlasError, match="different layers"):
        measure({0: (SHAPES, NAMES), 5: (SHAPES[:2], NAMES[:2])})


def test_a_checkpoint_that_the_run_does_not_know_is_an_error(measure):
    with pytest.raises(AtlasError, match="a-s1-e005, were trained after"):
        measure({0: (SHAPES, NAMES), 5: (SHAPES, NAMES)}, n_groups=1)
