"""What may befall a job on a cluster, on the real SLURM of tests/slurm.

In short form all jobs that are tried again are disturbed in one run, each at another stage.
"""

import re

import pytest
from support.project import kill_tree
from support.slurm import (
    CLASSIFICATION,
    EXTRACTION,
    FIT,
    RESULTS,
    SLURM,
    TARGETS,
    TRAINING,
    TRAINING_JOB,
    SlurmProject,
    ask_slurm,
    run_id,
    submissions,
    wait_for_no_job,
    write_project,
)  # fmt: skip

pytestmark = [pytest.mark.slurm, pytest.mark.usefixtures("slurm")]


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
    """What it asks for is too little: see RESOURCES."""


def kill_snakemake(project, snakemake, number):
    kill_tree(snakemake.pid)


DISTURBANCES = {
    EXTRACTION: cancel_half_way,
    FIT: fail_node,
    TRAINING_JOB: hang,
    CLASSIFICATION: leave_alone,
}
RESOURCES = {
    TRAINING_JOB: "train_autoencoder:runtime=attempt",
    CLASSIFICATION: "classify_kernels:mem_mb=80 if attempt == 1 else 4000",
}
# these replace the profile's
ON_GPU = ("train_autoencoder:slurm_partition=gpu", "train_autoencoder:gpu=1")


@pytest.fixture(scope="module")
def tried_again(slurm_reference, full, tmp_path_factory):
    """A function that gives the run in which a submission was disturbed."""
    runs = {}

    def get_run(name):
        if name not in runs:
            chosen = {name: DISTURBANCES[name]} if full else DISTURBANCES
            project = write_project(tmp_path_factory.mktemp("disturbed"))
            resources = [RESOURCES[job] for job in chosen if job in RESOURCES]
            run = project.disturb(
                chosen, "--set-resources", *ON_GPU, *resources, "--retries", "2", *TARGETS
            )
            assert run.returncode == 0, run.output
            assert project.contents(*RESULTS) == slurm_reference.contents(*RESULTS)
            runs.update(dict.fromkeys(chosen, run))
        return runs[name]

    return get_run


def attempts(run, name):
    """What SLURM knows of each submission of this name."""
    numbers = [number for job, number in submissions(run) if job == name]
    return [ask_slurm("scontrol", "show", "job", number) for number in numbers]


@pytest.mark.fault(
    "SLURM: `scancel` of a running extraction, with retries",
    holds="submitted again; the tables are those of a run on one machine",
)
def test_cancelled_job(tried_again):
    first, second = attempts(tried_again(EXTRACTION), EXTRACTION)
    assert "JobState=CANCELLED" in first
    assert "JobState=COMPLETED" in second


@pytest.mark.fault(
    "SLURM: a node set down under a running job", holds="the job is submitted again; equal tables"
)
def test_failed_node(tried_again):
    first, second = attempts(tried_again(FIT), FIT)
    assert "JobState=NODE_FAIL" in first
    assert "JobState=COMPLETED" in second


@pytest.mark.fault(
    "SLURM: a training that hangs beyond its time limit",
    holds="submitted again with more time; equal tables",
)
def test_time_limit(tried_again):
    first, second = attempts(tried_again(TRAINING_JOB), TRAINING_JOB)
    assert "JobState=TIMEOUT" in first
    assert "TimeLimit=00:01:00" in first
    assert "JobState=COMPLETED" in second
    assert "TimeLimit=00:02:00" in second


@pytest.mark.fault(
    "SLURM: a classification that needs more memory than it asked for",
    holds="submitted again with more memory; equal tables",
)
def test_memory_limit(tried_again):
    run = tried_again(CLASSIFICATION)
    assert "Exceeded job memory limit" in run.output
    first, second = attempts(run, CLASSIFICATION)
    assert "JobState=COMPLETED" in second
    first, second = (int(re.search(r"mem=(\d+)M", job)[1]) for job in (first, second))
    assert first < second


@pytest.mark.fault(
    "SLURM: `scancel` of a running job whose retries are used up (in short: the message alone)",
    holds="one message that says so; a further run completes with equal tables",
)
def test_cancelled_for_good(slurm_reference, targets, full, tmp_path):
    project = write_project(tmp_path)
    run = project.disturb({EXTRACTION: cancel_half_way}, "--retries", "0", *targets)
    assert run.returncode != 0
    assert len(re.findall(r"JOB \d+ ON n\d CANCELLED AT \S+ \*\*\*", run.output)) == 1
    if full:
        assert_completes(project, targets, slurm_reference)


@pytest.mark.fault(
    "SLURM: SIGKILL of snakemake while a job of its runs (in short: up to the first codebook)",
    holds="after scancel by the run's id and --unlock, a further run completes with equal tables",
)
def test_snakemake_killed(slurm_reference, targets, tmp_path):
    project = write_project(tmp_path)
    run = project.disturb({EXTRACTION: kill_snakemake}, *targets)
    number = dict(submissions(run))[EXTRACTION]
    assert number in ask_slurm("squeue", "-h", "-o", "%i").split()
    ask_slurm("scancel", "--name", run_id(run))
    wait_for_no_job()
    assert "Directory cannot be locked" in project.snakemake(*SLURM, *targets).output
    assert project.snakemake("--unlock").returncode == 0
    assert_completes(project, targets, slurm_reference)


@pytest.mark.fault(
    "SLURM: `scancel` of a classification that is to replace old results",
    holds="no old result is left that could pass for a new one",
)
def test_no_old_results_after_a_group_that_failed(slurm_reference, tmp_path):
    project = SlurmProject(slurm_reference.copy(tmp_path).folder)
    project.write_config(autoencoder=TRAINING, thresholds={"k5": 0.25})
    run = project.disturb({CLASSIFICATION: cancel}, "--retries", "0", *TARGETS)
    assert run.returncode != 0
    assert not project.contents("classes/*/*")


@pytest.fixture(scope="module")
def targets(full):
    """In short form, a run is over after the first fit."""
    return TARGETS if full else ("results/kmeans/k3/codebook.npy",)


def assert_completes(project, targets, reference):
    """A run on SLURM, started again, ends with the results of a run on one machine."""
    run = project.snakemake(*SLURM, *targets)
    assert run.returncode == 0, run.output
    assert all((project / target).exists() for target in targets)
    assert project.contents(*RESULTS).items() <= reference.contents(*RESULTS).items()
