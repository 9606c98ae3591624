"""Table 2 and the table of memorisation: means and spreads over seeds, and what is missing."""

import pandas as pd
import pytest

from kernel_atlas.errors import AtlasError
from kernel_atlas.experiments.starts_table import COLUMNS, compare_starts
from kernel_atlas.extraction.writing import write_model
from kernel_atlas.sources import schemes

FACTS = {
    "start": "kaiming",
    "frozen": False,
    "network": "convmixer_768_32(patch_size=14)",
    "data": "imagenet:/images",
    "classes": 1000,
    "shuffle": "none",
    "regularise": True,
}

FULL = "ConvMixer(act_layer=relu, depth=32, dim=768, kernel_size=7, patch_size=14)"


def trained(arm, accuracies, near, **facts):
    """Rows of checkpoints.tsv and of clustered.tsv: by seed, the values of epochs 0 and 50.

    No value of `near` is a checkpoint whose kernels could not be extracted.
    """
    checkpoints, clustered = [], []
    for seed, (of_epochs, percents) in enumerate(zip(accuracies, near, strict=True), start=1):
        for epoch, accuracy, percent in zip((0, 50), of_epochs, percents, strict=False):
            model = f"{arm}-s{seed}-e{epoch:03d}"
            row = {"model": model, "arm": arm, "seed": seed, "epoch": epoch} | FACTS | facts
            reached = {"train_accuracy": 90.0, "validation_accuracy": accuracy, "chance": 0.1}
            checkpoints.append(row | reached)
            if percent is not None:
                row = {"model": model, "kernel_size": 7, "near_percent": percent}
                clustered.append(row | {"clustered_percent": percent, "matched_percent": 80.0})
    return checkpoints, clustered


@pytest.fixture
def compare(tmp_path):
    """A function that writes the tables of such arms and returns the folder."""

    def run(*arms, n_planned=None, source="file:gone", stamp=""):
        checkpoints, clustered = ([row for arm in arms for row in arm[i]] for i in (0, 1))
        columns = ["model", "kernel_size", "near_percent", "clustered_percent", "matched_percent"]
        tables = {
            "checkpoints": pd.DataFrame(checkpoints),
            "clustered": pd.DataFrame(clustered, columns=columns),
        }
        for name, table in tables.items():
            table.to_csv(tmp_path / f"{name}.tsv", sep="\t", index=False)
        groups = [tmp_path / row["model"] for row in checkpoints[:n_planned]]
        for group in groups:
            write_model(group, [], {"source": source, "stamp": stamp})
        compare_starts(
            tmp_path / "checkpoints.tsv", groups, tmp_path / "clustered.tsv", tmp_path / "out"
        )
        return tmp_path / "out"

    return run


def read(path):
    return pd.read_csv(path, sep="\t", keep_default_na=False, na_values=[""]).set_index("arm")


SPREAD = trained("a", [(0.1, 60.0), (0.1, 64.0)], [(2.0, 50.0), (4.0, 50.0)])
DOG = trained("dog", [(0.1, 69.0)], [(100.0, 96.0)], start="dog")


def test_an_arm_is_its_last_epoch_mean_and_spread_over_seeds(compare):
    table = read(compare(SPREAD, DOG) / "starts.tsv")
    assert ["arm", *table] == COLUMNS
    row = table.loc["a"]
    assert (row["epoch"], row["n_seeds"], row["kernel_size"]) == (50, 2, 7)
    assert row["accuracy_percent"] == 62
    assert row["accuracy_spread"] == pytest.approx(8**0.5, abs=1e-4)  # of a sample of 60 and 64
    assert (row["near_percent"], row["near_spread"], row["near_start_percent"]) == (50, 0, 3)
    assert pd.isna(table.loc["dog", "accuracy_spread"])  # one seed has none
    assert table["note"].isna().all()


def test_the_papers_numbers_stand_beside_its_network_starts_and_data_alone(compare):
    table = read(
        compare(
            SPREAD,
            DOG,
            trained("keys", [(0.1, 60.0)], [(1.0, 2.0)], start="keys"),
            trained("fixed", [(0.1, 60.0)], [(1.0, 2.0)], frozen=True),
            trained("full", [(0.1, 60.0)], [(1.0, 2.0)], network=FULL),
            trained("patch", [(0.1, 60.0)], [(1.0, 2.0)], network="convmixer_768_32"),
            trained("small", [(0.1, 60.0)], [(1.0, 2.0)], network="ConvMixer(depth=4)"),
            trained("ten", [(0.1, 60.0)], [(1.0, 2.0)], classes=10),
            trained("labels", [(0.1, 60.0)], [(1.0, 2.0)], shuffle="labels"),
            trained("free", [(0.1, 60.0)], [(1.0, 2.0)], regularise=False),
        )
        / "starts.tsv"
    )
    published = table[["paper_accuracy_percent", "paper_percent"]].dropna()
    assert published.index.tolist() == ["a", "dog", "full"]
    assert published.to_numpy().tolist() == [[66.35, 56.65], [69.01, 96.03], [66.35, 56.65]]


def test_seeds_without_a_number_are_named(compare):
    arm = trained(
        "a", [(0.1, 60.0), (0.1,), (0.1, None), (0.1, 64.0)], [(2, 50), (2,), (2, 54), (2, None)]
    )
    folder = compare(arm)
    row = read(folder / "starts.tsv").loc["a"]
    assert (row["n_seeds"], row["accuracy_percent"], row["near_percent"]) == (3, 62, 52)
    note = "no epoch 50 from seed 2; no accuracy from seed 3; no measured kernels from seed 4"
    assert row["note"] == note
    assert f"- `a`: {note}" in (folder / "starts.md").read_text(encoding="utf-8").splitlines()


def test_an_arm_without_measured_kernels_has_its_accuracy(compare):
    row = read(compare(trained("a", [(0.1, 60.0)], [(None, None)])) / "starts.tsv").loc["a"]
    assert (row["accuracy_percent"], row["n_seeds"]) == (60, 1)
    assert row[["kernel_size", "near_percent", "matched_spread"]].isna().all()


def test_memorisation_has_the_controls_and_the_other_arms_of_their_networks(compare):
    controls = [
        trained("labels", [(0.1, 1.0)], [(1.0, 2.0)], shuffle="labels", network="small"),
        trained("free", [(0.1, 1.0)], [(1.0, 2.0)], regularise=False, network="small"),
    ]
    plain = trained("plain", [(0.1, 1.0)], [(1.0, 2.0)], network="small")
    folder = compare(SPREAD, plain, *controls)
    assert read(folder / "starts.tsv").index.tolist() == ["a", "plain", "labels", "free"]
    assert read(folder / "memorisation.tsv").index.tolist() == ["plain", "labels", "free"]
    page = compare(SPREAD) / "memorisation.md"
    assert "The run has no such arm." in page.read_text(encoding="utf-8")


def test_the_pages_have_means_and_spreads(compare):
    folder = compare(SPREAD, DOG)
    lines = (folder / "starts.md").read_text(encoding="utf-8").splitlines()
    assert (
        "| `dog` | dog | 7x7 | 50 | 1 | 69.0 | 0.1 | 100.0 | 96.0 | 96.0 | 80.0 | 80.0 | "
        in (lines[-1])
    )
    assert lines[-1].endswith(" | 69.0 | 96.0 |")
    assert "| 62.0 ± 2.8 |" in lines[-2]
    assert r"62.0 $\pm$ 2.8" in (folder / "starts.tex").read_text(encoding="ascii")


def test_checkpoints_that_the_run_does_not_know_are_an_error(compare):
    with pytest.raises(AtlasError, match=r"2 checkpoints .* such as dog-s1-e000, .* run the same"):
        compare(SPREAD, DOG, n_planned=4)


def test_checkpoints_that_were_trained_again_are_an_error(compare, tmp_path):
    weights = tmp_path / "epoch.safetensors"
    weights.write_bytes(b"first")
    source = f"file:{weights}"
    stamp = schemes.stamp(source, "", tmp_path)
    compare(DOG, source=source, stamp=stamp)
    weights.write_bytes(b"second")
    with pytest.raises(AtlasError, match=r"2 checkpoints .* such as dog-s1-e000, .* run the same"):
        compare(DOG, source=source, stamp=stamp)
