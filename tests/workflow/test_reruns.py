"""A change reruns what follows from it, and nothing else.

A plan lists the jobs of the next run, which one change runs in full.
"""

import shutil

import pytest
from support.jobs import (
    CLASSIFY,
    EXTRACT,
    FIT,
    LABEL,
    MODELS,
    SEEDS,
    SIZES,
    TRAIN,
    TRAINED,
    assert_plans,
    of_classification,
    of_models,
    of_new_model,
    of_sizes,
    rerun,
    without_figures,
)
from support.project import DRAWING, REPOSITORY, Project

# only the train models decide these
FITTED = ("autoencoder/*/*", "kmeans/*/*", "baselines/*", "labels/*")
KMEANS = of_sizes([3], ["cluster_kernels"])


def of_new_kernels():
    """The jobs after kernels to train on have changed, but for their extraction."""
    fit = of_sizes(TRAINED, TRAIN) + KMEANS + of_sizes(SIZES, FIT + LABEL)
    return ["list_training_set", *fit, *SEEDS, *of_classification()]


def change_role(project, model, role):
    """Change a cell of the sheet."""
    sheet = project / "sheet.tsv"
    rows = [line.split("\t") for line in sheet.read_text().splitlines()]
    rows = [[*row[:2], role, *row[3:]] if row[0] == model else row for row in rows]
    sheet.write_text("".join("\t".join(row) + "\n" for row in rows))


def test_classify_row_runs_its_own_jobs_and_the_shared_ones(project):
    source = project.write_weights("delta.safetensors", [(7, 24)], seed=40)
    project.add_rows(("delta", source, "classify"))
    before = project.contents(*FITTED)
    expected = of_new_model("delta")
    assert_plans(project, expected)
    project.without = DRAWING
    assert rerun(project) == without_figures(expected)
    assert project.contents(*FITTED) == before
    assert project.table("clustered")["model"].unique().tolist() == [*MODELS, "delta"]


def test_one_model_alone_needs_no_shared_table(project):
    source = project.write_weights("delta.safetensors", [(7, 24)], seed=40)
    project.add_rows(("delta", source, "classify"))
    run = project.snakemake("results/figures/delta/layers.png")
    assert run.returncode == 0, run.output
    rules = ("classify_kernels", "extract_kernels", "plot_model")
    assert run.jobs == [f"{rule}/delta" for rule in rules]
    drawn = {path.name for path in (project / "results/figures/delta").iterdir()}
    assert {"layers.png", "samples.png", "sizes.png", "activation.png", "outlier.png"} <= drawn


def test_train_row_retrains_and_the_dry_run_says_why(project):
    source = project.write_weights("delta.safetensors", [(3, 24), (5, 24)], seed=40)
    project.add_rows(("delta", source, "train"))
    new = of_models(["delta"], EXTRACT + CLASSIFY)
    assert_plans(project, [*new, "list_models", "plot_store", *of_new_kernels()])
    output = project.snakemake("--dry-run").output
    assert "Input files updated by another job: results/kernels.zarr/delta/zarr.json" in output


@pytest.mark.parametrize(("model", "role"), [("gamma", "train"), ("beta", "classify")])
def test_changed_role_retrains_and_extracts_nothing(project, model, role):
    change_role(project, model, role)
    assert_plans(project, ["list_models", *of_new_kernels()])


def test_new_kernel_size_does_not_retrain_the_others(project):
    project.write_config(autoencoder={"sizes": [5, 7, 9]}, thresholds={"k9": 0.3})
    assert project.plan()["train_autoencoder"] == 1


def test_changed_threshold_classifies_again(project):
    project.write_config(thresholds={"k5": 0.01})
    labelling = of_sizes([5], [*LABEL, "plot_autoencoder"])
    expected = [*labelling, *of_classification(), *SEEDS, "save_config"]
    assert_plans(project, expected)


def test_changed_training_setting_retrains_and_extracts_nothing(project):
    project.write_config(autoencoder={"epochs": 20, "seeds": 1})
    training = of_sizes(TRAINED, TRAIN + LABEL)
    expected = [*training, *of_classification(), *SEEDS, "save_config"]
    assert_plans(project, expected)


def test_changed_checkpoint_is_extracted_again(project):
    project.write_weights("gamma.pth.tar", [(5, 48)], seed=50)
    assert_plans(project, of_new_model("gamma"))


def test_changed_train_checkpoint_retrains(project):
    project.write_weights("alpha.safetensors", [(3, 60), (5, 120), (7, 120)], seed=50)
    own = ["extract_kernels/alpha", "list_models", "plot_store"]
    assert_plans(project, [*own, *of_new_kernels()])


def test_merged_classes_draw_again_and_classify_nothing(project):
    project.write_config(merge={"on_cross": "on_centre"})
    planned = project.plan()
    assert (planned["summarise_classes"], planned["plot_model"]) == (1, len(MODELS))
    assert not set(planned) & {"classify_kernels", "label_codebook", "train_autoencoder"}


def test_checkpoints_may_be_deleted_once_extracted(project):
    shutil.rmtree(project / "weights")
    assert_plans(project, [])


def test_moved_project_has_nothing_to_do(project, tmp_path):
    moved = tmp_path.rename(tmp_path.with_name(f"{tmp_path.name}-moved"))
    assert_plans(Project(moved), [])
    moved.rename(tmp_path)


def test_fresh_clone_has_nothing_to_do(project, tmp_path):
    """As after `git clone`: all sources are newer than the results; scripts also differ."""
    clone = tmp_path / "clone"
    for name in ("rules", "workflow", "profiles", "models"):
        shutil.copytree(REPOSITORY / name, clone / name, copy_function=shutil.copy)
    for name in ("Snakefile", "config.yaml", "src/kernel_atlas/__init__.py"):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, clone / name)
    for script in (clone / "workflow/scripts").glob("*.py"):
        script.write_text(script.read_text() + "# one more line\n")
    run = project.snakemake("--snakefile", str(clone / "Snakefile"))
    assert run.returncode == 0, run.output
    assert "Nothing to be done" in run.output
