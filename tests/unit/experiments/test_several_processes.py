"""One training in two processes, as on two GPUs: on the CPU, over gloo."""

import logging
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import psutil
import pytest
import torch
from safetensors.torch import load_file
from support.images import ARM, write_images
from support.ranks import advance_together

from kernel_atlas.errors import AtlasError
from kernel_atlas.experiments.arms import read_arms
from kernel_atlas.experiments.training import train_network

# without batch norms, augmentation and chance, so that it makes no difference who sees which image
PLAIN = {
    "network": {"name": "ConvNeXt", "arguments": {"depths": [1] * 4, "dims": [8] * 4}},
    "image_size": 32,
    "optimizer": "sgd",
    "batch_size": 20,
    "regularise": False,
}
WITH_EVERYTHING = {
    "batch_size": 8,
    "ema": 0.5,
    "clip_gradient": 1.0,
    "augmentation": {"mixup": 0.5, "random_erasing": 0.5},
}
JOB = """
import sys
from pathlib import Path
from kernel_atlas.experiments.arms import Training
from kernel_atlas.experiments.training import train_network
from kernel_atlas.jobs import logged
folder = Path(sys.argv[2])
with logged(folder / "log"):
    train_network(Training.read(sys.argv[1], 1), folder / "run", folder / "log")
"""


@pytest.fixture
def make(tmp_path):
    """A function that returns a training with these settings, on twenty images."""
    data = write_images(tmp_path / "images")

    def make(**changed):
        return read_arms({"arm": {"data": data, **ARM, **changed}})["arm"].trainings[0]

    return make


@pytest.fixture
def start(tmp_path):
    """A function that starts the job of a training."""
    jobs = []

    def start(training):
        command = [sys.executable, "-c", JOB, training.arm.settings, tmp_path]
        jobs.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
        return jobs[-1]

    yield start
    for job in jobs:
        job.kill()
        job.wait()
        job.stderr.close()


def wait_for(condition):
    for _ in range(6000):  # five minutes, on a machine with other work
        if condition():
            return
        time.sleep(0.05)
    raise TimeoutError


@pytest.mark.slow
def test_all_processes_end_an_epoch_with_the_same_weights(make, tmp_path):
    first, second = advance_together(make(gpus=2, **WITH_EVERYTHING), tmp_path, 2)
    assert (first["n_steps"], first["evaluated"]) == (2, second["evaluated"])
    assert len(first["states"]) == 2  # the network, and its moving average
    for ours, theirs in zip(first["states"], second["states"], strict=True):
        for name, tensor in ours.items():
            torch.testing.assert_close(tensor, theirs[name], rtol=0, atol=0, msg=name)


def test_two_processes_train_what_one_trains(make, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    train_network(make(**PLAIN), tmp_path / "one")
    log = tmp_path / "log"
    train_network(make(gpus=2, **PLAIN), tmp_path / "two", log)
    assert {p.name for p in (tmp_path / "two").iterdir()} == {
        p.name for p in (tmp_path / "one").iterdir()
    }
    for name in ("epoch_000", "epoch_003"):
        one, two = (load_file(tmp_path / f"{n}/{name}.safetensors") for n in ("one", "two"))
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)
    moved = (
        load_file(tmp_path / "two/epoch_000.safetensors")["head.fc.weight"] - two["head.fc.weight"]
    )
    assert moved.abs().max() > 1e-3
    columns = ("epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
    tables = [pd.read_csv(tmp_path / n / "history.tsv", sep="\t") for n in ("one", "two")]
    pd.testing.assert_frame_equal(*(t[[*columns]] for t in tables), rtol=1e-4)
    # one process writes, and says so
    told = [line for line in log.read_text().splitlines() if "epoch 3 of 3" in line]
    assert len(told) == 1
    assert "2 cores of the CPU" in log.read_text()


@pytest.mark.slow
def test_an_error_of_one_process_is_one_line(make, tmp_path, capfd):
    training = make(gpus=2)
    (tmp_path / "images/val/dark/3.png").write_bytes(b"nothing")  # which the second one reads
    with pytest.raises(AtlasError, match=r"^training arm-s1: \S+3\.png: unreadable[^\n]*$"):
        train_network(training, tmp_path / "run")
    lines = capfd.readouterr().err.splitlines()
    assert not [line for line in lines if not line.startswith("training arm-s1")]  # the bar


def test_more_gpus_than_there_are_is_one_line(make, tmp_path):
    with pytest.raises(AtlasError, match=r"^config: experiments.arm.gpus: 64, but torch finds \d"):
        train_network(make(gpus=64, device="cuda", batch_size=64), tmp_path)


@pytest.mark.slow
def test_a_killed_job_takes_its_processes_along_and_goes_on(make, start, tmp_path):
    training = make(gpus=2, epochs=20, batch_size=4)
    train_network(training, tmp_path / "undisturbed")
    job = start(training)
    log = tmp_path / "log"
    wait_for(lambda: log.exists() and "epoch 3 of 20" in log.read_text())
    processes = psutil.Process(job.pid).children(recursive=True)
    assert len(processes) >= 2
    job.kill()
    psutil.wait_procs(processes, timeout=60)
    assert not any(process.is_running() for process in processes)
    assert not (tmp_path / "run/history.tsv").exists()
    again = start(training)
    again.wait()
    assert again.returncode == 0
    assert "going on after epoch" in log.read_text()
    ours, theirs = (
        load_file(tmp_path / f"{name}/epoch_020.safetensors") for name in ("run", "undisturbed")
    )
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


@pytest.mark.slow
def test_a_job_that_is_told_to_end_does_so_with_its_processes(make, start, tmp_path):
    job = start(make(gpus=2, epochs=900, batch_size=4))
    log = tmp_path / "log"
    wait_for(lambda: log.exists() and "epoch 2 of 900" in log.read_text())
    processes = psutil.Process(job.pid).children(recursive=True)
    job.terminate()
    _, stderr = job.communicate(timeout=300)
    assert job.returncode == 128 + signal.SIGTERM
    assert "Traceback" not in stderr
    assert not any(process.is_running() for process in processes)


@pytest.mark.slow
def test_a_killed_process_ends_the_job_with_one_line(make, start, tmp_path):
    job = start(make(gpus=2, epochs=900, batch_size=4))
    log = tmp_path / "log"
    wait_for(lambda: log.exists() and "epoch 2 of 900" in log.read_text())
    second = next(
        process
        for process in psutil.Process(job.pid).children()
        if process.environ().get("RANK") == "1"
    )
    os.kill(second.pid, signal.SIGKILL)
    _, stderr = job.communicate(timeout=300)
    assert job.returncode == 1
    (line,) = [line for line in stderr.splitlines() if line.startswith("ERROR")]
    assert "training arm-s1: the process of GPU 1 was ended by SIGKILL" in line
    assert "Traceback" not in stderr
