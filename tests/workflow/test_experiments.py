"""make experiment: networks are trained, and what was trained is classified by the next call."""

from pathlib import Path

import pandas as pd
import pytest
import yaml
from support.images import ARM, write_images
from support.project import DRAWING, REPOSITORY, Project

EPOCHS = ["arm-s1-e000", "arm-s1-e001"]


@pytest.fixture
def experiment(tmp_path):
    """A project with one arm, which has images, and one model. No size has a codebook."""
    project = Project(tmp_path, without=DRAWING)
    source = project.write_weights("alpha.safetensors", [(5, 60)])
    project.write_sheet(("alpha", source, "train"))
    write_images(tmp_path / "images")
    arm = {**ARM, "data": "folder:images", "epochs": 1}
    sizes = {"autoencoder": {"sizes": []}, "kmeans": {"sizes": []}, "family": {"sizes": [5]}}
    project.write_config(experiments={"arm": arm}, **sizes)
    return project


def test_what_was_trained_is_part_of_the_next_run(experiment, repository):
    before = experiment.plan()
    assert before["extract_kernels"] == 1
    assert not {"train_network", "list_checkpoints"} & set(before)

    trained = experiment.snakemake("train_experiments")
    assert trained.returncode == 0, trained.output
    assert trained.logged == ["list_checkpoints", "train_network/arm-s1"]
    specified = yaml.safe_load((repository / "workflow/schemas/tables.yaml").read_text())
    for name, path in (
        ("models.tsv", "models.tsv"),
        ("checkpoints.tsv", "checkpoints.tsv"),
        ("<training>/history.tsv", "arm-s1/history.tsv"),
    ):
        table = pd.read_csv(experiment / f"results/experiments/{path}", sep="\t")
        assert list(table) == list(specified[f"experiments/{name}"]["columns"])

    summed_up = experiment.snakemake("experiment_results")
    assert summed_up.returncode == 0, summed_up.output
    extracted = [name for name in summed_up.logged if name.startswith("extract_kernels/arm")]
    assert extracted == [f"extract_kernels/{model}" for model in EPOCHS]
    assert not {"train_network", "list_checkpoints"} & {
        Path(name).parts[0] for name in summed_up.logged
    }
    for name, n_rows in (("starts", 1), ("memorisation", 0), ("movement", 2)):
        table = pd.read_csv(experiment / f"results/experiments/{name}.tsv", sep="\t")
        assert list(table) == list(specified[f"experiments/{name}.tsv"]["columns"])
        assert len(table) == n_rows


@pytest.mark.slow
def test_slurm_gives_a_training_its_gpus_and_one_on_the_cpu_none(experiment, tmp_path, monkeypatch):
    """A stand-in for sbatch notes what it is asked for, and refuses."""
    arm = {**ARM, "data": "folder:images", "epochs": 1}
    on_gpus = {**arm, "device": "auto", "gpus": 4, "workers": 2}
    experiment.write_config(experiments={"large": on_gpus, "small": arm})
    sbatch = tmp_path / "bin/sbatch"
    sbatch.parent.mkdir()
    sbatch.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\nexit 1\n')
    sbatch.chmod(0o755)
    monkeypatch.setenv("PATH", str(sbatch.parent), prepend=":")
    profile = REPOSITORY / "profiles/slurm"
    options = ("--workflow-profile", profile, "--retries", "0")
    assert experiment.snakemake("train_experiments", *options).returncode != 0
    asked = [line.partition("--wrap")[0] for line in (tmp_path / "asked").read_text().splitlines()]
    small, large = sorted(asked, key=lambda line: "--gpus" in line)
    for fact in ("-p gpu ", "--gpus=4 ", "--nodes=1 ", "--mem 64000 "):
        assert fact in large
    for fact in ("-p cpu ", "--cpus-per-task=1 ", "--mem 16000 "):
        assert fact in small
    assert "gpu" not in small
