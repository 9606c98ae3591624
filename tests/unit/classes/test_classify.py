"""Classification: code, dissimilarity and class of kernels that are known beforehand."""

import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from kernel_atlas.classes.classifier import Classifier, is_clustered
from kernel_atlas.classes.classify import classify_kernels
from kernel_atlas.classes.controls import CONTROLS, OWN, SWEEP, make_controls, sweep_thresholds
from kernel_atlas.family import functions
from kernel_atlas.family.fit import PARAMETERS, fit_members
from kernel_atlas.labels.proposal import label_codebook

BANK = {
    "on_centre": functions.difference_of_gaussians(5, 0.8),
    "on_cross": functions.cross(5, 0.5),
    "first_derivative_right": functions.first_derivative(5, 1.0, 0.0),
    "other": functions.first_derivative(5, 1.0, np.pi),  # an interval labelled so
}
BLOB = {size: functions.difference_of_gaussians(size, 1.0) for size in (3, 5, 7)}
CENTRES = np.random.default_rng(9).uniform(0, 1, (9, 3, 3)).astype(np.float32)
DTYPES = {
    "layer": "category", "layer_index": "int32", "channel": "int32", "code": "float32",
    "dissimilarity": "float32", "class": "category", "member": "category",
    **dict.fromkeys([*PARAMETERS, "residual"], "float32"),
}  # fmt: skip
CONTROL_COLUMNS = ["kernel_size", "method", "kernels", "threshold", "n_kernels", "n_clustered"]


@pytest.fixture
def classifier():
    return Classifier(np.array(list(BANK.values())), np.array(list(BANK), object), 0.2)


def near(kernel, dissimilarity, rng):
    """A kernel at this dissimilarity from a centred one of unit norm."""
    aside = rng.normal(size=kernel.shape)
    aside -= aside.mean()
    aside -= (aside * kernel).sum() * kernel
    cosine = 1 - dissimilarity
    return cosine * kernel + np.sqrt(1 - cosine**2) * aside / np.linalg.norm(aside)


def test_members_of_the_codebook_get_their_code_and_class(classifier):
    kernels = 3 * classifier.codebook + 0.5
    table = classifier.classify(kernels)
    assert table["code"].tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert table["dissimilarity"].max() < 1e-6
    assert table["class"].tolist() == list(BANK)
    assert is_clustered(table["class"]).tolist() == [True, True, True, False]


@pytest.mark.parametrize("dissimilarity", [0.05, 0.19, 0.21, 0.4])
def test_a_kernel_is_clustered_below_the_threshold(classifier, rng, dissimilarity):
    kernel = near(BANK["on_cross"], dissimilarity, rng)
    table = classifier.classify(kernel[None])
    assert table["code"].item() == pytest.approx(1 / 3)
    assert table["dissimilarity"].item() == pytest.approx(dissimilarity, abs=1e-6)
    assert table["class"].item() == ("on_cross" if dissimilarity < 0.2 else "other")


def test_a_kernel_at_the_threshold_is_not_clustered(rng):
    kernels = near(BANK["on_centre"], 0.2, rng)[None]
    codebook, labels = BANK["on_centre"][None], np.array(["on_centre"], object)
    exact = float(Classifier(codebook, labels, 1).classify(kernels)["dissimilarity"].item())
    above = float(np.nextafter(np.float32(exact), np.float32(1)))
    for threshold, expected in ((exact, "other"), (above, "on_centre")):
        table = Classifier(codebook, labels, threshold).classify(kernels)
        assert table["class"].item() == expected


def test_dead_kernels_have_no_code(classifier):
    kernels = np.stack([np.zeros((5, 5)), BANK["on_centre"], np.full((5, 5), 7.0)])
    table = classifier.classify(kernels)
    assert table["class"].tolist() == ["dead", "on_centre", "dead"]
    for column in ("code", "dissimilarity"):
        assert table[column].isna().tolist() == [True, False, True]
        assert table[column].dtype == np.float32
    assert is_clustered(table["class"]).sum() == 1
    assert classifier.classify(kernels[[0, 2]])["class"].tolist() == ["dead", "dead"]


def test_k_means_takes_the_nearest_centre_not_the_nearest_direction():
    centres = np.zeros((2, 3, 3))
    centres[0, 0, 0] = 0.1  # the right direction, but pale
    centres[1, 0, :2] = 1
    labels = np.array(["a", "b"], object)
    kernel = np.zeros((1, 3, 3))
    kernel[0, 0, 0] = 5
    kernel[0, 0, 1] = 1
    by_centre, by_direction = (
        Classifier(centres, labels, 2, is_kmeans).classify(kernel) for is_kmeans in (True, False)
    )
    assert by_direction["class"].item() == "a"
    assert by_centre["class"].item() == "b"
    expected = 1 - np.corrcoef(kernel.ravel(), centres[1].ravel())[0, 1]
    assert by_centre["dissimilarity"].item() == pytest.approx(expected, abs=1e-6)


@pytest.fixture
def classify(tmp_path):
    """A function that classifies a group at 5x5 (codebook `BANK`), 7x7 (untrained) and 3x3."""
    codebooks = {5: np.array(list(BANK.values())), 7: np.zeros((0, 7, 7)), 3: CENTRES}
    (tmp_path / "own5.tsv").write_text(
        "start\tstop\tclass\n0\t0.3\ton_centre\n0.3\t0.6\tmine\n0.6\t0.9\tfirst_derivative_right\n"
    )
    (tmp_path / "own3.tsv").write_text("start\tstop\tclass\n0\t1\tspot\n")
    for size, codebook in codebooks.items():
        np.save(tmp_path / f"codebook{size}.npy", codebook.astype(np.float32))
        np.savez(tmp_path / f"bank{size}.npz", templates=codebook, kmeans_1=BLOB[size][None])
        own = tmp_path / f"own{size}.tsv"
        label_codebook(
            tmp_path / f"codebook{size}.npy",
            [],
            0.2,
            size == 3,
            own if own.exists() else None,
            tmp_path / f"labels{size}.tsv",
        )

    def run(group, folder="out", threshold=0.2):
        out = tmp_path / folder
        classify_kernels(
            group,
            {size: tmp_path / f"codebook{size}.npy" for size in codebooks},
            {size: tmp_path / f"labels{size}.tsv" for size in codebooks},
            {size: tmp_path / f"bank{size}.npz" for size in codebooks},
            dict.fromkeys(codebooks, threshold),
            [3],
            {size: out / f"k{size}.parquet" for size in codebooks},
            out / "controls.tsv",
        )
        tables = {size: pd.read_parquet(out / f"k{size}.parquet") for size in codebooks}
        return tables, pd.read_csv(out / "controls.tsv", sep="\t")

    return run


def test_a_model_with_a_missing_and_an_untrained_size(write_group, classify, caplog, rng):
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
    assert list(found["class"].cat.categories) == [
        "on_centre", "first_derivative_right", "mine", "other", "dead",
    ]  # fmt: skip
    for size, table in tables.items():
        assert table.dtypes.astype(str).to_dict() == DTYPES, size
        assert list(table) == list(DTYPES)
    assert len(tables[7]) == len(tables[3]) == 0
    assert list(controls.columns) == CONTROL_COLUMNS
    assert set(controls["kernel_size"]) == {5}
    assert set(controls["n_kernels"]) == {3}  # the live ones
    keys = controls[["method", "kernels", "threshold"]]
    assert len(keys) == len(keys.drop_duplicates()) == 3 * (1 + len(CONTROLS)) * len(SWEEP)
    own = controls[(controls["kernels"] == OWN) & (controls["threshold"] == 0.2)]
    # the template bank knows no intervals that are labelled other
    assert dict(zip(own["method"], own["n_clustered"], strict=True)) == {
        "codebook": 2, "templates": 3, "kmeans_1": 1,
    }  # fmt: skip


def test_nearest_members_stand_beside_the_classes(write_group, classify, rng):
    kernels = np.stack([near(kernel, 0.1, rng) for kernel in [*BANK.values()] * 3])
    kernels[5] = 0
    table = classify(write_group("net", [("a", kernels[:7]), ("b", kernels[7:])]))[0][5]
    labels = table["class"].astype(str).to_numpy()
    assert labels.tolist() == [
        "on_centre", "mine", "first_derivative_right", "other",
        "on_centre", "dead", "first_derivative_right", "other",
        "on_centre", "mine", "first_derivative_right", "other",
    ]  # fmt: skip
    expected = fit_members(kernels.astype(np.float32), labels)
    pd.testing.assert_frame_equal(table[expected.columns], expected)
    assert table["member"].isna().sum() == 4


def test_centres_and_controls_go_the_road_of_k_means(write_group, classify, rng):
    kernels = rng.normal(size=(2000, 3, 3)).astype(np.float32)
    tables, controls = classify(write_group("net", [("a", kernels)]))
    classifier = Classifier(CENTRES, np.array(["spot"] * 9, object), 0.2, is_kmeans=True)
    expected = classifier.classify(kernels)
    for column in ("code", "dissimilarity"):
        np.testing.assert_array_equal(tables[3][column], expected[column])
    assert tables[3]["class"].tolist() == expected["class"].tolist()
    rows = controls[(controls["method"] == "codebook") & (controls["threshold"] == 0.2)]
    found = rows.set_index("kernels")["n_clustered"]
    for name, made in ((OWN, kernels), *make_controls(kernels)):
        assert found[name] == (classifier.classify(made)["class"] == "spot").sum()
        assert 0 < found[name] < 2000


def test_classification_is_reproducible(write_group, classify, rng):
    group = write_group("net", [("a", rng.normal(size=(200, 5, 5)))])
    (tables, controls), (again, controls_again) = classify(group), classify(group, "again")
    pd.testing.assert_frame_equal(controls, controls_again)
    pd.testing.assert_frame_equal(tables[5], again[5])


def test_a_model_of_dead_kernels_has_no_controls(write_group, classify):
    tables, controls = classify(write_group("net", [("a", np.zeros((3, 5, 5)))]))
    assert tables[5]["class"].tolist() == ["dead"] * 3
    assert list(controls.columns) == CONTROL_COLUMNS
    assert len(controls) == 0


@pytest.mark.parametrize("threshold", [0.3, 0.137, 0.1 + 0.2, 1 / 3, 0.7])
def test_controls_are_counted_at_the_threshold_in_force(write_group, classify, rng, threshold):
    kernels = np.stack([near(BANK["on_cross"], d, rng) for d in np.linspace(0.01, 0.9, 60)])
    tables, controls = classify(write_group("net", [("a", kernels)]), threshold=threshold)
    at = controls[controls["threshold"] == threshold]
    assert len(at) == 3 * (1 + len(CONTROLS))
    own = at[(at["method"] == "codebook") & (at["kernels"] == OWN)]
    assert own["n_clustered"].item() == is_clustered(tables[5]["class"]).sum() > 0


def sweep_of(classifier, kernels, **banks):
    return pd.DataFrame(sweep_thresholds(classifier, banks, kernels), columns=CONTROL_COLUMNS[1:])


@pytest.mark.parametrize("threshold", [0.2, 0.137])
def test_a_higher_threshold_clusters_no_fewer(classifier, rng, threshold):
    classifier = replace(classifier, threshold=threshold)
    kernels = np.concatenate([rng.normal(size=(300, 5, 5)), classifier.codebook])
    bank = rng.normal(size=(40, 5, 5))
    found = sweep_of(classifier, kernels, bank=bank)
    groups = found.groupby(["method", "kernels"], sort=False)
    names = [OWN, *CONTROLS]
    assert list(groups.groups) == [(m, k) for k in names for m in ("codebook", "bank")]
    for _, rows in groups:
        assert rows["threshold"].tolist() == sorted({*SWEEP, threshold})
        assert rows["n_clustered"].is_monotonic_increasing
        assert set(rows["n_kernels"]) == {304}
    assert (SWEEP[0], SWEEP[-1]) == (0.05, 0.5)
    # any bank of a method, by hand
    rows = [np.corrcoef(kernel.ravel(), bank.reshape(40, 25))[0, 1:] for kernel in kernels]
    dissimilarity = 1 - np.max(rows, axis=1)
    own = found[(found["method"] == "bank") & (found["kernels"] == OWN)]
    expected = [(dissimilarity < threshold).sum() for threshold in own["threshold"]]
    assert own["n_clustered"].tolist() == expected
    assert expected[-1] > expected[0]


def test_codes_that_no_class_has_cluster_nothing(classifier):
    unlabelled = replace(classifier, labels=np.array(["other"] * 4, object))
    found = sweep_of(unlabelled, classifier.codebook, bank=classifier.codebook)
    own = found[found["kernels"] == OWN].groupby("method")["n_clustered"]
    assert own.max().to_dict() == {"codebook": 0, "bank": 4}
    assert own.min().to_dict() == {"codebook": 0, "bank": 4}
    assert (found.loc[found["method"] == "codebook", "n_clustered"] == 0).all()


def test_controls_that_died_are_not_counted(classifier):
    kernels = np.zeros((100, 5, 5))
    kernels[:, 2, 2] = 1.2e-6  # all but dead
    found = sweep_of(classifier, kernels, bank=classifier.codebook)
    n_made = {name: len(made) for name, made in make_controls(kernels)}
    assert n_made["phase_randomised"] < 100
    n_kernels = found.groupby("kernels")["n_kernels"]
    assert n_kernels.min().to_dict() == n_kernels.max().to_dict() == {OWN: 100, **n_made}


def test_sweep_and_classes_round_the_threshold_alike(rng):
    """Dissimilarities are float32; a threshold between two of them is one of them."""
    kernels = near(BANK["on_centre"], 0.2, rng)[None]
    codebook, labels = BANK["on_centre"][None], np.array(["on_centre"], object)
    exact = float(Classifier(codebook, labels, 1).classify(kernels)["dissimilarity"].item())
    for threshold in (exact, exact + 1e-10, exact + 1e-7):
        classifier = Classifier(codebook, labels, threshold)
        n_clustered = int(is_clustered(classifier.classify(kernels)["class"]).sum())
        found = sweep_of(classifier, kernels, bank=codebook)
        own = found[(found["kernels"] == OWN) & (found["threshold"] == threshold)]
        assert own["n_clustered"].tolist() == [n_clustered] * 2
    assert n_clustered == 1
