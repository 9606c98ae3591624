"""Fixtures of the workflow tests."""

import pytest
from atlas_project import Project


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
    gamma = project.write_weights("gamma.pth.tar", [(5, 36), (7, 24)], seed=30)
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
