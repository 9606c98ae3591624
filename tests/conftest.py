"""What unit tests share: made-up kernels, a store for them, real weights where there are any."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from kernel_atlas.sources.checkpoint import Layer
from kernel_atlas.store import write_model

REPOSITORY = Path(__file__).parents[1]


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
def slurm():
    """The SLURM of tests/slurm, or the test is skipped. Nothing runs on it afterwards."""
    from slurm_project import CLUSTER, ask_slurm, wait_for_no_job

    if CLUSTER not in ask_slurm("scontrol", "show", "config"):
        pytest.skip("there is no SLURM to test with: tests/slurm/up.sh brings one up")
    yield
    ask_slurm("scancel", "--user", str(os.getuid()))
    wait_for_no_job()


@pytest.fixture(scope="session")
def slurm_reference(slurm, tmp_path_factory):
    """The project of the tests on SLURM after a run on this machine. Not to be changed: copy it."""
    from slurm_project import TARGETS, write_project

    project = write_project(tmp_path_factory.mktemp("local"))
    run = project.snakemake(*TARGETS)
    assert run.returncode == 0, run.output
    return project
