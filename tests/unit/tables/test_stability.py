"""Whether seeds agree: codebooks made by hand, whose classes of each kernel are known."""

import numpy as np
import pandas as pd
import pytest

from kernel_atlas.family import functions
from kernel_atlas.family.names import CLASSES
from kernel_atlas.tables.naming import FEW
from kernel_atlas.tables.stability import COLUMNS, compare_codebooks, compare_seeds

CENTRE = functions.difference_of_gaussians(7, 0.8)
CROSS = functions.cross(7, 0.5)
BETWEEN = CENTRE + CROSS  # 0.1 from both, which are 0.4 from each other
EDGE = functions.first_derivative(7, 1.0, 0.0)
NOISE = np.random.default_rng(3).normal(size=(7, 7))
# 4 crosses, 1 centre, 3 edges, and 2 of no class
KERNELS = np.array([CROSS] * 4 + [CENTRE] + [EDGE] * 3 + [NOISE, -NOISE])
# three codebooks that see them differently: all apart, crosses and centre as one, edges alone
CODEBOOKS = {
    "1": np.array([CENTRE, CROSS, EDGE]),
    "2": np.array([BETWEEN, EDGE]),
    "3": np.array([EDGE]),
}
EDGES = "first_derivative_right"


def rows_of(table):
    return table.astype(object).where(table.notna(), None).to_numpy().tolist()


def compare(codebooks=CODEBOOKS, kernels=KERNELS, threshold=0.3, kept="1", min_purity=0.7):
    return compare_codebooks(codebooks, [kept], kernels, threshold, min_purity)


def test_seeds_with_the_same_codebook_agree():
    codebook = CODEBOOKS["1"]
    found = compare({"1": codebook, "7": codebook[::-1].copy()})
    columns = ["seeds", "n_kernels", "n_named", "n_near", "n_clustered", "same_class_percent"]
    assert rows_of(found["seeds"][columns]) == [
        ["1", 10, 3, 8, 8, None],
        ["7", 10, 3, 8, 8, None],
        ["1, 7", 10, None, 8, 8, 100],
    ]
    assert set(found["classes"]["overlap"].dropna()) == {1}


def test_a_pair_counts_the_kernels_that_both_cluster():
    found = compare({**CODEBOOKS, "1": np.array([CENTRE, CROSS])})["seeds"]
    columns = ["seeds", "n_clustered", "clustered_percent", "same_class_percent"]
    assert rows_of(found[columns]) == [
        ["1", 5, 50, None],
        ["2", 8, 80, None],
        ["3", 3, 30, None],
        ["1, 2", 5, 50, 80],
        ["1, 3", 0, 0, None],
        ["2, 3", 3, 30, 100],
    ]


def test_near_counts_what_has_no_class_too():
    codebook = np.array([NOISE, CROSS])
    row = compare({"1": codebook, "2": codebook})["seeds"].iloc[-1]
    assert row[["n_near", "near_percent", "n_clustered"]].tolist() == [5, 50, 4]


def test_each_class_has_a_row_for_each_seed_and_pair():
    found = compare()["classes"]
    expected = [(name, key) for name in CLASSES for key in ("1", "2", "3", "1, 2", "1, 3", "2, 3")]
    assert list(zip(found["class"], found["seeds"], strict=True)) == expected
    columns = ["class", "seeds", "n_kernels", "n_either", "overlap", "fewest", "most"]
    rows = rows_of(found.loc[found["most"] > 0, columns])
    assert rows == [
        ["on_centre", "1", 1, None, None, 0, 1],
        ["on_centre", "2", 0, None, None, 0, 1],
        ["on_centre", "3", 0, None, None, 0, 1],
        ["on_centre", "1, 2", 0, 1, 0, 0, 1],
        ["on_centre", "1, 3", 0, 1, 0, 0, 1],
        ["on_centre", "2, 3", 0, 0, None, 0, 1],
        ["on_cross", "1", 4, None, None, 0, 5],
        ["on_cross", "2", 5, None, None, 0, 5],
        ["on_cross", "3", 0, None, None, 0, 5],
        ["on_cross", "1, 2", 4, 5, 0.8, 0, 5],
        ["on_cross", "1, 3", 0, 4, 0, 0, 5],
        ["on_cross", "2, 3", 0, 5, 0, 0, 5],
        [EDGES, "1", 3, None, None, 3, 3],
        [EDGES, "2", 3, None, None, 3, 3],
        [EDGES, "3", 3, None, None, 3, 3],
        [EDGES, "1, 2", 3, 3, 1, 3, 3],
        [EDGES, "1, 3", 3, 3, 1, 3, 3],
        [EDGES, "2, 3", 3, 3, 1, 3, 3],
    ]


def test_the_confusion_of_a_pair_counts_every_kernel_once():
    found = compare()["confusion"]
    assert rows_of(found[found["seeds"] == "1, 2"]) == [
        [7, "1, 2", "on_centre", "on_cross", 1],
        [7, "1, 2", "on_cross", "on_cross", 4],
        [7, "1, 2", EDGES, EDGES, 3],
        [7, "1, 2", "other", "other", 2],
    ]
    assert found.groupby("seeds")["n_kernels"].sum().tolist() == [10, 10, 10]


def test_the_tables_tell_the_same():
    found = compare()
    sums = found["classes"].groupby("seeds")[["n_kernels", "n_named"]].sum()
    seeds = found["seeds"].set_index("seeds")
    is_pair = seeds["same_class_percent"].notna()
    same = seeds["n_clustered"].where(
        ~is_pair, seeds["n_clustered"] * seeds["same_class_percent"] / 100
    )
    assert sums["n_kernels"].to_dict() == same.to_dict()
    assert sums["n_named"][~is_pair].to_dict() == seeds["n_named"][~is_pair].to_dict()


def test_a_class_that_a_seed_does_not_name_shows_how_near_it_comes():
    """An interval with two crosses for three centres, which no class names."""
    kernels = np.array([CENTRE] * 3 * FEW + [CROSS] * 2 * FEW)
    found = compare({"1": np.array([CENTRE, CROSS]), "2": BETWEEN[None]}, kernels)["classes"]
    facts = found[found["class"] == "on_cross"].set_index("seeds")
    assert facts["best_purity"][["1", "2"]].tolist() == pytest.approx([1, 0.4])
    assert facts["n_members"].tolist() == [2 * FEW] * 3
    assert found["best_purity"].isna().tolist() == found["seeds"].str.contains(",").tolist()


def test_few_kernels_do_not_tell_how_pure_an_interval_is():
    found = compare(kernels=np.array([CENTRE] * (FEW - 1)))["classes"]
    assert found["best_purity"].max() == 0
    assert found["n_members"].max() == FEW - 1


@pytest.fixture
def write(tmp_path, write_group):
    """A function that compares codebooks, given by size and seed; one seed is kept."""
    group = write_group("net", [("a", KERNELS), ("dead", np.zeros((5, 7, 7)))])
    paths = {name: tmp_path / "tables" / f"{name}.tsv" for name in COLUMNS}

    def run(codebooks, kept, thresholds=None):
        for size, arrays in codebooks.items():
            np.savez(tmp_path / f"{size}.npz", **arrays)
            np.save(tmp_path / f"{size}.npy", arrays.get(kept, np.zeros((0, size, size))))
        compare_seeds(
            [group],
            {size: tmp_path / f"{size}.npz" for size in codebooks},
            {size: tmp_path / f"{size}.npy" for size in codebooks},
            thresholds or dict.fromkeys(codebooks, 0.3),
            0.7,
            paths,
        )
        assert sorted(paths["seeds"].parent.iterdir()) == sorted(paths.values())
        return {name: pd.read_csv(path, sep="\t") for name, path in paths.items()}

    return run


def test_the_tables_of_all_sizes_name_the_seed_that_is_kept(write):
    codebooks = {seed: CODEBOOKS[seed] for seed in ("1", "2")}
    found = write({5: {}, 7: codebooks, 9: {}}, kept="2")
    assert {name: list(table) for name, table in found.items()} == {
        name: list(columns) for name, columns in COLUMNS.items()
    }
    assert rows_of(found["seeds"]) == [
        [7, "1", False, 10, 3, 8, 80, 8, 80, None],
        [7, "2", True, 10, 2, 8, 80, 8, 80, None],
        [7, "1, 2", False, 10, None, 8, 80, 8, 80, 87.5],
    ]
    kept = found["classes"].groupby("seeds")["kept"].unique()
    assert kept.map(list).to_dict() == {"1": [False], "1, 2": [False], "2": [True]}


def test_each_size_has_its_kernels_and_threshold(write_group, write):
    write_group("net", [("a", KERNELS), ("b", KERNELS[:6, 1:6, 1:6])])
    codebooks = {5: {"4": BETWEEN[None, 1:6, 1:6]}, 7: {"4": np.array([BETWEEN])}}
    for thresholds, n_clustered in (({5: 0.3, 7: 0.01}, [5, 0]), ({5: 0.01, 7: 0.3}, [0, 5])):
        found = write(codebooks, "4", thresholds)["seeds"]
        assert found["n_kernels"].tolist() == [6, 10]
        assert found["n_clustered"].tolist() == n_clustered


@pytest.mark.parametrize("sizes", [(), (5, 7)])
def test_without_codebooks_the_tables_have_a_header_only(write, sizes):
    found = write({size: {} for size in sizes}, kept="1")
    for name, columns in COLUMNS.items():
        assert (list(found[name]), len(found[name])) == (list(columns), 0)
