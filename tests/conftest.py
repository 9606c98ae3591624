"""What tests share: made-up kernels, real weights where there are any, projects, options."""

import os
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from support.hub import StandInHub, environment
from support.project import REPOSITORY, Project
from support.watch import watched
from support.wired import WITHOUT, make_project

from kernel_atlas.checkpoints.layer import Layer
from kernel_atlas.extraction.writing import write_model


def pytest_addoption(parser):
    group = parser.getgroup("kernel atlas")
    group.addoption("--full", action="store_true", help="faults in their full form: hours")
    group.addoption("--faults-table", help="write the outcomes of tests/faults to this file")


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
def finished(tmp_path_factory, worker_id) -> Project:
    """A project after its first run, with the Run as `first`. Not to be changed: copy it.

    All workers share it, and the jobs of its first run were watched (`support.watch`).
    """
    folder = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        folder = folder.parent
    record = folder / "finished.pickle"
    with FileLock(folder / "finished.lock"):
        if not record.exists():
            record.write_bytes(pickle.dumps(_finish(folder)))
    project = pickle.loads(record.read_bytes())
    assert project.first.returncode == 0, project.first.output
    return project


def _finish(folder: Path) -> Project:
    project = Project(folder / "finished", watched(os.environ, folder / "watch"))
    project.write_config()
    alpha = project.write_weights("alpha.safetensors", [(3, 60), (5, 120), (7, 120)], seed=10)
    beta = project.write_weights("beta.pth", [(5, 60), (3, 60), (5, 60), (7, 60)], seed=20)
    gamma = project.write_weights("gamma.pth.tar", [(5, 36), (7, 24)], seed=30, n_dead=2)
    project.write_sheet(
        ("alpha", alpha, "train"), ("beta", beta, "train"), ("gamma", gamma, "classify")
    )
    project.first = project.snakemake()
    project.environment = None
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
def fresh(shared_hub, tmp_path_factory) -> Project:
    """A project over the stand-in hub that has never run. Not to be changed: copy it.

    It has the weights by model as `served`, and `files`, a folder for more of what is served.
    """
    folder = tmp_path_factory.mktemp("fresh")
    variables = environment(shared_hub, folder / "home")
    project = Project(folder / "project", variables, without=WITHOUT)
    project.files = folder / "files"
    project.files.mkdir()
    project.served = make_project(project, shared_hub, project.files)
    return project


@pytest.fixture(scope="session")
def wired(fresh, shared_hub, tmp_path_factory) -> Project:
    """The same project after its first run. Not to be changed: copy it.

    It also has the Run as `first` and the `requests` that it made. Its jobs were watched.
    """
    folder = tmp_path_factory.mktemp("wired")
    project = fresh.copy(folder / "project")
    project.environment = watched(fresh.environment, folder / "watch")
    project.files, project.served = fresh.files, fresh.served
    shared_hub.reset_counts()
    project.first = project.snakemake()
    project.requests = shared_hub.requests
    project.environment = fresh.environment
    assert project.first.returncode == 0, project.first.output
    return project
