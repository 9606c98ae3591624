"""Fixtures of the workflow tests."""

import pytest
from atlas_project import Project
from standin_hub import StandInHub, environment
from wired_project import make_project


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.parent.name == "workflow":
            item.add_marker(pytest.mark.workflow)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
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
def project(finished, tmp_path):
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
def wired(shared_hub, tmp_path_factory):
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
