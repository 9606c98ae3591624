"""The command in this process, an atlas and a network for it."""

import numpy as np
import pytest
from safetensors.numpy import save_file
from support.atlases import Command, make_atlas


@pytest.fixture
def command(monkeypatch, capsys):
    """The command, called in this process; sizes without codes ask for little of chance."""
    monkeypatch.setattr("kernel_atlas.classes.controls.N_CHANCE", 50)
    return Command(monkeypatch, capsys)


@pytest.fixture
def atlas(rng, tmp_path):
    """A small atlas in a file."""
    make_atlas(rng).save(tmp_path / "my.atlas")
    return tmp_path / "my.atlas"


@pytest.fixture
def network(rng, tmp_path):
    """A checkpoint of 3x3, 5x5 and 7x7 kernels, with a weight in doubt."""
    weights = {
        "a.dw.weight": rng.normal(size=(12, 1, 5, 5)),
        "b.dw.weight": rng.normal(size=(8, 1, 3, 3)),
        "c.dw.weight": rng.normal(size=(4, 1, 7, 7)),
        "d.dw.weight": rng.normal(size=(4, 1, 1, 7)),
    }
    path = tmp_path / "net.safetensors"
    save_file({name: array.astype(np.float32) for name, array in weights.items()}, path)
    return path
