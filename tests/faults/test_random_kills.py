"""Kills at random: of a run from nothing by the clock, of a training by its epochs."""

import random
import re
import shutil
import subprocess
import time
from contextlib import suppress

import numpy as np
import pytest
from atlas_project import TIMEOUT_SECONDS, Project, kill_tree, running_jobs

from kernel_atlas.training import CHECKPOINT_SECONDS

SEED = 20
RESULTS = (
    "tables/*", "classes/*/*", "labels/*", "autoencoder/*/*", "kmeans/*/*", "baselines/*",
    "figures/**/*.*", "kernels.zarr/*/k*/**/*",
)  # fmt: skip
WEIGHTS = "results/autoencoder/k5/weights.safetensors"


def new_project(folder, full):
    """The bundled sheet with the default settings; in short, the tables of two small models."""
    project = Project(folder)
    project.targets = []
    if not full:
        project.targets = ["results/tables/clustered.tsv", "results/tables/stability.tsv"]
        project.write_config(
            autoencoder={"sizes": [5], "epochs": 200}, kmeans={"sizes": []}, figures={"samples": 1}
        )
        train = project.write_weights("train.safetensors", [(5, 600)], seed=10)
        other = project.write_weights("other.pth", [(5, 120)], seed=20)
        project.write_sheet(("train", train, "train"), ("other", other, "classify"))
    return project


@pytest.fixture(scope="module")
def undisturbed(full, tmp_path_factory):
    """The project after a run that took its `seconds`. Not to be changed."""
    project = new_project(tmp_path_factory.mktemp("undisturbed"), full)
    started_at = time.monotonic()
    run = project.snakemake(*project.targets)
    assert run.returncode == 0, run.output
    project.seconds = time.monotonic() - started_at
    return project


@pytest.mark.fault(
    "SIGKILL of snakemake or of a job, by turns, at 20 random moments: 4 in each of 5 bundled runs "
    "(in short: 3 in a small run); a plain rerun goes on after each",
    holds="`make unlock` where it is asked for is all; in the end the same results, to the byte",
)
def test_kills_at_random_moments(full, undisturbed, tmp_path):
    rng = random.Random(SEED)
    for number in range(5 if full else 1):
        project = new_project(tmp_path / f"run{number}", full)
        latest = 0.8 * undisturbed.seconds  # the machine may be faster now
        moments = sorted(rng.uniform(0, latest) for _ in range(4 if full else 3))
        for index, seconds in enumerate(np.diff([0, *moments])):
            victim = ("snakemake", "job")[(number + index) % 2]
            print(f"seed {SEED}, run {number}: {victim} after {moments[index]:.2f} s")
            unlock_if_locked(project)
            kill_after(project, victim, seconds, rng)
        unlock_if_locked(project)
        run = project.snakemake(*project.targets)
        assert run.returncode == 0, run.output
        assert project.contents(*RESULTS) == undisturbed.contents(*RESULTS)
        shutil.rmtree(project.folder)


def unlock_if_locked(project):
    """What the one documented command does, where snakemake says that it is needed."""
    run = project.snakemake("--dry-run", *project.targets)
    assert run.returncode == 0, run.output
    if "Directory cannot be locked" in run.output:
        assert project.snakemake("--unlock").returncode == 0


def kill_after(project, victim, seconds, rng):
    """Start a run, and SIGKILL snakemake or one of its jobs after these seconds of work."""
    with project.start(*project.targets) as process:
        try:
            deadline = time.monotonic() + TIMEOUT_SECONDS
            while not (jobs := list(running_jobs(process.pid))):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.01)
            with suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
            while victim == "job" and process.poll() is None:
                if jobs := list(running_jobs(process.pid)):
                    break
                time.sleep(0.01)
            assert process.poll() is None  # killed half-way, or this test shows nothing
            rng.choice([process] if victim == "snakemake" else jobs).kill()
            process.wait(TIMEOUT_SECONDS)
        finally:
            kill_tree(process.pid)


@pytest.mark.fault(
    "SIGKILL of the training at 10 random epochs, one after the other (in short: 3)",
    holds="the next run goes on from the last checkpoint; in the end the same weights to the byte",
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
        if not full:  # too short a training for a checkpoint by itself
            saved = checkpoints(folder)
            job.suspend()
            time.sleep(CHECKPOINT_SECONDS)
            job.resume()
            while job.is_running() and checkpoints(folder) == saved:
                time.sleep(0.001)
            time.sleep(rng.uniform(0, 0.2))
        return True

    log.unlink()
    options = ("--forcerun", "train_autoencoder")
    for epoch in epochs:
        run = project.kill_job(
            "train_autoencoder.py", lambda job, epoch=epoch: is_past(epoch, job), WEIGHTS, *options
        )
        assert run.returncode != 0
        assert last_epoch(log) < last
        # none, if it was killed before the first
        assert {path.suffix for path in folder.glob("*")} <= {".pt"}
        options = ()
        log.unlink()
    run = project.snakemake(WEIGHTS)
    assert run.jobs == ["train_autoencoder/k5"], run.output
    assert "going on after epoch" in log.read_text()
    assert project.contents("autoencoder/k5/*") == undisturbed.contents("autoencoder/k5/*")


def last_epoch(log):
    """The last epoch that any seed has come to, or 0."""
    text = log.read_text() if log.exists() else ""
    return max(map(int, re.findall(r", epoch (\d+),", text)), default=0)


def checkpoints(folder):
    """Times of change of the checkpoints."""
    found = {}
    for path in folder.glob("checkpoint-*.pt"):
        found[path.name] = path.stat().st_mtime_ns
    return found
