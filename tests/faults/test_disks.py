"""A disk that fills up: a clear error, nothing half-written, and the end after space is made."""

import shutil
import subprocess

import pytest
from support.project import RESULTS, SHOWING, Project

pytestmark = pytest.mark.slow

CLASSES = [f"results/classes/{model}/k5.parquet" for model in ("train", "large")]
ENOUGH = 100 << 20  # bytes


def mount(*arguments):
    """Call mount; returns its error message, or nothing."""
    return subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True).stderr


class SmallDisk:
    """A tmpfs, whose size may change."""

    def __init__(self, folder):
        self.folder = folder

    def resize(self, size):
        assert not mount("-o", f"remount,size={size}", self.folder)

    def leave(self, size):
        """Make it so small that this many bytes are free."""
        self.resize(shutil.disk_usage(self.folder).used + size)


@pytest.fixture
def small_disk():
    """A function that mounts a tmpfs on a folder."""
    mounted = []

    def mount_on(folder):
        folder.mkdir(parents=True)
        refusal = mount("-t", "tmpfs", "-o", f"size={ENOUGH}", "none", folder)
        if refusal:
            pytest.skip(f"no tmpfs can be mounted here: {refusal.strip()}")
        mounted.append(folder)
        return SmallDisk(folder)

    yield mount_on
    for folder in mounted:
        subprocess.run(["umount", folder], check=True)


def write_project(folder):
    """One model to train on, and one that takes 18 MB in the store."""
    project = Project(folder, without=SHOWING)
    project.write_config(autoencoder={"sizes": [5], "epochs": 20}, kmeans={"sizes": []})
    train = project.write_weights("train.safetensors", [(5, 120)], seed=10)
    large = project.write_weights("large.pth", [(5, 60), (9, 60_000)], seed=20)
    project.write_sheet(("train", train, "train"), ("large", large, "classify"))
    return project


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The project after a run on a disk with space."""
    project = write_project(tmp_path_factory.mktemp("undisturbed"))
    run = project.snakemake()
    assert run.returncode == 0, run.output
    return project


def assert_no_space(run, start):
    """The run failed because files whose path starts so had no space."""
    assert run.returncode != 0
    assert any(line.startswith(f"ERROR: {start}") for line in run.errors), run.output
    assert all("no space left on its disk" in line for line in run.errors), run.output
    assert "Traceback" not in run.output


def assert_completes(project, undisturbed):
    """The next run ends with the same results."""
    run = project.snakemake()
    assert run.returncode == 0, run.output
    assert project.contents(*RESULTS) == undisturbed.contents(*RESULTS)
    assert "Nothing to be done" in project.snakemake().output


@pytest.mark.fault(
    "The disk of results/ fills up in an extraction, then in the training, then in the tables",
    holds="one line each that names the file, which is not there; with space made, the same tables",
)
def test_full_disk_of_results(small_disk, undisturbed, tmp_path):
    disk = small_disk(tmp_path / "results")
    project = write_project(tmp_path)

    disk.leave(4 << 20)
    run = project.snakemake("results/kernels.zarr/large/zarr.json")
    assert_no_space(run, "results/kernels.zarr/large ")
    assert not project.contents("kernels.zarr/large/**/*", "kernels.zarr.partial/**/*")
    disk.resize(ENOUGH)
    assert project.snakemake("--until", "extract_kernels").returncode == 0

    disk.leave(64 << 10)
    run = project.snakemake("results/autoencoder/k5/weights.safetensors")
    assert_no_space(run, "results/autoencoder/k5/")
    assert not [path for path in project.contents("autoencoder/k5/*") if "checkpoint" not in path]
    assert not list((tmp_path / "results").rglob("*partial*"))
    disk.resize(ENOUGH)
    others = ("results/chance.tsv", "results/tables/models.tsv")
    assert project.snakemake(*CLASSES, *others).returncode == 0

    disk.leave(0)
    assert_no_space(project.snakemake("results/tables/clustered.tsv"), "results/tables/")
    assert not project.contents("tables/clustered.tsv", "tables/.*")
    disk.resize(ENOUGH)
    assert_completes(project, undisturbed)


@pytest.mark.fault(
    "The disk of the whole project fills up, so that Snakemake cannot keep its records either",
    holds="Snakemake says so; with space made (and `make unlock`, if asked for), the same tables",
)
def test_full_disk_of_the_project(small_disk, undisturbed, tmp_path):
    disk = small_disk(tmp_path / "project")
    project = write_project(tmp_path / "project")
    assert project.snakemake(*CLASSES).returncode == 0
    for left in (16 << 10, 0):
        disk.leave(left)
        run = project.snakemake()
        assert run.returncode != 0
        assert "No space left on device" in run.output
    disk.resize(ENOUGH)
    if "Directory cannot be locked" in project.snakemake("--dry-run").output:
        assert project.snakemake("--unlock").returncode == 0
    assert_completes(project, undisturbed)
