"""The classification of a model: its tables of classes and of controls."""

import logging
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from support.classes import BANK, near

from kernel_atlas.classes.classifier import Classifier
from kernel_atlas.classes.classify import classify_kernels
from kernel_atlas.classes.controls import CONTROL_COLUMNS, OF_KERNELS, OWN, SWEEP, make_controls
from kernel_atlas.classes.table import ClassTable
from kernel_atlas.codebooks.codebook import Centres, Codebook
from kernel_atlas.family import functions
from kernel_atlas.family.fit import PARAMETERS, find_matched, fit_members

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
    "near": "boolean",
    "class": "category",
    "member": "category",
    **dict.fromkeys([*PARAMETERS, "residual", "lead"], "float32"),
    "matched": "bool",
    "gain_sign": "Int8",
    "folded_class": "category",
}
MEMBER = ["member", *PARAMETERS, "residual", "lead"]  # no codebook decides these


@pytest.fixture
def classify(tmp_path):
    """A function that classifies a group and reads its tables of classes and of controls."""
    for size, codebook in CODEBOOKS.items():
        blob = functions.difference_of_gaussians(size, 1.0)
        banks = {"templates": codebook.kernels, "kmeans_1": blob[None]}
        if not len(codebook):
            banks = {"templates": blob[None]}
        np.savez(tmp_path / f"bank{size}.npz", **banks)

    def run(group, folder="out", threshold=0.2, **codebooks):
        out = tmp_path / folder
        classifiers = {
            size: Classifier(
                codebooks.get(f"k{size}", codebook), np.array(LABELS[size], object), threshold
            )
            for size, codebook in CODEBOOKS.items()
        }
        banks = {size: tmp_path / f"bank{size}.npz" for size in classifiers}
        paths = {size: out / f"k{size}.parquet" for size in classifiers}
        classify_kernels(group, classifiers, banks, paths, out / "controls.tsv")
        tables = {size: pd.read_parquet(path) for size, path in paths.items()}
        return tables, pd.read_csv(out / "controls.tsv", sep="\t")

    return run


JOB = """
import sys
from kernel_atlas.classes.classify import classify_kernels
from kernel_atlas.section import Section
group, bank, table, controls = sys.argv[1:]
classifier = Section.without_codes(5, 0.2).classifier
classify_kernels(group, {5: classifier}, {5: bank}, {5: table}, controls)
print(*sorted({"pandas", "zarr"} & set(sys.modules)))
"""


def test_a_job_imports_neither_pandas_nor_zarr(write_group, tmp_path, rng):
    """Together they take longer to import than many models to classify."""
    group = write_group("net", [("a", rng.normal(size=(4, 5, 5)))])
    np.savez(tmp_path / "bank.npz", bank=rng.normal(size=(3, 5, 5)))
    paths = [group, tmp_path / "bank.npz", tmp_path / "k5.parquet", tmp_path / "controls.tsv"]
    command = [sys.executable, "-c", JOB, *map(str, paths)]
    assert subprocess.check_output(command, text=True).split() == []
    assert len(pd.read_parquet(tmp_path / "k5.parquet")) == 4


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
    assert "model net: its kernels of 9x9 are not measured" in caplog.text
    assert "add 9 to family.sizes" in caplog.text
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
    assert (len(tables[7]), len(tables[3])) == (4, 0)
    assert list(controls) == list(CONTROL_COLUMNS)
    methods = controls.groupby("kernel_size")["method"].agg(set)
    assert methods.to_dict() == {
        5: {"near", "codebook", "family", "templates", "kmeans_1"},
        7: {"family", "templates"},
    }
    n_live = controls.groupby("kernel_size")["n_kernels"].agg(set)
    assert n_live.to_dict() == {5: {3}, 7: {4}}
    keys = controls[["kernel_size", "method", "kernels", "threshold"]]
    assert len(keys) == len(keys.drop_duplicates()) == 7 * (1 + len(OF_KERNELS)) * len(SWEEP)
    own = controls.query(f"kernel_size == 5 and kernels == '{OWN}' and threshold == 0.2")
    # the last code has no class; banks have no classes at all
    n_clustered = {"near": 3, "codebook": 2, "family": 3, "templates": 3, "kmeans_1": 1}
    assert own.set_index("method")["n_clustered"].to_dict() == n_clustered


def test_every_live_kernel_has_a_member(write_group, classify, rng):
    kernels = np.stack([near(kernel, 0.1, rng) for kernel in [*BANK.values()] * 2])
    kernels = np.concatenate([kernels, rng.normal(size=(4, 5, 5)), np.zeros((2, 5, 5))])
    table = classify(write_group("net", [("a", kernels[:7]), ("b", kernels[7:])]))[0][5]
    labels = [*LABELS[5], *LABELS[5], *["other"] * 4, *["dead"] * 2]
    assert table["class"].tolist() == labels
    pd.testing.assert_frame_equal(table[MEMBER], fit_members(kernels.astype(np.float32)))
    is_dead = table["class"] == "dead"
    for name in ("member", "residual", "lead"):
        assert (table[name].isna() == is_dead).all()
    assert table["near"].tolist() == [True] * 8 + [False] * 6
    assert table["matched"].tolist() == find_matched(table, 0.2).tolist()
    assert table["matched"][:8].all()
    assert not table["matched"][is_dead].any()


def test_a_size_without_a_codebook_has_members_alone(write_group, classify, rng):
    kernels = np.concatenate([rng.normal(size=(3, 7, 7)), np.zeros((1, 7, 7))])
    table = classify(write_group("net", [("a", kernels)]), threshold=0.5)[0][7]
    assert table["class"].astype(object).tolist()[3] == "dead"
    assert table["class"].isna().tolist() == [True] * 3 + [False]
    assert table[["code", "dissimilarity"]].isna().all(axis=None)
    assert table["near"].isna().all()
    pd.testing.assert_frame_equal(table[MEMBER], fit_members(kernels.astype(np.float32)))
    assert table["matched"].tolist() == find_matched(table, 0.5).tolist()


def test_no_codebook_moves_a_member(write_group, classify, rng):
    group = write_group("net", [("a", rng.normal(size=(20, 5, 5)))])
    first = classify(group, "first")[0][5]
    other = Codebook(rng.normal(size=(4, 5, 5)))
    second = classify(group, "second", k5=other)[0][5]
    assert (first["dissimilarity"] != second["dissimilarity"]).any()
    for name in (*MEMBER[1:], "matched"):
        assert first[name].to_numpy().tobytes() == second[name].to_numpy().tobytes(), name
    assert first["member"].tolist() == second["member"].tolist()


def test_centres_classify_kernels_and_controls_alike(write_group, classify, rng):
    kernels = rng.normal(size=(300, 3, 3)).astype(np.float32)
    tables, controls = classify(write_group("net", [("a", kernels)]))
    classifier = Classifier(CODEBOOKS[3], np.array(LABELS[3], object), 0.2)
    expected = classifier.classify(kernels)
    found = tables[3][list(expected)].assign(**{"class": tables[3]["class"].astype(str)})
    pd.testing.assert_frame_equal(found, expected)
    rows = controls[(controls["method"] == "codebook") & (controls["threshold"] == 0.2)]
    n_clustered = rows.set_index("kernels")["n_clustered"]
    for name, made in ((OWN, kernels), *make_controls(kernels)):
        assert n_clustered[name] == (classifier.classify(made)["class"] == "spot").sum()
        assert 0 < n_clustered[name] < 300


@pytest.mark.parametrize("layers", [[], [("a", np.zeros((3, 5, 5)))]])
def test_without_live_kernels_there_are_no_controls(write_group, classify, layers):
    """Such as of a model that could not be extracted."""
    tables, controls = classify(write_group("net", layers))
    assert tables[5]["class"].tolist() == ["dead"] * 3 * len(layers)
    assert (list(controls), len(controls)) == (list(CONTROL_COLUMNS), 0)


@pytest.mark.parametrize("threshold", [0.3, 0.1 + 0.2])
def test_controls_are_counted_at_the_threshold_in_force(write_group, classify, rng, threshold):
    kernels = np.stack([near(BANK["on_cross"], d, rng) for d in np.linspace(0.01, 0.9, 30)])
    tables, controls = classify(write_group("net", [("a", kernels)]), threshold=threshold)
    at = controls[controls["threshold"] == threshold]
    assert len(at) == 5 * (1 + len(OF_KERNELS))
    own = at[at["kernels"] == OWN].set_index("method")["n_clustered"]
    assert own["near"] == tables[5]["near"].sum() > 0
    assert own["codebook"] == ClassTable.of(tables[5]).own.is_clustered.sum() > 0
    assert own["family"] == tables[5]["matched"].sum() > 0
