"""A sheet with broken models: results of all others, and none forgotten."""

import os
import random

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from support.jobs import EXTRACT, of_models
from support.project import RESULTS, SHOWING, Project, make_weights

pytestmark = pytest.mark.slow

# models, and how many of them are broken
SHORT = (6, 4)
FULL = (1000, 100)
TIMEOUT_SECONDS = 3 * 3600  # for a run of the full form
SEED = 5
ALL = (*RESULTS, "kernels.zarr/**/*")


def missing(path):
    path.unlink()


def empty(path):
    path.write_bytes(b"")


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def rubbish(path):
    path.write_bytes(random.Random(SEED).randbytes(5000))


def huge_header(path):
    path.write_bytes((2**40).to_bytes(8, "little") + path.read_bytes()[8:])


def web_page(path):
    path.write_text("<!DOCTYPE html><title>404 Not Found</title>")


def folder(path):
    path.unlink()
    path.mkdir()


def not_a_number(path):
    weights = make_weights([(5, 12)], seed=1)
    weights["blocks.0.dw.weight"][3, 0, 2, 2] = np.nan
    save_file(weights, path)


def without_depthwise(path):
    save_file({"head.weight": np.ones((4, 8), np.float32)}, path)


def code(path):
    torch.save(
        {"blocks.0.dw.weight": torch.arange(100.0).reshape(4, 1, 5, 5), "code": os.getcwd}, path
    )


DAMAGES = (
    *(folder, not_a_number, without_depthwise, code),
    *(missing, empty, cut, rubbish, huge_header, web_page),
)


def write_project(project: Project, n_models: int) -> list[str]:
    """A project of tiny models, the first and the last to train on; returns their ids."""
    project.write_config(autoencoder={"sizes": [5], "epochs": 20}, kmeans={"sizes": []})
    models = [f"model{index:04d}" for index in range(n_models)]
    project.write_sheet()
    for index, model in enumerate(models):
        source = project.write_weights(f"{model}.safetensors", [(5, 12), (5, 12)], seed=index)
        project.add_rows((model, source, "train" if index in (0, n_models - 1) else "classify"))
    return models


@pytest.mark.fault(
    "100 of 1,000 models broken in ten ways (in short: 4 of 6), one of them to train on",
    holds="all results of the others, each broken one in failed.tsv with its cause, exit status "
    "not 0; a second run extracts and trains nothing; `make retry` tries just these again; "
    "mended, all is as if nothing had been broken",
)
def test_broken_models_hold_nothing_back(tmp_path, full):
    undisturbed = Project(tmp_path / "undisturbed", without=SHOWING)
    n_models, n_broken = FULL if full else SHORT
    models = write_project(undisturbed, n_models)
    project = undisturbed.copy(tmp_path / "broken")
    broken = sorted([models[0], *random.Random(SEED).sample(models[1:-1], n_broken - 1)])
    weights = {model: project / f"weights/{model}.safetensors" for model in broken}
    good = {model: (path.read_bytes(), path.stat()) for model, path in weights.items()}
    for index, path in enumerate(weights.values()):
        DAMAGES[index % len(DAMAGES)](path)

    # stage by stage at first, as a careful user may
    run = project.snakemake("--until", "classify_kernels", timeout=TIMEOUT_SECONDS)
    assert run.returncode == 0, run.output
    assert {"train_autoencoder/k5", *of_models(models, ["classify_kernels"])} <= set(run.jobs)
    causes = {model: run.cause(model) for model in broken}
    assert project.snakemake("results/tables/clustered.tsv").returncode == 0
    named = project.contents("tables/clustered.tsv")

    run = project.snakemake(timeout=TIMEOUT_SECONDS)
    assert run.returncode != 0
    assert "Traceback" not in run.output
    assert run.errors[-1].startswith(f"ERROR: {n_broken} of {n_models} models could not be ")
    assert project.contents("tables/clustered.tsv") == named
    assert project.table("failed").set_index("model")["cause"].to_dict() == causes
    others = [model for model in models if model not in broken]
    clustered = project.table("clustered").set_index("model")
    assert clustered["n_kernels"].to_dict() == dict.fromkeys(others, 24)
    assert project.table("layers")["model"].unique().tolist() == others

    before = project.contents(*ALL)
    run = project.snakemake()
    assert run.returncode != 0
    assert run.logged == ["check_extracted"]
    run = project.retry()
    assert run.returncode != 0
    assert run.logged == sorted([*of_models(broken, EXTRACT), "check_extracted"])
    assert project.contents(*ALL) == before

    for model, path in weights.items():
        if path.is_dir():
            path.rmdir()
        content, facts = good[model]
        path.write_bytes(content)
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    run = project.retry()
    assert run.returncode == 0, run.output
    assert not set(of_models(others, EXTRACT)) & set(run.logged)
    assert "train_autoencoder/k5" in run.logged
    assert undisturbed.snakemake(timeout=TIMEOUT_SECONDS).returncode == 0
    assert project.contents(*ALL) == undisturbed.contents(*ALL)
