"""Runs on a real SLURM: few submissions, the same tables, and what may happen to a job.

tests/slurm/up.sh brings one up, of three virtual nodes; without it these tests are skipped.
"""

import os
import re

import pytest
from support.processes import kill_tree
from support.project import RESULTS
from support.slurm import (
    CLUSTER,
    SLURM,
    SlurmProject,
    ask_slurm,
    run_id,
    submissions,
    wait_for_no_job,
    write_project,
)

pytestmark = pytest.mark.slow

# what makes all tables
TARGETS = (
    *("results/tables/clustered.tsv", "results/tables/stability.tsv"),
    "results/figures/clustered.png",
)
FIRST_FIT = "results/kmeans/k3/codebook.npy"


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The project after a run on this machine, if there is a SLURM. Not to be changed."""
    if CLUSTER not in ask_slurm("scontrol", "show", "config"):
        pytest.skip("there is no SLURM to test with: tests/slurm/up.sh brings one up")
    project = write_project(tmp_path_factory.mktemp("local"))
    run = project.snakemake(*TARGETS)
    assert run.returncode == 0, run.output
    yield project
    ask_slurm("scancel", "--user", str(os.getuid()))
    wait_for_no_job()


def cancel(project, snakemake, number):
    ask_slurm("scancel", number)


def cancel_half_way(project, snakemake, number):
    project.suspend("extract_kernels.py")
    cancel(project, snakemake, number)


def fail_node(project, snakemake, number):
    node = ask_slurm("squeue", "-h", "-j", number, "-o", "%N").strip()
    for state in ("down", "resume"):
        ask_slurm("scontrol", "update", f"nodename={node}", f"state={state}", "reason=test")


def hang(project, snakemake, number):
    project.suspend("train_autoencoder.py")


def leave_alone(project, snakemake, number):
    """The job asks for too little memory: see RESOURCES."""


def kill_snakemake(project, snakemake, number):
    kill_tree(snakemake.pid)


DISTURBANCES = {
    "extract": cancel_half_way,
    "fit": fail_node,
    "train_autoencoder": hang,
    "classify": leave_alone,
}
RESOURCES = (
    *("train_autoencoder:slurm_partition=gpu", "train_autoencoder:gpu=1"),
    "train_autoencoder:runtime=attempt",
    "classify_kernels:mem_mb=80 if attempt == 1 else 4000",
)


@pytest.fixture(scope="module")
def disturbed(reference, tmp_path_factory):
    """A run in which one submission of each of four stages is disturbed, and tried again."""
    project = write_project(tmp_path_factory.mktemp("disturbed"))
    options = ("--set-resources", *RESOURCES, "--retries", "2", *TARGETS)
    run = project.disturb(DISTURBANCES, *options)
    assert run.returncode == 0, run.output
    assert project.contents(*RESULTS) == reference.contents(*RESULTS)
    return run


def assert_completes(project, reference):
    """A further run, up to the first fit, has the results of the run on this machine."""
    run = project.snakemake(*SLURM, FIRST_FIT)
    assert run.returncode == 0, run.output
    assert (project / FIRST_FIT).exists()
    assert project.contents(*RESULTS).items() <= reference.contents(*RESULTS).items()


def attempts(run, name):
    """What SLURM knows of each submission of this name."""
    numbers = [number for job, number in submissions(run) if job == name]
    return [ask_slurm("scontrol", "show", "job", number) for number in numbers]


@pytest.mark.fault(
    "SLURM: a run with a broken model, undisturbed",
    holds="one submission per stage; the training on the GPU partition; the tables of a run on one "
    "machine",
)
def test_few_submissions_to_the_same_tables(reference, tmp_path):
    project = write_project(tmp_path)
    run = project.snakemake(*SLURM, *TARGETS)
    assert run.returncode == 0, run.output
    assert project.contents(*RESULTS) == reference.contents(*RESULTS)
    assert project.table("failed")["model"].tolist() == ["broken"]
    found = submissions(run)
    assert sorted(name for name, _ in found) == [
        *("classify", "extract", "fit", "label", "tables", "train_autoencoder")
    ]
    for name, number in found:
        job = ask_slurm("scontrol", "show", "job", number)
        is_training = name == "train_autoencoder"
        assert ("Partition=gpu" in job) == ("gpu:1" in job) == is_training, job


@pytest.mark.fault(
    "SLURM: `scancel` of a running extraction",
    holds="submitted again; the tables are those of a run on one machine",
)
def test_cancelled_job(disturbed):
    first, second = attempts(disturbed, "extract")
    assert "JobState=CANCELLED" in first
    assert "JobState=COMPLETED" in second


@pytest.mark.fault(
    "SLURM: a node set down under a running job",
    holds="the job is submitted again; equal tables",
)
def test_failed_node(disturbed):
    first, second = attempts(disturbed, "fit")
    assert "JobState=NODE_FAIL" in first
    assert "JobState=COMPLETED" in second


@pytest.mark.fault(
    "SLURM: a training that hangs beyond its time limit",
    holds="submitted again with more time; equal tables",
)
def test_time_limit(disturbed):
    first, second = attempts(disturbed, "train_autoencoder")
    assert "JobState=TIMEOUT" in first
    assert "TimeLimit=00:01:00" in first
    assert "JobState=COMPLETED" in second
    assert "TimeLimit=00:02:00" in second


@pytest.mark.fault(
    "SLURM: a classification that needs more memory than it asked for",
    holds="submitted again with more memory; equal tables",
)
def test_memory_limit(disturbed):
    assert "Exceeded job memory limit" in disturbed.output
    first, second = attempts(disturbed, "classify")
    assert "JobState=COMPLETED" in second
    first, second = (int(re.search(r"mem=(\d+)M", job)[1]) for job in (first, second))
    assert first < second


@pytest.mark.fault(
    "SLURM: `scancel` of a running job that has no retries left",
    holds="one message that says so; a further run ends with equal results",
)
def test_cancelled_for_good(reference, tmp_path):
    project = write_project(tmp_path)
    run = project.disturb({"extract": cancel_half_way}, "--retries", "0", FIRST_FIT)
    assert run.returncode != 0
    assert len(re.findall(r"JOB \d+ ON n\d CANCELLED AT \S+ \*\*\*", run.output)) == 1
    assert_completes(project, reference)


@pytest.mark.fault(
    "SLURM: SIGKILL of snakemake while one of its jobs runs",
    holds="after scancel by the run's id and --unlock, a further run ends with equal results",
)
def test_snakemake_killed(reference, tmp_path):
    project = write_project(tmp_path)
    run = project.disturb({"extract": kill_snakemake}, FIRST_FIT)
    number = dict(submissions(run))["extract"]
    assert number in ask_slurm("squeue", "-h", "-o", "%i").split()
    ask_slurm("scancel", "--name", run_id(run))
    wait_for_no_job()
    assert "Directory cannot be locked" in project.snakemake(*SLURM, FIRST_FIT).output
    assert project.snakemake("--unlock").returncode == 0
    assert_completes(project, reference)


@pytest.mark.fault(
    "SLURM: `scancel` of a classification that is to replace old results",
    holds="no old result is left that could be mistaken for a new one",
)
def test_no_old_results_after_a_group_that_failed(reference, tmp_path):
    project = SlurmProject(reference.copy(tmp_path).folder)
    project.write_config(
        autoencoder={"sizes": [5], "epochs": 30, "seeds": 1}, thresholds={"k5": 0.25}
    )
    run = project.disturb({"classify": cancel}, "--retries", "0", *TARGETS)
    assert run.returncode != 0
    assert not project.contents("classes/*/*")
