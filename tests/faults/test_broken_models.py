"""A sheet with broken models: results of all others, and none forgotten."""

import os
import random

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import save_file
from support.project import Project, make_weights

# of these models so many are broken, in short and in full
SHORT = (10, 4)
FULL = (1000, 100)
TIMEOUT_SECONDS = 3 * 3600  # for a run of the full form, which takes one on two cores
SEED = 5
RESULTS = ("tables/*", "classes/*/*", "labels/*", "autoencoder/*/*", "kernels.zarr/**/*")


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
    torch.save({"blocks.0.dw.weight": torch.ones(4, 1, 5, 5), "code": os.getcwd}, path)


DAMAGES = (
    missing, empty, cut, rubbish, huge_header, web_page, folder, not_a_number, without_depthwise,
    code,
)  # fmt: skip


def write_project(project: Project, n_models: int) -> list[str]:
    """A project of tiny models, the first and the last to train on; returns their ids."""
    project.write_config(
        autoencoder={"sizes": [5], "epochs": 20}, kmeans={"sizes": []},
        figures={"samples": 1, "dpi": 50},
    )  # fmt: skip
    models = [f"model{index:04d}" for index in range(n_models)]
    project.write_sheet()
    for index, model in enumerate(models):
        source = project.write_weights(f"{model}.safetensors", [(5, 12), (5, 12)], seed=index)
        project.add_rows((model, source, "train" if index in (0, n_models - 1) else "classify"))
    return models


@pytest.mark.fault(
    "100 of 1,000 models broken, in ten ways (in short: 4 of 10)",
    holds="all results of the others, each broken one in failed.tsv with its cause, exit status "
    "not 0; the next run tries just these again; mended, all is as if nothing had been broken",
)
def test_broken_models_hold_nothing_back(tmp_path, full):
    def run_all(project):
        return project.snakemake(timeout=TIMEOUT_SECONDS)

    undisturbed = Project(tmp_path / "undisturbed")
    n_models, n_broken = FULL if full else SHORT
    models = write_project(undisturbed, n_models)
    project = undisturbed.copy(tmp_path / "broken")
    draw = random.Random(SEED)
    if full:
        broken = sorted(draw.sample(models, n_broken))
    else:  # one of them to train on: once it is mended, all has to be done again
        broken = sorted([models[0], *draw.sample(models[1:-1], n_broken - 1)])
    weights = {model: project / f"weights/{model}.safetensors" for model in broken}
    good = {model: (path.read_bytes(), path.stat()) for model, path in weights.items()}
    for index, path in enumerate(weights.values()):
        DAMAGES[(index + 6) % len(DAMAGES)](path)

    run = run_all(project)
    assert run.returncode != 0
    assert "Traceback" not in run.output
    listed = pd.read_csv(project / "results/tables/failed.tsv", sep="\t")
    assert listed["model"].tolist() == broken
    for row in listed.itertuples():
        assert f"ERROR: model {row.model}: {row.cause}" in run.errors
    assert run.errors[-1].startswith(f"ERROR: {len(broken)} of {len(models)} models could not be ")
    others = [model for model in models if model not in broken]
    clustered = pd.read_csv(project / "results/tables/clustered.tsv", sep="\t")
    assert clustered["model"].tolist() == others
    assert (clustered["n_kernels"] == 24).all()
    for name in ("kernels.zarr", "classes"):
        found = [path.name for path in (project / f"results/{name}").iterdir() if path.is_dir()]
        assert sorted(found) == others
    assert all((project / f"results/figures/{model}/layers.svg").exists() for model in others)

    before = project.contents(*RESULTS)
    run = run_all(project)
    assert run.returncode != 0
    again = [f"extract_kernels/{model}" for model in broken]
    assert run.logged == ["check_extracted", *again, "list_failed"]
    assert project.contents(*RESULTS) == before

    for model, path in weights.items():
        if path.is_dir():
            path.rmdir()
        path.write_bytes(good[model][0])
        os.utime(path, ns=(good[model][1].st_atime_ns, good[model][1].st_mtime_ns))
    run = run_all(project)
    assert run.returncode == 0, run.output
    assert set(again) <= set(run.logged)
    assert not {f"extract_kernels/{model}" for model in others} & set(run.logged)
    assert run_all(undisturbed).returncode == 0
    assert project.contents(*RESULTS) == undisturbed.contents(*RESULTS)
