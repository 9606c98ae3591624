"""Models that cannot be extracted hold nothing back, are listed, and can be tried again."""

import re

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import save_file
from support.hostile import Code
from support.jobs import EXTRACT, of_models
from support.project import DRAWING, make_weights

GOOD = ["alpha", "beta", "good"]
CAUSES = {
    "gamma": "gamma.pth.tar ",
    "code": "code.pth holds .*mkdir, which is code and is never unpickled",
    "not_a_number": r"layer blocks\.1\.dw: 1 of 12 kernels hold NaN or infinite .*channel 7",
}


def cut_off(path):
    """Cut off the end of a file."""
    path.write_bytes(path.read_bytes()[:-1000])


@pytest.fixture(scope="module")
def broken(finished, tmp_path_factory):
    """The finished project after a further `run`: a model is now broken, and rows were added.

    Of the figures, it draws those of each model.
    """
    project = finished.copy(tmp_path_factory.mktemp("broken"))
    project.without = tuple(rule for rule in DRAWING if rule != "plot_model")
    cut_off(project / "weights/gamma.pth.tar")
    weights = make_weights([(3, 12), (5, 12)], seed=1)
    weights["blocks.1.dw.weight"][7, 0, 2, 2] = np.nan
    save_file(weights, project / "weights/not_a_number.safetensors")
    state = {"blocks.0.dw.weight": torch.arange(100.0).reshape(4, 1, 5, 5)}
    code = Code(project / "code_has_run")
    torch.save({"state_dict": state, "code": code}, project / "weights/code.pth")
    project.write_weights("good.safetensors", [(5, 24), (7, 24)])
    project.add_rows(
        ("code", "file:weights/code.pth", "classify"),
        ("not_a_number", "file:weights/not_a_number.safetensors", "classify"),
        ("good", "file:weights/good.safetensors", "classify"),
    )
    project.run = project.snakemake()
    return project


@pytest.mark.parametrize("model", CAUSES)
def test_broken_model_gives_one_line_with_its_cause(broken, model):
    assert re.search(CAUSES[model], broken.run.cause(model))


def test_results_are_made_of_the_others(broken):
    assert broken.run.returncode != 0
    assert "Traceback" not in broken.run.output
    assert len(broken.run.errors) == len(CAUSES) + 1
    assert broken.run.errors[-1].startswith("ERROR: 3 of 6 models could not be extracted")
    assert (broken / "results/figures/good/layers.png").exists()
    for table in ("layers", "controls"):
        assert broken.table(table)["model"].unique().tolist() == GOOD


def test_tables_say_what_became_of_each_row(broken):
    failed = broken.table("failed")
    assert failed["model"].tolist() == list(CAUSES)
    for row in failed.itertuples():
        assert row.cause == broken.run.cause(row.model)
    path = broken / "results/tables/models.tsv"
    models = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False).set_index("model")
    assert models.index.tolist() == ["alpha", "beta", *CAUSES, "good"]
    assert (models["outcome"] == "failed").to_dict() == {
        model: model in CAUSES for model in models.index
    }
    assert set(models.loc[list(CAUSES), "note"]) == {"not extracted, see failed.tsv"}


def test_code_in_a_pickle_never_runs(broken):
    assert not (broken / "code_has_run").exists()
    assert "weights_only" not in broken.run.output  # torch's advice: switch its safeguard off
    torch.load(broken / "weights/code.pth", weights_only=False)  # the test's code does work
    assert (broken / "code_has_run").exists()


def test_plain_run_fails_again_and_extracts_nothing(broken):
    run = broken.snakemake()
    assert run.returncode != 0
    assert run.logged == ["check_extracted"]
    assert run.errors[-1] == broken.run.errors[-1]


def test_retry_tries_only_the_failed_models(broken, tmp_path):
    project = broken.copy(tmp_path)
    project.without = DRAWING
    project.write_weights("gamma.pth.tar", [(5, 24)])
    run = project.retry()
    assert run.returncode != 0
    assert project.table("failed")["model"].tolist() == ["code", "not_a_number"]
    redone = [job for job in run.logged if job.startswith(("extract", "train"))]
    assert redone == sorted(of_models(CAUSES, EXTRACT))
    assert project.table("layers")["model"].unique().tolist() == ["alpha", "beta", "gamma", "good"]


def test_dry_run_with_a_broken_row_shows_the_whole_plan(project):
    project.add_rows(("missing", "file:weights/missing.pth", "classify"))
    output = project.snakemake("--dry-run").output
    for rule in ("extract_kernels", "classify_kernels", "plot_model", "summarise_classes"):
        assert re.search(rf"^{rule} +1$", output, re.MULTILINE), output
    assert not re.search(r"^plot_family ", output, re.MULTILINE)


def test_without_any_train_model_a_run_says_so(project):
    for name in ("alpha.safetensors", "beta.pth"):
        cut_off(project / "weights" / name)
    run = project.snakemake("results/tables/training_set.tsv", "results/tables/failed.tsv")
    assert run.returncode != 0
    assert "no model with role 'train' could be extracted" in run.output
    assert project.table("failed")["model"].tolist() == ["alpha", "beta"]
