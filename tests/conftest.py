"""What unit tests share: made-up kernels, a store for them, real weights where there are any."""

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
