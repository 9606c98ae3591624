"""One command takes a sheet of checkpoints to classes, tables and figures."""

import numpy as np
import pandas as pd
import pytest
import zarr

SIZES = {"alpha": [3, 5, 7], "beta": [3, 5, 7], "gamma": [5, 7]}
PER_MODEL = ("extract_kernels", "classify_kernels", "plot_model")
PER_SIZE = ("fit_baselines", "label_codebook", "plot_spectrum", "plot_means")
SHARED = [
    "check_extracted", "compare_seeds", "list_failed", "list_training_set", "plot_clustered",
    "plot_family", "plot_sweep",
]  # fmt: skip
CLASSES = {
    "on_centre", "off_centre",
    *(f"first_derivative_{direction}" for direction in ("right", "down", "left", "up")),
}  # fmt: skip


def test_runs_each_job_once(finished):
    assert finished.first.jobs == sorted(
        [f"{rule}/{model}" for rule in PER_MODEL for model in SIZES]
        + [f"{rule}/k{size}" for rule in PER_SIZE for size in (3, 5, 7)]
        + [f"{rule}/k{size}" for rule in ("train_autoencoder", "plot_history") for size in (5, 7)]
        + ["cluster_kernels/k3", "save_config", "summarise_classes", *SHARED]
    )


def test_writes_all_outputs(finished):
    stems = [f"{model}/{name}" for model in SIZES for name in ("layers", "samples", "sizes")]
    stems += [f"k{size}/{name}" for size in (3, 5, 7) for name in ("spectrum", "means")]
    stems += [f"family/{name}" for name in ("functions", "derivatives", "grid", "crosses")]
    stems += ["k5/history", "k7/history", "clustered", "sweep"]
    for stem in stems:
        png = finished.folder / f"results/figures/{stem}.png"
        assert png.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
        assert "<svg" in png.with_suffix(".svg").read_text()
    assert (finished / "results/config.yaml").read_text().count("epochs: 100") == 1
    assert not list((finished / "results").rglob("*partial*"))


def test_store_holds_each_model_once(finished):
    store = zarr.open_group(finished / "results/kernels.zarr", mode="r")
    assert sorted(store.group_keys()) == sorted(SIZES)
    assert [row["name"] for row in store["beta"].attrs["layers"]] == [
        f"blocks.{index}.dw" for index in range(4)
    ]


def test_tables_count_what_the_checkpoints_hold(finished):
    table = pd.read_csv(finished / "results/tables/clustered.tsv", sep="\t")
    counts = table.set_index(["model", "kernel_size"])["n_kernels"].to_dict()
    assert counts == {
        ("alpha", 3): 60, ("alpha", 5): 120, ("alpha", 7): 120,
        ("beta", 3): 60, ("beta", 5): 120, ("beta", 7): 60,
        ("gamma", 5): 36, ("gamma", 7): 24,
    }  # fmt: skip
    dead = table.set_index(["model", "kernel_size"])["n_dead"]
    assert dead[dead > 0].to_dict() == {("gamma", 5): 2, ("gamma", 7): 2}
    assert (table["family"] == "Synthetic").all()
    assert (table["clustered_percent"] > 90).all()
    by_autoencoder = table[table["kernel_size"] > 3]
    assert (by_autoencoder["random_percent"] < 5).all()


@pytest.fixture(scope="module")
def tables(finished):
    """The tables across models, by name."""
    paths = (finished / "results/tables").glob("*.tsv")
    return {path.stem: pd.read_csv(path, sep="\t") for path in paths}


def test_controls_agree_with_the_clustered_percentages(tables):
    keys = ["model", "kernel_size"]
    clustered = tables["clustered"].set_index(keys)
    by_codebook = tables["controls"].query("method == 'codebook'")
    percents, counts = (
        by_codebook.pivot_table(index=keys, columns="kernels", values=column)
        for column in ("percent", "n_kernels")
    )
    assert set(percents) == {"own", "random", "fresh", "shuffled", "phase_randomised"}
    for kernels, column in (
        ("own", "clustered_percent"), ("random", "random_percent"),
        ("phase_randomised", "phase_randomised_percent"),
    ):  # fmt: skip
        assert percents[kernels].to_dict() == clustered[column].to_dict()
    n_live = clustered["n_kernels"] - clustered["n_dead"]
    assert counts.eq(n_live, axis=0).all(axis=None)
    assert (percents["own"] > percents["shuffled"]).all()


def test_baselines_are_those_that_the_training_set_allows(finished, tables):
    methods = {3: ["kmeans_10", "kmeans_50"], 5: ["kmeans_10", "kmeans_50", "kmeans_200"]}
    methods[7] = methods[3]  # 180 kernels to train on
    found = tables["controls"].groupby("kernel_size")["method"].unique()
    for size, names in methods.items():
        with np.load(finished / f"results/baselines/k{size}.npz") as banks:
            assert set(banks) == {"templates", *names}
            assert {name: len(banks[name]) for name in names} == {
                name: int(name.removeprefix("kmeans_")) for name in names
            }
        assert set(found[size]) == {"codebook", "templates", *names}


def test_sweep_pools_the_models(tables):
    keys = ["kernel_size", "method", "kernels"]
    sweep = tables["sweep"]
    in_force = sweep[sweep["threshold"] == sweep["kernel_size"].map({3: 0.2, 5: 0.2, 7: 0.3})]
    columns = ["n_kernels", "n_clustered"]
    pooled = tables["controls"].groupby(keys)[columns].sum().sort_index()
    pd.testing.assert_frame_equal(in_force.set_index(keys)[columns].sort_index(), pooled)
    for _, line in sweep.groupby(keys):
        assert line["threshold"].tolist() == pytest.approx(np.arange(2, 21) / 40)
        assert line["n_clustered"].is_monotonic_increasing
        assert line["percent"].between(0, 100).all()


def test_families_sum_up_their_models(tables):
    clustered, families = tables["clustered"], tables["families"]
    sums = clustered.groupby("kernel_size")[["n_kernels", "n_dead", "n_clustered"]].sum()
    assert families["family"].tolist() == ["Synthetic", "all"] * 3
    for _, rows in families.groupby("family"):
        rows = rows.set_index("kernel_size")
        assert rows["n_models"].to_dict() == {3: 2, 5: 3, 7: 3}
        pd.testing.assert_frame_equal(rows[sums.columns], sums)
        assert rows["paper_percent"].isna().all()
    with_interval = pd.concat([families, clustered]).dropna(subset="low_percent")
    assert (with_interval["low_percent"] <= with_interval["clustered_percent"]).all()
    assert (with_interval["clustered_percent"] <= with_interval["high_percent"]).all()
    # one layer tells nothing of how layers differ; beta has two of 5x5
    has_interval = clustered.set_index(["model", "kernel_size"])["low_percent"].notna()
    assert has_interval[has_interval].index.tolist() == [("beta", 5)]


def test_finds_the_classes_that_were_made(finished):
    table = pd.read_csv(finished / "results/tables/layers.tsv", sep="\t")
    assert set(table.groupby(["model", "layer"])["percent"].sum().round(2)) == {100.0}
    for model, sizes in SIZES.items():
        for size in sizes:
            path = finished / f"results/classes/{model}/k{size}.parquet"
            shares = pd.read_parquet(path)["class"].value_counts(normalize=True)
            assert set(shares[shares > 0.1].index) == CLASSES, (model, size)


@pytest.mark.parametrize("size", [5, 7])
def test_stability_has_a_row_a_seed_and_a_pair(finished, tables, size):
    rows = tables["stability"].query("kernel_size == @size").set_index("seeds")
    assert rows.index.tolist() == ["1", "2", "1, 2"]
    path = finished / f"results/autoencoder/k{size}/history.tsv"
    (kept,) = pd.read_csv(path, sep="\t").query("kept")["seed"].unique()
    assert rows.index[rows["kept"]].tolist() == [str(kept)]
    # those of the seed that is kept stand in the other tables too
    trained = tables["clustered"].query("kernel_size == @size and model != 'gamma'")
    n_kernels, n_clustered = trained[["n_kernels", "n_clustered"]].sum()
    assert (rows["n_kernels"] == n_kernels).all()
    assert rows.loc[str(kept), "n_clustered"] == n_clustered
    assert rows.loc["1, 2", "n_clustered"] == rows["n_clustered"].min()
    same = rows["same_class_percent"]
    assert same.isna().tolist() == [True, True, False]
    assert 90 < same["1, 2"] <= 100


@pytest.mark.parametrize("size", [3, 5, 7])
def test_means_look_like_the_classes_that_were_made(tables, size):
    means = tables[f"means_k{size}"]
    assert set(means.loc[means["percent"] > 10, "class"]) == CLASSES
    assert (means["correlation"] >= 0.9).all()
    assert (means["class"] == means["member"]).all()
    clustered = tables["clustered"].query("kernel_size == @size")
    assert means["n_kernels"].sum() == clustered["n_clustered"].sum()
    assert means["percent"].sum() == pytest.approx(100, abs=0.01)


def test_second_run_has_nothing_to_do(project):
    again = project.snakemake()
    assert again.returncode == 0
    assert "Nothing to be done" in again.output
    assert again.jobs == []
