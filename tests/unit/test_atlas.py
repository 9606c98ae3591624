"""The atlas of a run: all kernel sizes, from files or from the folder of results."""

import numpy as np
import pandas as pd
import pytest
import yaml

from kernel_atlas.atlas import Atlas
from kernel_atlas.codebooks.codebook import Centres, Codebook
from kernel_atlas.errors import AtlasError
from kernel_atlas.family.fit import fit_members
from kernel_atlas.labels.table import Interval, write_labels
from kernel_atlas.section import Section

CONFIG = {
    "autoencoder": {"sizes": [5, 7]},
    "kmeans": {"sizes": [3]},
    "family": {"sizes": [9]},
    "thresholds": {"k3": 0.1, "k5": 0.2, "k7": 0.3, "k9": 0.4},
}


@pytest.fixture
def results(tmp_path, rng):
    """What a run leaves: 5x5 codes, centres of 3x3, a skipped 7x7, and 9x9 by the family."""
    folder = tmp_path / "results"
    for path, size, n_codes in (("kmeans/k3", 3, 10), ("autoencoder/k5", 5, 40)):
        (folder / path).mkdir(parents=True)
        np.save(folder / path / "codebook.npy", rng.normal(size=(n_codes, size, size)))
    (folder / "autoencoder/k7").mkdir()
    np.save(folder / "autoencoder/k7/codebook.npy", np.zeros((0, 7, 7)))
    write_labels([Interval(0, 0.5, "on_cross"), Interval(0.5, 1, "mine")], folder / "labels/k5.tsv")
    write_labels([Interval(0, 1, "spot")], folder / "labels/k3.tsv")
    write_labels([], folder / "labels/k7.tsv")
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    return folder


def test_an_atlas_is_read_from_the_folder_of_a_run(results, rng):
    atlas = Atlas.from_run(results)
    assert list(atlas) == [3, 5, 7, 9]
    assert atlas.sizes == [3, 5]
    assert [atlas[size].threshold for size in atlas] == [0.1, 0.2, 0.3, 0.4]
    assert [type(atlas[size].codebook) for size in (3, 5)] == [Centres, Codebook]
    assert [len(atlas[size].labels) for size in atlas] == [10, 40, 0, 0]
    table = atlas[5].classify(atlas[5].codebook.kernels)
    assert table["class"].tolist() == ["on_cross"] * 20 + ["mine"] * 20
    assert set(atlas[3].labels) == {"spot"}


def test_an_atlas_is_read_from_files(results):
    codebook = results / "autoencoder/k5/codebook.npy"
    atlas = Atlas.read({5: codebook}, {5: results / "labels/k5.tsv"}, {5: 0.25, 9: 0.35})
    assert {size: atlas[size].threshold for size in atlas} == {5: 0.25, 9: 0.35}
    assert atlas.sizes == [5]
    assert atlas[5].labels.tolist() == Atlas.from_run(results)[5].labels.tolist()


@pytest.mark.parametrize("missing", ["config.yaml", "kmeans/k3/codebook.npy", "labels/k7.tsv"])
def test_what_an_unfinished_run_lacks_is_named(results, missing):
    (results / missing).unlink()
    with pytest.raises(AtlasError) as caught:
        Atlas.from_run(results)
    assert missing in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("size", [9, 4])
def test_a_size_without_codes_gets_members(results, rng, monkeypatch, size):
    """9x9 is a size of the run, 4x4 is not."""
    monkeypatch.setattr("kernel_atlas.classes.controls.N_CHANCE", 50)
    kernels = rng.normal(size=(6, size, size)).astype(np.float32)
    result = Atlas.from_run(results).classify(kernels)
    table, expected = result.classes[size], fit_members(kernels)
    pd.testing.assert_frame_equal(table[expected.columns], expected)
    assert table["class"].isna().all()
    (row,) = result.summary.to_dict("records")
    assert row["n_matched"] == table["matched"].sum()
    assert np.isnan(row["near_percent"])
    assert 0 <= row["random_matched_percent"] <= 100
    assert "matched only" in row["note"]


def test_members_do_not_depend_on_the_atlas(results, rng):
    kernels = rng.normal(size=(6, 5, 5)).astype(np.float32)
    codebook = Codebook(rng.normal(size=(30, 5, 5)))
    other = Atlas({5: Section(codebook, [Interval(0, 1, "spot")], 0.2)})
    first, second = (atlas.classify(kernels).kernels for atlas in (Atlas.from_run(results), other))
    assert (first["code"] != second["code"]).any()
    columns = ["matched", *fit_members(kernels).columns]
    pd.testing.assert_frame_equal(first[columns], second[columns], check_exact=True)
