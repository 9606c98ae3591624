"""One command takes a sheet of checkpoints to classes, tables and figures."""

import pandas as pd
import pytest
import zarr
from support.jobs import MODELS, SIZES, TRAINED, of_everything

from kernel_atlas.classes.controls import N_CHANCE, sample_size
from kernel_atlas.figures.registry import FIGURES

SIZES_OF = {"alpha": [3, 5, 7], "beta": [3, 5, 7], "gamma": [5, 7]}
CLASSES = {"on_centre", "off_centre"} | {
    f"first_derivative_{direction}" for direction in ("right", "down", "left", "up")
}


@pytest.fixture(scope="module")
def tables(finished):
    """The tables across models, by name."""
    paths = (finished / "results/tables").glob("*.tsv")
    return {path.stem: pd.read_csv(path, sep="\t") for path in paths}


def test_runs_each_job_once(finished):
    assert finished.first.jobs == of_everything()


def test_second_run_has_nothing_to_do(project):
    again = project.snakemake()
    assert again.returncode == 0
    assert "Nothing to be done" in again.output
    assert again.jobs == []


def test_writes_all_figures(finished):
    of = {"models": MODELS, "sizes": SIZES, "autoencoders": TRAINED, "kmeans": [3]}
    of |= {"compared": [], "experiments": []}
    stems = [
        figure.path.format(model=value, size=value)
        for figure in FIGURES.values()
        for value in of.get(figure.subject, [""])
    ]
    for stem in stems:
        png = finished / f"results/figures/{stem}.png"
        assert png.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
        assert "<svg" in png.with_suffix(".svg").read_text()
    assert not list((finished / "results").rglob("*partial*"))


def test_saves_the_config(finished):
    assert (finished / "results/config.yaml").read_text().count("epochs: 100") == 1


def test_store_holds_each_model_once(finished):
    store = zarr.open_group(finished / "results/kernels.zarr", mode="r")
    assert sorted(store.group_keys()) == MODELS
    assert [row["name"] for row in store["beta"].attrs["layers"]] == [
        f"blocks.{index}.dw" for index in range(4)
    ]


def test_tables_count_what_the_checkpoints_hold(tables):
    table = tables["clustered"].set_index(["model", "kernel_size"])
    assert table["n_kernels"].to_dict() == {
        ("alpha", 3): 60,
        ("alpha", 5): 120,
        ("alpha", 7): 120,
        ("beta", 3): 60,
        ("beta", 5): 120,
        ("beta", 7): 60,
        ("gamma", 5): 36,
        ("gamma", 7): 24,
    }
    dead = table["n_dead"]
    assert dead[dead > 0].to_dict() == {("gamma", 5): 2, ("gamma", 7): 2}
    assert (table["family"] == "Synthetic").all()


def test_clusters_what_was_made_and_not_chance(tables):
    table = tables["clustered"]
    assert (table["clustered_percent"] > 80).all()
    assert (table["matched_percent"] > 80).all()
    large = table.query("kernel_size > 3")
    for share in ("near", "clustered", "matched"):
        assert (large[f"random_{share}_percent"] < 20).all(), share


def test_models_are_listed_with_what_became_of_them(finished):
    path = finished / "results/tables/models.tsv"
    models = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    assert models["model"].tolist() == MODELS
    assert models["role"].tolist() == ["train", "train", "classify"]
    assert set(models["outcome"]) == {"extracted"}
    assert set(models["note"]) == {""}


@pytest.mark.parametrize(
    ("method", "share"), [("near", "near"), ("codebook", "clustered"), ("family", "matched")]
)
def test_controls_agree_with_the_percentages(tables, method, share):
    keys = ["model", "kernel_size"]
    clustered = tables["clustered"].set_index(keys)
    by_method = tables["controls"].query("method == @method")
    percents, counts = (
        by_method.pivot_table(index=keys, columns="kernels", values=column)
        for column in ("percent", "n_kernels")
    )
    assert set(percents) == {"own", "random", "fresh", "shuffled", "phase_randomised"}
    of_live = "near_live" if share == "near" else share
    assert percents["own"].to_dict() == clustered[f"{of_live}_percent"].to_dict()
    for kernels in ("random", "phase_randomised"):
        assert percents[kernels].to_dict() == clustered[f"{kernels}_{share}_percent"].to_dict()
    n_live = clustered["n_kernels"] - clustered["n_dead"]
    assert counts[["own", "shuffled", "phase_randomised"]].eq(n_live, axis=0).all(axis=None)
    for kernels in ("random", "fresh"):
        made = {size: sample_size(size, N_CHANCE) for size in SIZES}
        assert counts[kernels].groupby("kernel_size").unique().str[0].to_dict() == made
    assert (percents["own"] > percents["shuffled"]).all()


def test_agreement_counts_every_kernel_once_and_the_rulers_agree_on_what_was_made(tables):
    agreement, clustered = tables["agreement"], tables["clustered"]
    counts = agreement.groupby("kernel_size")["n"].sum()
    assert counts.to_dict() == clustered.groupby("kernel_size")["n_kernels"].sum().to_dict()
    made = agreement[agreement["class"].isin(CLASSES)]
    same = made.loc[made["class"] == made["member"], "n"].sum()
    assert same > 0.8 * made["n"].sum()


def test_finds_the_classes_that_were_made(finished):
    layers = finished.table("layers").groupby(["model", "layer"])
    assert set(layers[["percent", "members_percent"]].sum().round(2).to_numpy().ravel()) == {100.0}
    for model, sizes in SIZES_OF.items():
        for size in sizes:
            path = finished / f"results/classes/{model}/k{size}.parquet"
            shares = pd.read_parquet(path)["class"].value_counts(normalize=True)
            assert set(shares[shares > 0.1].index) == CLASSES, (model, size)


@pytest.mark.parametrize("size", TRAINED)
def test_stability_has_one_row_per_seed_and_pair(finished, tables, size):
    rows = tables["stability"].query("kernel_size == @size").set_index("seeds")
    assert rows.index.tolist() == ["1", "2", "1, 2"]
    path = finished / f"results/autoencoder/k{size}/history.tsv"
    (kept,) = pd.read_csv(path, sep="\t").query("kept")["seed"].unique()
    assert rows.index[rows["kept"]].tolist() == [str(kept)]
    trained = tables["clustered"].query("kernel_size == @size and model != 'gamma'")
    assert rows.loc[str(kept), "n_clustered"] == trained["n_clustered"].sum()
    assert rows.loc["1, 2", "same_class_percent"] > 80


@pytest.mark.parametrize("size", SIZES)
def test_means_look_like_the_classes_that_were_made(tables, size):
    means = tables[f"means_k{size}"]
    assert set(means.loc[means["percent"] > 10, "class"]) == CLASSES
    assert (means["correlation"] >= 0.8).all()
    assert (means["class"] == means["member"]).all()
    clustered = tables["clustered"].query("kernel_size == @size")
    assert means["n_kernels"].sum() == clustered["n_clustered"].sum()
    assert means["percent"].sum() == pytest.approx(100, abs=0.01)
