"""The classification of a model: its tables of classes and of controls."""

import logging

import numpy as np
import pandas as pd
import pytest
from support.classes import BANK, near

from kernel_atlas.classes.classifier import Classifier, is_clustered
from kernel_atlas.classes.classify import classify_kernels
from kernel_atlas.classes.controls import CONTROL_COLUMNS, CONTROLS, OWN, SWEEP, make_controls
from kernel_atlas.codebooks.codebook import Centres, Codebook
from kernel_atlas.family import functions
from kernel_atlas.family.fit import PARAMETERS, fit_members

LABELS = {  # of the codebook `BANK`, of no codes, and of nine centres
    5: ["on_centre", "mine", "first_derivative_right", "other"],
    7: [],
    3: ["spot"] * 9,
}
CODEBOOKS = {
    5: Codebook(np.array(list(BANK.values()))),
    7: Codebook(np.zeros((0, 7, 7))),
    3: Centres(np.random.default_rng(9).uniform(0, 1, (9, 3, 3)).astype(np.float32)),
}
DTYPES = {
    "layer": "category",
    "layer_index": "int32",
    "channel": "int32",
    "code": "float32",
    "dissimilarity": "float32",
    "class": "category",
    "member": "category",
    **dict.fromkeys([*PARAMETERS, "residual"], "float32"),
}


@pytest.fixture
def classify(tmp_path):
    """A function that classifies a group and reads its tables of classes and of controls."""
    for size, codebook in CODEBOOKS.items():
        blob = functions.difference_of_gaussians(size, 1.0)
        banks = {"templates": codebook.kernels, "kmeans_1": blob[None]}
        np.savez(tmp_path / f"bank{size}.npz", **banks)

    def run(group, folder="out", threshold=0.2):
        out = tmp_path / folder
        classifiers = {
            size: Classifier(codebook, np.array(LABELS[size], object), threshold)
            for size, codebook in CODEBOOKS.items()
        }
        banks = {size: tmp_path / f"bank{size}.npz" for size in classifiers}
        paths = {size: out / f"k{size}.parquet" for size in classifiers}
        classify_kernels(group, classifiers, banks, paths, out / "controls.tsv")
        tables = {size: pd.read_parquet(path) for size, path in paths.items()}
        return tables, pd.read_csv(out / "controls.tsv", sep="\t")

    return run


def test_a_model_with_a_missing_and_a_skipped_size(write_group, classify, caplog, rng):
    dead = np.zeros((5, 5))
    layers = [
        ("a", np.stack([BANK["on_centre"], dead])),
        ("b", rng.normal(size=(4, 7, 7))),
        ("c", np.stack([BANK["on_cross"], BANK["other"], dead])),
        ("d", rng.normal(size=(2, 9, 9))),
    ]
    group = write_group("net", layers)
    with caplog.at_level(logging.WARNING):
        tables, controls = classify(group)
    assert "model net: its 4 kernels of 7x7 are not classified" in caplog.text
    assert "model net: its kernels of 9x9 are not classified" in caplog.text
    assert "3x3" not in caplog.text
    found = tables[5]
    assert found["layer"].tolist() == ["a", "a", "c", "c", "c"]
    assert found["layer_index"].tolist() == [0, 0, 2, 2, 2]
    assert found["channel"].tolist() == [0, 1, 0, 1, 2]
    assert found["class"].tolist() == ["on_centre", "dead", "mine", "other", "dead"]
    categories = ["on_centre", "first_derivative_right", "mine", "other", "dead"]
    assert list(found["class"].cat.categories) == categories
    for table in tables.values():
        assert table.dtypes.astype(str).to_dict() == DTYPES
        assert list(table) == list(DTYPES)
    assert len(tables[7]) == len(tables[3]) == 0
    assert list(controls) == list(CONTROL_COLUMNS)
    assert set(controls["kernel_size"]) == {5}
    assert set(controls["n_kernels"]) == {3}  # the live ones
    keys = controls[["method", "kernels", "threshold"]]
    assert len(keys) == len(keys.drop_duplicates()) == 3 * (1 + len(CONTROLS)) * len(SWEEP)
    own = controls[(controls["kernels"] == OWN) & (controls["threshold"] == 0.2)]
    # a bank has no intervals that are labelled other
    n_clustered = {"codebook": 2, "templates": 3, "kmeans_1": 1}
    assert dict(zip(own["method"], own["n_clustered"], strict=True)) == n_clustered


def test_nearest_members_stand_beside_the_classes(write_group, classify, rng):
    kernels = np.stack([near(kernel, 0.1, rng) for kernel in [*BANK.values()] * 3])
    kernels[5] = 0
    table = classify(write_group("net", [("a", kernels[:7]), ("b", kernels[7:])]))[0][5]
    labels = table["class"].astype(str).to_numpy()
    assert labels.tolist() == [*LABELS[5], "on_centre", "dead", *LABELS[5][2:], *LABELS[5]]
    expected = fit_members(kernels.astype(np.float32), labels)
    pd.testing.assert_frame_equal(table[expected.columns], expected)
    assert table["member"].isna().sum() == 4


def test_centres_classify_kernels_and_controls_alike(write_group, classify, rng):
    kernels = rng.normal(size=(2000, 3, 3)).astype(np.float32)
    tables, controls = classify(write_group("net", [("a", kernels)]))
    classifier = Classifier(CODEBOOKS[3], np.array(LABELS[3], object), 0.2)
    expected = classifier.classify(kernels)
    found = tables[3][list(expected)].assign(**{"class": tables[3]["class"].astype(str)})
    pd.testing.assert_frame_equal(found, expected)
    rows = controls[(controls["method"] == "codebook") & (controls["threshold"] == 0.2)]
    n_clustered = rows.set_index("kernels")["n_clustered"]
    for name, made in ((OWN, kernels), *make_controls(kernels)):
        assert n_clustered[name] == (classifier.classify(made)["class"] == "spot").sum()
        assert 0 < n_clustered[name] < 2000


@pytest.mark.parametrize("layers", [[], [("a", np.zeros((3, 5, 5)))]])
def test_without_live_kernels_there_are_no_controls(write_group, classify, layers):
    """Such as of a model that could not be extracted."""
    tables, controls = classify(write_group("net", layers))
    assert tables[5]["class"].tolist() == ["dead"] * 3 * len(layers)
    assert (list(controls), len(controls)) == (list(CONTROL_COLUMNS), 0)


@pytest.mark.parametrize("threshold", [0.3, 0.1 + 0.2])
def test_controls_are_counted_at_the_threshold_in_force(write_group, classify, rng, threshold):
    kernels = np.stack([near(BANK["on_cross"], d, rng) for d in np.linspace(0.01, 0.9, 60)])
    tables, controls = classify(write_group("net", [("a", kernels)]), threshold=threshold)
    at = controls[controls["threshold"] == threshold]
    assert len(at) == 3 * (1 + len(CONTROLS))
    own = at[(at["method"] == "codebook") & (at["kernels"] == OWN)]
    assert own["n_clustered"].item() == is_clustered(tables[5]["class"]).sum() > 0
