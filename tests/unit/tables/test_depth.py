"""Measures and class proportions by relative depth."""

import numpy as np
import pandas as pd
import pytest
from support.classes import classes_of, layers_of

from kernel_atlas.tables import measures
from kernel_atlas.tables.depth import pool_depths


@pytest.fixture
def pool(tmp_path):
    """A function that pools models with a family and tables of classes."""

    def run(families, classes):
        sheet = pd.DataFrame({"model": list(families), "family": list(families.values())})
        layers = layers_of(classes)
        own = layers.groupby(["model", "kernel_size", "layer_index"], as_index=False).agg(
            layer=("layer", "first"), n_kernels=("n_members", "sum")
        )
        is_dead = layers["class"] == "dead"
        dead = layers[is_dead].set_index(["model", "kernel_size", "layer_index"])["n_members"]
        own = own.join(dead.rename("n_dead"), on=["model", "kernel_size", "layer_index"])
        own["effective_rank"] = 1.0 + own["layer_index"]
        own["ideal_percent"] = 50.0
        own = own.reindex(columns=measures.LAYER_COLUMNS)
        for name, table in (("models", sheet), ("layers", layers), ("measures", own)):
            table.to_csv(tmp_path / f"{name}.tsv", sep="\t", index=False)
        paths = [tmp_path / f"{name}.tsv" for name in ("models", "layers", "measures", "depth")]
        pool_depths(*paths)
        found = pd.read_csv(paths[-1], sep="\t", keep_default_na=False, na_values=[""])
        return found.set_index(["family", "kernel_size", "depth", "ruler", "quantity"])

    return run


def test_layers_at_one_depth_are_pooled_over_the_models_of_a_family(pool):
    short = classes_of(a="on_centre on_centre dead", b="other other other other")
    long = classes_of(**dict.fromkeys("cdefghijkl", "on_centre off_centre/~off_centre"))
    found = pool({"s": "X", "l": "X", "o": "Y"}, {("s", 5): short, ("l", 5): long, ("o", 5): long})
    assert list(dict.fromkeys(found.index.get_level_values("family"))) == ["X", "Y", "all"]
    # the first half of a network of two layers begins at a depth of 1/4, in the second fifth
    row = found.loc["X", 5, 0.3, "family", "on_centre"]
    assert (row["n_models"], row["n_kernels"]) == (2, 6)
    assert row["value"] == pytest.approx(100 * 4 / 6, abs=1e-3)
    assert np.isnan(row["low"])  # of two models
    assert found.loc["Y", 5, 0.3, "paper", "off_centre"]["value"] == 50
    rank = found.xs("effective_rank", level="quantity")["value"]
    assert rank.loc["Y", 5, 0.9].tolist() == [9.5]
    assert rank.loc["X", 5, 0.3].tolist() == [pytest.approx((2 * 1 + 2 * 3 + 2 * 4) / 6, abs=1e-4)]


def test_five_models_have_an_interval_and_no_codebook_no_classes_of_the_paper(pool):
    classes = {(name, 9): classes_of(a="-/on_centre -/off_cross -/~on_cross") for name in "abcde"}
    found = pool(dict.fromkeys("abcde", "X"), classes)
    row = found.loc["X", 9, 0.5, "family", "on_centre"]
    assert row["value"] == pytest.approx(100 / 3, abs=1e-3)
    assert row["low"] < row["value"] < row["high"]
    assert "paper" not in found.index.get_level_values("ruler")
    assert np.isnan(found.xs("effective_rank", level="quantity")["low"]).all()
