"""Kills at random: of a run at random times, of a training at random epochs."""

import random
import re
import shutil
import subprocess
import time
from contextlib import suppress

import numpy as np
import psutil
import pytest
from support.processes import kill_tree, running_jobs
from support.project import RESULTS, TIMEOUT_SECONDS, Project

from kernel_atlas.codebooks.trainer import CHECKPOINT_SECONDS

pytestmark = pytest.mark.slow

SEED = 20
ALL = (*RESULTS, "kernels.zarr/*/k*/**/*")
TARGETS = ("results/tables/clustered.tsv", "results/tables/stability.tsv")
WEIGHTS = "results/autoencoder/k5/weights.safetensors"


def new_project(folder):
    """A project of two models."""
    project = Project(folder)
    project.write_config(autoencoder={"sizes": [5], "epochs": 100}, kmeans={"sizes": []})
    train = project.write_weights("train.safetensors", [(5, 600)], seed=10)
    other = project.write_weights("other.pth", [(5, 120)], seed=20)
    project.write_sheet(("train", train, "train"), ("other", other, "classify"))
    return project


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The project after a run that took its `seconds`. Not to be changed."""
    project = new_project(tmp_path_factory.mktemp("undisturbed"))
    started_at = time.monotonic()
    run = project.snakemake(*TARGETS)
    assert run.returncode == 0, run.output
    project.seconds = time.monotonic() - started_at
    return project


@pytest.mark.fault(
    "SIGKILL of snakemake or of a job, in turn, at 3 random moments (in full: 20)",
    holds="after `make unlock`, where it is asked for, a plain run goes on; the results are equal",
)
def test_kills_at_random_moments(full, undisturbed, tmp_path):
    rng = random.Random(SEED)
    n_runs = n_kills = 0
    while n_kills < (20 if full else 3):
        project = new_project(tmp_path / f"run{n_runs}")
        moments = sorted(rng.uniform(0, undisturbed.seconds) for _ in range(3))
        for index, seconds in enumerate(np.diff([0, *moments])):
            victim = ("snakemake", "job")[(n_runs + index) % 2]
            unlock_if_locked(project)
            if not kill_after(project, victim, seconds, rng):
                break  # the run had ended before
            n_kills += 1
            print(f"seed {SEED}, run {n_runs}: killed {victim} after {moments[index]:.2f} s")
        unlock_if_locked(project)
        run = project.snakemake(*TARGETS)
        assert run.returncode == 0, run.output
        assert project.contents(*ALL) == undisturbed.contents(*ALL)
        shutil.rmtree(project.folder)
        n_runs += 1


def unlock_if_locked(project):
    """Do what `make unlock` does, if snakemake asks for it."""
    run = project.snakemake("--dry-run", *TARGETS)
    assert run.returncode == 0, run.output
    if "Directory cannot be locked" in run.output:
        assert project.snakemake("--unlock").returncode == 0


def kill_after(project, victim, seconds, rng) -> bool:
    """Start a run, and SIGKILL snakemake or one of its jobs after these seconds of work.

    Returns False if the run had ended before.
    """
    with project.start(*TARGETS) as process:
        try:
            jobs = wait_for_jobs(process)
            if jobs:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(seconds)
                jobs = wait_for_jobs(process)
            if not jobs:
                assert process.wait(TIMEOUT_SECONDS) == 0
                return False
            with suppress(psutil.NoSuchProcess):
                rng.choice([process] if victim == "snakemake" else jobs).kill()
            return process.wait(TIMEOUT_SECONDS) != 0
        finally:
            kill_tree(process.pid)


def wait_for_jobs(process):
    """The jobs at work, as soon as there are any, or none at the end of the run."""
    while process.poll() is None:
        if jobs := list(running_jobs(process.pid)):
            return jobs
        time.sleep(0.01)
    return []


@pytest.mark.fault(
    "SIGKILL of the training at 3 random epochs, one after the other (in full: 10)",
    holds="the next run goes on from the last checkpoint; the weights are equal to the byte",
)
def test_kills_of_training(full, undisturbed, tmp_path):
    project = undisturbed.copy(tmp_path)
    folder = project / "results/autoencoder/k5"
    log = project / "results/logs/train_autoencoder/k5.log"
    rng = random.Random(SEED)
    last = last_epoch(log)
    epochs = sorted(rng.sample(range(1, last * 3 // 4), 10 if full else 3))
    print(f"seed {SEED}, kills in epochs {epochs}")

    def is_past(epoch, job):
        if last_epoch(log) < epoch:
            return False
        saved = checkpoints(folder)
        job.suspend()  # until the next checkpoint is due
        time.sleep(CHECKPOINT_SECONDS)
        job.resume()
        while job.is_running() and checkpoints(folder) == saved:
            time.sleep(0.001)
        return True

    log.unlink()
    options = ("--forcerun", "train_autoencoder")
    for epoch in epochs:
        run = project.kill_job(
            "train_autoencoder.py", lambda job, epoch=epoch: is_past(epoch, job), WEIGHTS, *options
        )
        assert run.returncode != 0
        assert last_epoch(log) < last
        assert {path.suffix for path in folder.glob("*")} <= {".pt"}
        options = ()
        log.unlink()
    run = project.snakemake(WEIGHTS)
    assert run.jobs == ["train_autoencoder/k5"], run.output
    assert "going on after epoch" in log.read_text()
    assert project.contents("autoencoder/k5/*") == undisturbed.contents("autoencoder/k5/*")


def last_epoch(log):
    """The last epoch that any seed has reached, or 0."""
    text = log.read_text() if log.exists() else ""
    return max(map(int, re.findall(r", epoch (\d+),", text)), default=0)


def checkpoints(folder):
    """The times at which the checkpoints were saved, by name."""
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("checkpoint-*.pt")}
