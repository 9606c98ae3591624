"""Classification: code, dissimilarity and class of kernels that are known beforehand."""

import logging

import numpy as np
import pandas as pd
import pytest

from kernel_atlas import family
from kernel_atlas.classify import Classifier, classify_kernels, is_clustered
from kernel_atlas.labels import label_codebook
from kernel_atlas.sphere import from_sphere, random_directions

BANK = {
    "on_centre": family.difference_of_gaussians(5, 0.8),
    "on_cross": family.cross(5, 0.5),
    "first_derivative_right": family.first_derivative(5, 1.0, 0.0),
    "other": family.first_derivative(5, 1.0, np.pi),  # an interval labelled so
}
CENTRES = np.random.default_rng(9).uniform(0, 1, (9, 3, 3)).astype(np.float32)
COLUMNS = ["layer", "layer_index", "channel", "code", "dissimilarity", "class"]
DTYPES = ["category", "int32", "int32", "float32", "float32", "category"]


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
        own = tmp_path / f"own{size}.tsv"
        label_codebook(
            tmp_path / f"codebook{size}.npy",
            own if own.exists() else None,
            tmp_path / f"labels{size}.tsv",
        )

    def run(group, folder="out"):
        out = tmp_path / folder
        classify_kernels(
            group,
            {size: tmp_path / f"codebook{size}.npy" for size in codebooks},
            {size: tmp_path / f"labels{size}.tsv" for size in codebooks},
            dict.fromkeys(codebooks, 0.2),
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
        assert list(table.columns) == COLUMNS
        assert [str(dtype) for dtype in table.dtypes] == DTYPES, size
    assert len(tables[7]) == len(tables[3]) == 0
    assert controls.to_dict("records") == [
        {"kernel_size": 5, "control": "random", "n_kernels": 3, "n_clustered": 0}
    ]


def test_centres_and_random_directions_go_the_road_of_k_means(write_group, classify, rng):
    kernels = rng.normal(size=(2000, 3, 3)).astype(np.float32)
    tables, controls = classify(write_group("net", [("a", kernels)]))
    classifier = Classifier(CENTRES, np.array(["spot"] * 9, object), 0.2, is_kmeans=True)
    expected = classifier.classify(kernels)
    for column in ("code", "dissimilarity"):
        np.testing.assert_array_equal(tables[3][column], expected[column])
    assert tables[3]["class"].tolist() == expected["class"].tolist()
    chance = classifier.classify(from_sphere(random_directions(2000, 3, seed=0), 3))
    n_clustered = int((chance["class"] == "spot").sum())
    assert 0 < n_clustered < 2000
    assert controls.to_dict("records") == [
        {"kernel_size": 3, "control": "random", "n_kernels": 2000, "n_clustered": n_clustered}
    ]


def test_classification_is_reproducible(write_group, classify, rng):
    group = write_group("net", [("a", rng.normal(size=(200, 5, 5)))])
    (tables, controls), (again, controls_again) = classify(group), classify(group, "again")
    pd.testing.assert_frame_equal(controls, controls_again)
    pd.testing.assert_frame_equal(tables[5], again[5])


def test_a_model_of_dead_kernels_has_no_control(write_group, classify):
    tables, controls = classify(write_group("net", [("a", np.zeros((3, 5, 5)))]))
    assert tables[5]["class"].tolist() == ["dead"] * 3
    assert list(controls.columns) == ["kernel_size", "control", "n_kernels", "n_clustered"]
    assert len(controls) == 0
