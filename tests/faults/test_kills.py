"""A killed job leaves nothing that looks finished, and the next run completes the work.

Each test disturbs the remaking of results that a finished run has written. This is the harder
case, since the tables of that run are still there.
"""

import os

import psutil
import pytest
import zarr
from support.processes import kill_tree
from support.project import RESULTS, SHOWING, Project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A finished project whose jobs last long enough to be killed half-way."""
    project = Project(tmp_path_factory.mktemp("undisturbed"), without=SHOWING)
    project.write_config(autoencoder={"sizes": [5], "epochs": 60, "batch_size": 64})
    train = project.write_weights("train.safetensors", [(3, 60), (5, 600)], seed=10)
    # 9x9 kernels are stored but not classified, so that only extraction takes long
    large = project.write_weights("large.pth", [(3, 24), (5, 6000), (9, 200_000)], seed=20)
    project.write_sheet(("train", train, "train"), ("large", large, "classify"))
    run = project.snakemake()
    assert run.returncode == 0, run.output
    return project


@pytest.fixture
def project(undisturbed, tmp_path):
    """A copy of the finished project, to be disturbed."""
    return undisturbed.copy(tmp_path)


def unlock(project):
    """What `make unlock` does, after a run was refused."""
    assert "Directory cannot be locked" in project.snakemake().output
    assert project.snakemake("--unlock").returncode == 0


def assert_completes_as(project, undisturbed, *jobs):
    """A plain run does these jobs among others, and ends with the undisturbed results."""
    run = project.snakemake()
    assert run.returncode == 0, run.output
    assert set(jobs) <= set(run.jobs)
    assert project.contents(*RESULTS) == undisturbed.contents(*RESULTS)
    assert not list((project / "results").rglob("*partial*"))
    assert "Nothing to be done" in project.snakemake().output


@pytest.mark.fault(
    "SIGKILL of an extraction while it writes the kernels",
    holds="the model is not in the store; the next run ends with the same tables",
)
def test_kill_in_extraction(project, undisturbed):
    os.utime(project / "weights/large.pth")
    group = project / "results/kernels.zarr/large"
    partial = project / "results/kernels.zarr.partial/large"
    run = project.kill_job("extract_kernels.py", lambda _: partial.exists())
    assert run.returncode != 0
    assert partial.exists()  # it was killed half-way
    assert not group.exists()
    store = zarr.open_group(group.parent, mode="r")
    assert sorted(store.group_keys()) == ["train"]
    assert_completes_as(project, undisturbed, "extract_kernels/large")


AGAIN = ("--forcerun", "results/classes/large/k5.parquet")


def is_classifying(project):
    """Whether the 3x3 kernels are classified, and those of 5x5 are being classified."""
    log = project / "results/logs/classify_kernels/large.log"
    text = log.read_text() if log.exists() else ""
    return "3x3: " in text and "5x5: " not in text


@pytest.mark.fault(
    "SIGKILL of a classification between two sizes",
    holds="no class table of that model; the next run ends with the same tables",
)
def test_kill_in_classification(project, undisturbed):
    (project / "results/logs/classify_kernels/large.log").unlink()
    run = project.kill_job("classify_kernels.py", lambda _: is_classifying(project), *AGAIN)
    assert run.returncode != 0
    assert not list((project / "results/classes/large").glob("*.*"))
    assert_completes_as(project, undisturbed, "classify_kernels/large", "summarise_classes")


@pytest.mark.fault(
    "SIGKILL of snakemake and all its jobs, as by a power cut",
    holds="`make unlock` and the next run end with the same tables",
)
def test_kill_of_snakemake_and_its_jobs(project, undisturbed):
    folder = project / "results/classes/large"
    (project / "results/logs/classify_kernels/large.log").unlink()
    project.run_until(
        "classify_kernels.py",
        lambda _: is_classifying(project),
        lambda snakemake, _: kill_tree(snakemake.pid),
        *AGAIN,
    )
    # a complete file of an incomplete job: the next run must not take it for finished
    assert (folder / "k3.parquet").exists()
    assert not (folder / "k5.parquet").exists()
    unlock(project)
    assert_completes_as(project, undisturbed, "classify_kernels/large", "summarise_classes")


@pytest.mark.fault(
    "SIGKILL of snakemake, but not of its job",
    holds="the job ends too; `make unlock` and the next run end with the same tables",
)
def test_kill_of_snakemake_alone(project, undisturbed):
    log = project / "results/logs/train_autoencoder/k5.log"
    log.unlink()

    def kill(snakemake, job):
        snakemake.kill()
        assert psutil.wait_procs([job], timeout=60)[1] == []

    run = project.run_until(
        "train_autoencoder.py",
        lambda _: log.exists() and "epoch 3," in log.read_text(),
        kill,
        *("--forcerun", "train_autoencoder"),
    )
    assert run.returncode != 0
    assert "snakemake is gone" in log.read_text().splitlines()[-1]
    assert not list((project / "results/autoencoder/k5").glob("*.npy"))
    unlock(project)
    assert_completes_as(project, undisturbed, "train_autoencoder/k5", "summarise_classes")
