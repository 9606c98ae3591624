"""A change reruns what follows from it, and nothing else; each is proved by the jobs that ran."""

import re

import pandas as pd
import pytest
from support.jobs import CLASSIFICATION, MODELS, SHARED, SIZES, of_models, of_sizes, rerun
from support.project import Project

# what the train models alone decide, and what follows from it before any kernel is classified
FITTED = ("autoencoder/*/*", "kmeans/*/*", "baselines/*", "labels/*")


def dry_run_reasons(project, doing):
    """By kernel size, why a dry run says that it would do this."""
    run = project.snakemake("--dry-run")
    assert run.returncode == 0, run.output
    return dict(re.findall(rf"{doing} (\S+) kernels\n *Reason: (.*)", run.output))


def training_reasons(project):
    """By kernel size, why a dry run says that it would train."""
    return dry_run_reasons(project, "Training the autoencoder of")


def test_classify_row_runs_its_own_jobs_and_the_shared_ones(project):
    source = project.write_weights("delta.safetensors", [(7, 24)], seed=40)
    project.add_rows(("delta", source, "classify"))
    own = ["list_failed"]
    own += of_models(["delta"], "extract_kernels", "classify_kernels", "plot_model")
    before = project.contents(*FITTED)
    assert rerun(project) == sorted(own + SHARED)
    assert project.contents(*FITTED) == before
    table = pd.read_csv(project / "results/tables/clustered.tsv", sep="\t")
    assert table["model"].unique().tolist() == [*MODELS, "delta"]


def test_train_row_retrains_and_the_dry_run_says_why(project):
    source = project.write_weights("delta.safetensors", [(3, 24), (5, 24)], seed=40)
    project.add_rows(("delta", source, "train"))
    why = "Input files updated by another job: results/kernels.zarr/delta/zarr.json"
    reasons = training_reasons(project)
    assert reasons.keys() == {"5x5", "7x7"}
    assert all(why in reason for reason in reasons.values())
    models = [*MODELS, "delta"]
    expected = ["extract_kernels/delta", "list_failed", "list_training_set", *SHARED]
    expected += [
        "cluster_kernels/k3",
        "compare_seeds",
        *of_sizes([5, 7], "train_autoencoder", "plot_history"),
    ]
    expected += of_sizes(SIZES, "fit_baselines", "label_codebook", "plot_spectrum")
    expected += of_models(models, "classify_kernels", "plot_model")
    assert rerun(project) == sorted(expected)


@pytest.mark.parametrize(("model", "role"), [("gamma", "train"), ("beta", "classify")])
def test_changed_role_retrains_and_extracts_nothing(project, model, role):
    sheet = project / "sheet.tsv"
    rows = [line.split("\t") for line in sheet.read_text().splitlines()]
    rows = [[*row[:2], role, *row[3:]] if row[0] == model else row for row in rows]
    sheet.write_text("".join("\t".join(row) + "\n" for row in rows))
    why = training_reasons(project)
    assert why.keys() == {"5x5", "7x7"}
    assert all("Set of input files has changed" in reason for reason in why.values())
    assert "Extracting" not in (project / "output.txt").read_text()


def test_new_kernel_size_does_not_retrain_the_others(project):
    project.write_config(autoencoder={"sizes": [5, 7, 9]}, thresholds={"k9": 0.3})
    assert training_reasons(project).keys() == {"9x9"}


def test_changed_threshold_classifies_again(project):
    project.write_config(thresholds={"k5": 0.01})
    fitted = ("autoencoder/*/*", "kmeans/*/*", "baselines/*")
    before = project.contents(*fitted)
    labelling = of_sizes([5], "label_codebook", "plot_spectrum", "plot_history")
    assert rerun(project) == sorted([*CLASSIFICATION, *labelling, "compare_seeds", "save_config"])
    assert project.contents(*fitted) == before
    table = pd.read_csv(project / "results/tables/clustered.tsv", sep="\t")
    clustered = table.groupby("kernel_size")["clustered_percent"].max()
    assert clustered[5] < 50 < clustered[7]
    controls = pd.read_csv(project / "results/tables/controls.tsv", sep="\t")
    own = controls.query("method == 'codebook' and kernels == 'own'")
    assert own["n_clustered"].tolist() == table["n_clustered"].tolist()
    sweep = pd.read_csv(project / "results/tables/sweep.tsv", sep="\t")
    assert sweep.groupby("kernel_size")["threshold"].min().to_dict() == {3: 0.05, 5: 0.01, 7: 0.05}


def test_changed_training_setting_retrains_and_extracts_nothing(project):
    project.write_config(autoencoder={"epochs": 20, "seeds": 1})
    rules = ("train_autoencoder", "plot_history", "label_codebook", "plot_spectrum")
    expected = [*of_sizes([5, 7], *rules), *CLASSIFICATION, "compare_seeds", "save_config"]
    assert rerun(project) == sorted(expected)
    stability = pd.read_csv(project / "results/tables/stability.tsv", sep="\t")
    assert stability[["kernel_size", "seeds", "kept"]].to_numpy().tolist() == [
        [5, 1, True], [7, 1, True],
    ]  # fmt: skip
    assert stability["same_class_percent"].isna().all()  # there are no pairs


def test_changed_checkpoint_is_extracted_again(project):
    project.write_weights("gamma.pth.tar", [(5, 48)], seed=50)
    own = ["list_failed"]
    own += of_models(["gamma"], "extract_kernels", "classify_kernels", "plot_model")
    assert rerun(project) == sorted(own + SHARED)
    table = pd.read_csv(project / "results/tables/clustered.tsv", sep="\t")
    gamma = table[table["model"] == "gamma"].set_index("kernel_size")["n_kernels"]
    assert gamma.to_dict() == {5: 48}


def test_changed_train_checkpoint_labels_again(project):
    project.write_weights("alpha.safetensors", [(3, 60), (5, 120), (7, 120)], seed=50)
    why = dry_run_reasons(project, "Labelling the codebook of")
    assert why.keys() == {"3x3", "5x5", "7x7"}
    # the training kernels vote for the labels
    assert all("results/kernels.zarr/alpha/zarr.json" in reason for reason in why.values())


@pytest.mark.parametrize("model", ["alpha", "gamma"])
def test_checkpoint_may_be_deleted_once_extracted(project, model):
    for path in (project / "weights").glob(f"{model}.*"):
        path.unlink()
    assert rerun(project) == []


def test_moved_project_has_nothing_to_do(project, tmp_path):
    moved = tmp_path.rename(tmp_path.with_name(f"{tmp_path.name}-moved"))
    assert rerun(Project(moved, project.environment)) == []
    moved.rename(tmp_path)
