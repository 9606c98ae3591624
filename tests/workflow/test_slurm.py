"""On a real SLURM: as locally, in few submissions, and after every fault of the cluster.

tests/slurm/up.sh brings one up, of three virtual nodes; without it these tests are skipped.
"""

import os
import re

import pytest
from atlas_project import kill_tree
from slurm_project import (
    CLUSTER,
    SLURM,
    TIMEOUT_SECONDS,
    TRAINING,
    SlurmProject,
    ask_slurm,
    run_id,
    submissions,
    wait_for_no_job,
    write_project,
)  # fmt: skip

pytestmark = pytest.mark.slurm

# what makes all tables without drawing a figure
TARGETS = ("results/tables/clustered.tsv", "results/tables/stability.tsv")
RESULTS = ("tables/*", "classes/*/*", "labels/*", "autoencoder/*/*", "kmeans/*/*")
EXTRACTION = "extract_extract_kernels"
CLASSIFICATION = "classify_classify_kernels"
ON_GPU = ("train_autoencoder:slurm_partition=gpu", "train_autoencoder:gpu=1")


@pytest.fixture(scope="module", autouse=True)
def _slurm():
    if CLUSTER not in ask_slurm("scontrol", "show", "config"):
        pytest.skip("there is no SLURM to test with: tests/slurm/up.sh brings one up")
    yield
    ask_slurm("scancel", "--user", str(os.getuid()))
    wait_for_no_job()


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The project after a run on this machine."""
    project = write_project(tmp_path_factory.mktemp("local"))
    run = project.snakemake(*TARGETS)
    assert run.returncode == 0, run.output
    return project


def test_few_submissions_to_the_same_tables(local, tmp_path):
    project = write_project(tmp_path)
    has_database = ask_slurm("sacctmgr", "--noheader", "show", "cluster")
    status_command = ("--slurm-status-command", "sacct") if has_database else ()
    run = project.snakemake(*SLURM, *status_command, *TARGETS, timeout=TIMEOUT_SECONDS)
    assert run.returncode == 0, run.output
    assert project.contents(*RESULTS) == local.contents(*RESULTS)
    found = submissions(run)
    # three models, two sizes: a submission a stage all the same
    assert sorted(name for name, _ in found) == [
        CLASSIFICATION,
        EXTRACTION,
        "fit_cluster_kernels_fit_baselines",
        "label_label_codebook",
        "tables_compare_seeds_summarise_classes",
        "train_autoencoder",
    ]
    for name, number in found:
        job = ask_slurm("scontrol", "show", "job", number)
        assert ("Partition=gpu" in job) == ("gpu:1" in job) == (name == "train_autoencoder"), job


def test_after_every_fault_the_same_tables(local, tmp_path):
    project = write_project(tmp_path)

    # without retries, a message and the end
    run = project.disturb(EXTRACTION, cancel, "--retries", "0", *TARGETS)
    assert run.returncode != 0
    assert re.search(r"JOB \d+ ON n\d CANCELLED AT \S+ \*\*\*", run.output)

    # snakemake is gone, and its job runs on until it is cancelled by the name of the run
    run = project.disturb(EXTRACTION, lambda snakemake, _: kill_tree(snakemake.pid), *TARGETS)
    number = dict(submissions(run))[EXTRACTION]
    assert number in ask_slurm("squeue", "-h", "-o", "%i").split()
    ask_slurm("scancel", "--name", run_id(run))
    wait_for_no_job()
    assert "--unlock" in project.snakemake(*SLURM, *TARGETS).output
    assert project.snakemake("--unlock").returncode == 0

    # with retries: a node fails, the training hangs, the classification lacks memory
    def disturb(_, number):
        node = ask_slurm("squeue", "-h", "-j", number, "-o", "%N").strip()
        set_node(node, "down")
        project.suspend("train_autoencoder.py")
        set_node(node, "resume")

    run = project.disturb(
        EXTRACTION, disturb, "--set-resources", "train_autoencoder:runtime=attempt",
        "classify_kernels:mem_mb=80 if attempt == 1 else 4000", *ON_GPU, "--retries", "2", *TARGETS,
    )  # fmt: skip
    assert run.returncode == 0, run.output
    for cause in ("DUE TO NODE FAILURE", "status is: 'TIMEOUT'", "Exceeded job memory limit"):
        assert cause in run.output
    training = dict(submissions(run))["train_autoencoder"]  # the last attempt
    assert "TimeLimit=00:02:00" in ask_slurm("scontrol", "show", "job", training)
    assert project.contents(*RESULTS) == local.contents(*RESULTS)


def test_no_old_results_after_a_group_that_failed(local, tmp_path):
    project = SlurmProject(local.copy(tmp_path).folder)
    project.write_config(autoencoder=TRAINING, thresholds={"k5": 0.25})
    run = project.disturb(CLASSIFICATION, cancel, "--retries", "0", *TARGETS)
    assert run.returncode != 0
    assert not project.contents("classes/*/*")


def cancel(_, number):
    ask_slurm("scancel", number)


def set_node(node, state):
    ask_slurm("scontrol", "update", f"nodename={node}", f"state={state}", "reason=test")
