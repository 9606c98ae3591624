"""One command takes a sheet of checkpoints to classes, tables and figures."""

import pandas as pd
import zarr

SIZES = {"alpha": [3, 5, 7], "beta": [3, 5, 7], "gamma": [5, 7]}
PER_MODEL = ("extract_kernels", "classify_kernels", "plot_model")
CLASSES = {
    "on_centre", "off_centre",
    *(f"first_derivative_{direction}" for direction in ("right", "down", "left", "up")),
}  # fmt: skip


def test_runs_each_job_once(finished):
    assert finished.first.jobs == sorted(
        [f"{rule}/{model}" for rule in PER_MODEL for model in SIZES]
        + [f"{rule}/k{size}" for rule in ("label_codebook", "plot_spectrum") for size in (3, 5, 7)]
        + [f"{rule}/k{size}" for rule in ("train_autoencoder", "plot_history") for size in (5, 7)]
        + ["cluster_kernels/k3", "list_training_set", "plot_clustered", "save_config"]
        + ["summarise_classes"]
    )


def test_writes_all_outputs(finished):
    stems = [f"{model}/{name}" for model in SIZES for name in ("layers", "samples")]
    stems += [f"k{size}/spectrum" for size in (3, 5, 7)] + ["k5/history", "k7/history", "clustered"]
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
    assert (table["family"] == "Synthetic").all()
    assert (table["clustered_percent"] > 90).all()
    by_autoencoder = table[table["kernel_size"] > 3]
    assert (by_autoencoder["random_percent"] < 5).all()


def test_finds_the_classes_that_were_made(finished):
    table = pd.read_csv(finished / "results/tables/layers.tsv", sep="\t")
    assert set(table.groupby(["model", "layer"])["percent"].sum().round(2)) == {100.0}
    for model, sizes in SIZES.items():
        for size in sizes:
            path = finished / f"results/classes/{model}/k{size}.parquet"
            shares = pd.read_parquet(path)["class"].value_counts(normalize=True)
            assert set(shares[shares > 0.1].index) == CLASSES, (model, size)


def test_second_run_has_nothing_to_do(project):
    again = project.snakemake()
    assert again.returncode == 0
    assert "Nothing to be done" in again.output
    assert again.jobs == []
