"""Whether seeds agree: codebooks made by hand, whose classes of each kernel are known."""

import numpy as np
import pandas as pd
import pytest

from kernel_atlas.codebooks import training_set
from kernel_atlas.family import functions
from kernel_atlas.tables.stability import COLUMNS, compare_codebooks, compare_seeds

CENTRE = functions.difference_of_gaussians(7, 0.8)
CROSS = functions.cross(7, 0.5)
BETWEEN = CENTRE + CROSS  # 0.1 from both, which are 0.4 from each other
EDGE = functions.first_derivative(7, 1.0, 0.0)
NOISE = np.random.default_rng(3).normal(size=(7, 7))
# 4 crosses, 1 centre, 3 edges, and 2 of no class
KERNELS = np.array([CROSS] * 4 + [CENTRE] + [EDGE] * 3 + [NOISE, -NOISE])


def rows_of(table):
    return table.astype(object).where(table.notna(), None).to_numpy().tolist()


def test_seeds_with_the_same_codebook_agree():
    codebook = np.array([CENTRE, CROSS, EDGE])
    found = compare_codebooks({"1": codebook, "7": codebook[::-1].copy()}, KERNELS, 0.3)
    assert rows_of(found) == [
        ["1", 10, 8, 80, None],
        ["7", 10, 8, 80, None],
        ["1, 7", 10, 8, 80, 100],
    ]


def test_a_pair_counts_the_kernels_that_both_cluster():
    arrays = [CENTRE, CROSS], [BETWEEN, EDGE], [EDGE]
    codebooks = {str(seed): np.array(array) for seed, array in enumerate(arrays, start=1)}
    found = compare_codebooks(codebooks, KERNELS, 0.3)
    assert rows_of(found) == [
        ["1", 10, 5, 50, None],
        ["2", 10, 8, 80, None],
        ["3", 10, 3, 30, None],
        ["1, 2", 10, 5, 50, 80],
        ["1, 3", 10, 0, 0, None],
        ["2, 3", 10, 3, 30, 100],
    ]


@pytest.fixture
def compare(tmp_path, write_group):
    """A function that compares codebooks, given by size and seed; one seed is kept."""
    group = write_group("net", [("a", KERNELS), ("dead", np.zeros((5, 7, 7)))])
    path = tmp_path / "tables" / "stability.tsv"

    def run(codebooks, kept, thresholds=None):
        for size, arrays in codebooks.items():
            np.savez(tmp_path / f"{size}.npz", **arrays)
            np.save(tmp_path / f"{size}.npy", arrays.get(kept, np.zeros((0, size, size))))
        compare_seeds(
            [group],
            {size: tmp_path / f"{size}.npz" for size in codebooks},
            {size: tmp_path / f"{size}.npy" for size in codebooks},
            thresholds or dict.fromkeys(codebooks, 0.3),
            path,
        )
        assert [file.name for file in path.parent.iterdir()] == ["stability.tsv"]
        return pd.read_csv(path, sep="\t")

    return run


def test_the_table_of_all_sizes_names_the_seed_that_is_kept(compare):
    codebooks = {"1": np.array([CENTRE, CROSS, EDGE]), "2": np.array([BETWEEN, EDGE])}
    found = compare({5: {}, 7: codebooks, 9: {}}, kept="2")
    assert list(found) == COLUMNS
    assert rows_of(found) == [
        [7, "1", False, 10, 8, 80, None],
        [7, "2", True, 10, 8, 80, None],
        [7, "1, 2", False, 10, 8, 80, 87.5],
    ]


def test_each_size_has_its_kernels_and_threshold(tmp_path, write_group, compare):
    write_group("net", [("a", KERNELS), ("b", KERNELS[:6, 1:6, 1:6])])
    codebooks = {5: {"4": BETWEEN[None, 1:6, 1:6]}, 7: {"4": np.array([BETWEEN])}}
    for thresholds, n_clustered in (({5: 0.3, 7: 0.01}, [5, 0]), ({5: 0.01, 7: 0.3}, [0, 5])):
        found = compare(codebooks, "4", thresholds)
        assert found["n_kernels"].tolist() == [6, 10]
        assert found["n_clustered"].tolist() == n_clustered


@pytest.mark.parametrize("sizes", [(), (5, 7)])
def test_without_codebooks_the_table_has_a_header_only(compare, sizes):
    found = compare({size: {} for size in sizes}, kept="1")
    assert (list(found), len(found)) == (COLUMNS, 0)


def test_a_sample_of_many_kernels_is_compared(compare, monkeypatch):
    monkeypatch.setattr(training_set, "MAX_SAMPLE", 6)
    found = compare({7: {"1": np.array([CENTRE, EDGE, CROSS])}}, kept="1")
    assert found["n_kernels"].item() == 6
