"""The tables of measures: what a row is made of, controls, and what is missing."""

import numpy as np
import pandas as pd
import pytest

from kernel_atlas.family.keys import read_keys
from kernel_atlas.family.scale_space import make_key_models
from kernel_atlas.measures import diversity
from kernel_atlas.measures.model import measure_model
from kernel_atlas.tables import measures
from kernel_atlas.tables.measures import gather_measures


@pytest.fixture
def measure(tmp_path):
    """A function that measures groups of the store, and reads the tables."""

    def run(*groups):
        paths = [tmp_path / f"{group.name}.npz" for group in groups]
        for group, path in zip(groups, paths, strict=True):
            measure_model(group, path)
        gather_measures(paths, tmp_path / "tables")
        names = ("", "_layers", "_keys", "_similarity")
        paths = [tmp_path / f"tables/measures{name}.tsv" for name in names]
        return [pd.read_csv(path, sep="\t") for path in paths]

    return run


def test_keys_are_counted_with_their_sign(measure, write_group, rng):
    keys = read_keys()
    noise = rng.normal(size=(3, 7, 7)) * 100
    weights = np.concatenate([2 * keys[[0, 0, 4]], -keys[[0, 7]], noise, np.ones((2, 7, 7))])
    models, layers, counts, _ = measure(write_group("net", [("dw", weights)]))
    own = models.set_index("kernels").loc["own"]
    assert (own["n_kernels"], own["n_dead"], own["n_layers"]) == (10, 2, 1)
    assert own["keys_percent"] == pytest.approx(100 * 5 / 8)
    # another key may describe a turned edge
    assert 100 * 3 / 8 <= own["keys_positive_percent"] < own["keys_percent"]
    assert np.isnan(own["keys_low_percent"])  # of one layer
    found = counts[counts["bank"] == "keys"].set_index("key")
    assert found["n_described"].tolist() == [3, 0, 0, 0, 1, 0, 0, 1]
    assert found["n_turned"].tolist() == [1, 0, 0, 0, 0, 0, 0, 1]
    assert layers["keys_percent"].tolist() == [own["keys_percent"]]


def test_a_model_is_the_mean_of_its_layers_weighted_by_kernels(measure, write_group, rng):
    many, few = rng.normal(size=(40, 5, 5)), np.tile(make_key_models(5)[:2], (5, 1, 1))
    models, layers, *_ = measure(write_group("net", [("a", many), ("b", few)]))
    own = models.set_index("kernels").loc["own"]
    for name in ("variance_entropy", "orthogonality", "effective_rank", "offset_x"):
        expected = np.average(layers[name], weights=[40, 10])
        assert own[name] == pytest.approx(expected, abs=2e-4), name
    assert layers["orthogonality"][0] == pytest.approx(diversity.orthogonality(many), abs=1e-4)
    assert layers["ideal_percent"].tolist()[1] == 100
    assert np.isnan(layers["keys_percent"]).all()  # the keys are 7x7


def test_controls_are_those_of_random_and_shuffled_kernels(measure, write_group):
    weights = np.tile(make_key_models(7), (40, 1, 1)) * np.linspace(1, 2, 320)[:, None, None]
    models, *_ = measure(write_group("net", [(name, weights) for name in "abcde"]))
    found = models.set_index("kernels")
    assert list(found.index) == ["own", "random", "shuffled"]
    assert found["ideal_percent"].tolist() == [100, 0, pytest.approx(4, abs=4)]
    assert found["effective_rank"]["own"] < 8.01
    assert found["effective_rank"][["random", "shuffled"]].min() > 40
    assert found["isotropy"]["own"] < 0.5 < 0.9 < found["isotropy"]["random"]
    assert found["ideal_low_percent"]["own"] > 90


def test_the_same_models_give_the_same_bytes_and_similarities_are_of_pairs(
    measure, write_group, rng, tmp_path
):
    first, second = rng.normal(size=(2, 30, 3, 3))
    groups = [write_group(name, [("dw", x)]) for name, x in (("a", first), ("b", 5 * first + 1))]
    groups.append(write_group("c", [("dw", second)]))
    groups.append(write_group("nothing", []))
    *_, similarity = measure(*groups)
    assert similarity[["model", "other_model"]].agg("".join, axis=1).tolist() == ["ab", "ac", "bc"]
    assert similarity["similarity"][0] == 1
    assert similarity["similarity"][1] == similarity["similarity"][2] < 1
    before = (tmp_path / "tables/measures.tsv").read_bytes()
    measure(*groups)
    assert (tmp_path / "tables/measures.tsv").read_bytes() == before


def test_a_layer_of_dead_kernels_has_counts_and_sparsity_alone(measure, write_group, rng):
    layers = [("dead", np.zeros((4, 7, 7))), ("live", rng.normal(size=(6, 7, 7)))]
    models, found, *_ = measure(write_group("net", layers))
    dead = found.iloc[0]
    assert (dead["n_kernels"], dead["n_dead"], dead["sparsity"]) == (4, 4, 1)
    assert dead.drop(["model", "layer"]).dropna().index.tolist() == [
        *("kernel_size", "layer_index", "n_kernels", "n_dead", "sparsity")
    ]
    own = models.set_index("kernels").loc["own"]
    assert own["effective_rank"] == found["effective_rank"][1]
    assert own["sparsity"] == 0.4
    assert list(models) == measures.COLUMNS
