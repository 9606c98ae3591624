"""What tests share: made-up kernels, real weights where there are any, projects, options."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from support.hub import StandInHub, environment
from support.project import Project
from support.slurm import CLUSTER, TARGETS, ask_slurm, wait_for_no_job, write_project
from support.wired import make_project
from xdist.scheduler import LoadScopeScheduling

from kernel_atlas.checkpoints.layer import Layer
from kernel_atlas.extraction.store import write_model

REPOSITORY = Path(__file__).parents[1]


def pytest_addoption(parser):
    group = parser.getgroup("kernel atlas")
    group.addoption("--full", action="store_true", help="faults in their full form: hours")
    group.addoption(
        "--write-faults", action="store_true",
        help="write the outcomes into docs/reliability.md; with the path tests/faults",
    )  # fmt: skip


def pytest_collection_modifyitems(items):
    """Tests on SLURM, which mostly wait, come first, and those without snakemake last."""
    items.sort(key=lambda item: ("slurm" not in item.path.stem, item.path.parent.name == "unit"))


class FilesTogether(LoadScopeScheduling):
    """Of several workers a file goes to one, and all that use SLURM to the same."""

    def _split_scope(self, nodeid):
        file = nodeid.partition("::")[0]
        return "slurm" if "slurm" in file else file


def pytest_xdist_make_scheduler(config, log):
    return FilesTogether(config, log)


@pytest.fixture(scope="session")
def full(request) -> bool:
    """Whether a test that has a short and a full form is to take its full one."""
    return request.config.getoption("full")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout."""
    return REPOSITORY


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with the same seed for every test."""
    return np.random.default_rng(0)


@pytest.fixture
def write_group(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a model of the given layers into a store in `tmp_path`."""

    def write(model: str, layers: Sequence[tuple[str, np.ndarray]]) -> Path:
        group = tmp_path / "kernels.zarr" / model
        write_model(
            group, [Layer(name, k.astype(np.float32)) for name, k in layers], {"model": model}
        )
        return group

    return write


@pytest.fixture(scope="session")
def real_weights() -> Callable[[str], Path]:
    """A function that finds a file of real kernels beside the checkout, or skips the test."""

    def find(name: str) -> Path:
        path = REPOSITORY.parent / "shared" / "weights" / f"{name}.safetensors"
        if not path.is_file():
            pytest.skip(f"no real kernels here: ../shared/weights/{path.name} is absent")
        return path

    return find


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Project:
    """A project after its first run, with the Run as `first`. Not to be changed: copy it."""
    project = Project(tmp_path_factory.mktemp("finished"))
    project.write_config()
    alpha = project.write_weights("alpha.safetensors", [(3, 60), (5, 120), (7, 120)], seed=10)
    beta = project.write_weights("beta.pth", [(5, 60), (3, 60), (5, 60), (7, 60)], seed=20)
    gamma = project.write_weights("gamma.pth.tar", [(5, 36), (7, 24)], seed=30, n_dead=2)
    project.write_sheet(
        ("alpha", alpha, "train"), ("beta", beta, "train"), ("gamma", gamma, "classify")
    )
    project.first = project.snakemake()
    assert project.first.returncode == 0, project.first.output
    return project


@pytest.fixture
def project(finished, tmp_path) -> Project:
    """A copy of the finished project, to change and run again."""
    return finished.copy(tmp_path)


@pytest.fixture(scope="session")
def shared_hub():
    """The stand-in hub of all tests: use `hub`."""
    with StandInHub() as hub:
        yield hub


@pytest.fixture
def hub(shared_hub):
    """The stand-in hub, with counts at zero and well behaved."""
    shared_hub.reset_counts()
    yield shared_hub
    shared_hub.behave()


@pytest.fixture(scope="session")
def wired(shared_hub, tmp_path_factory) -> Project:
    """A finished project over the stand-in hub. Not to be changed: copy it.

    It has the Run as `first`, the weights by model as `served`, the `requests` that it made,
    and `files`, a folder for more of what is served.
    """
    folder = tmp_path_factory.mktemp("wired")
    project = Project(folder / "project", environment(shared_hub, folder / "home"))
    project.files = folder / "files"
    project.files.mkdir()
    project.served = make_project(project, shared_hub, project.files)
    shared_hub.reset_counts()
    project.first = project.snakemake()
    project.requests = shared_hub.requests
    assert project.first.returncode == 0, project.first.output
    return project


@pytest.fixture(scope="session")
def slurm():
    """The SLURM of tests/slurm, or the test is skipped. Nothing runs on it afterwards."""
    if CLUSTER not in ask_slurm("scontrol", "show", "config"):
        pytest.skip("there is no SLURM to test with: tests/slurm/up.sh brings one up")
    yield
    ask_slurm("scancel", "--user", str(os.getuid()))
    wait_for_no_job()


@pytest.fixture(scope="session")
def slurm_reference(slurm, tmp_path_factory):
    """The project of the tests on SLURM after a run on this machine. Not to be changed: copy it."""
    project = write_project(tmp_path_factory.mktemp("local"))
    run = project.snakemake(*TARGETS)
    assert run.returncode == 0, run.output
    return project
