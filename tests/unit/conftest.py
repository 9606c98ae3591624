"""What unit tests share: a stand-in hub, a checkpoint for it, its way into the store."""

import csv
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from support.checkpoints import write_safetensors
from support.hub import StandInHub, client_in_process
from support.misbehaviour import short_body, status

from kernel_atlas.checkpoints.choice import Choice
from kernel_atlas.errors import AtlasError
from kernel_atlas.extraction.extract import Downloads, extract_kernels
from kernel_atlas.extraction.store import read_kernels

ADDRESS = "/releases/net.pth"  # of a pickle on the stand-in hub


@pytest.fixture(autouse=True)
def pickles_in_process(request, monkeypatch) -> None:
    """Read pickles in this process, which has torch already, except in test_process.py."""
    if request.path.name != "test_process.py":
        from kernel_atlas.checkpoints import process

        monkeypatch.setattr(process, "read_in_process", process.read_file)


@dataclass
class Checkpoint:
    """A file and its depthwise kernels by layer, in the order expected from reading."""

    path: Path
    kernels: dict[str, np.ndarray]


@pytest.fixture
def hub(tmp_path):
    """A stand-in hub that this process's huggingface_hub turns to."""
    with StandInHub() as hub, client_in_process(hub, tmp_path / "home"):
        yield hub


@pytest.fixture
def waits(monkeypatch) -> list[float]:
    """The seconds that would have been waited: nothing waits, so that failures are fast."""
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", lambda seconds: seconds and waits.append(seconds))
    return waits


@pytest.fixture
def checkpoint(tmp_path, rng) -> Checkpoint:
    """A .safetensors file of 32 MB, a hole except for three layers, two of them neighbours."""
    shapes = {"blocks.2.dw": (64, 7, 7), "blocks.10.dw": (32, 5, 5), "stages.0.dw": (16, 3, 3)}
    kernels = {
        name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()
    }
    tensors = {
        f"{name}.weight": ("F32", (len(array), 1, *array.shape[1:]), array)
        for name, array in kernels.items()
    }
    tensors["head.weight"] = ("F32", (8_000, 1_000), None)
    path = tmp_path / "made_up.safetensors"
    write_safetensors(path, tensors)
    return Checkpoint(path, kernels)


@pytest.fixture
def pickle(checkpoint, tmp_path) -> SimpleNamespace:
    """The same kernels as a pickle of 8 MB: its path, its bytes and their SHA-256."""
    import torch

    weights = {f"{n}.weight": torch.from_numpy(k)[:, None] for n, k in checkpoint.kernels.items()}
    path = tmp_path / "made_up.pth"
    torch.save(weights | {"head.weight": torch.zeros(2_000, 1_000)}, path)
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    return SimpleNamespace(path=path, content=content, sha256=sha256)


class Extraction:
    """Runs `extract_kernels` for the model net_a of a store."""

    def __init__(self, folder: Path) -> None:
        self.group = folder / "kernels.zarr" / "net_a"
        self.downloads = folder / "downloads"

    def run(
        self,
        source: str,
        sha256="",
        regular=(),
        architectures=(),
        limit_mb=1000,
        keep=False,
        **choice: str,
    ) -> dict:
        """The group's attributes."""
        extract_kernels(
            model="net_a",
            source=source,
            sha256=sha256,
            choice=Choice(**choice),
            stamp="",
            paths_to_architectures=architectures,
            regular=regular,
            downloads=Downloads(self.downloads, limit_mb, keep),
            path_to_group=self.group,
        )
        return json.loads((self.group / "zarr.json").read_bytes())["attributes"]

    def stop_half_way(self, hub: StandInHub, source: str, fault=short_body) -> None:
        """Make a download fail with half of the file on this machine."""
        hub.misbehave(ADDRESS, fault, times=1)
        hub.misbehave(ADDRESS, status(404))
        assert "net.pth: the server answered 404" in self.refusal(source)
        assert self.left == ["net.pth.etag", "net.pth.partial"]
        hub.behave()
        hub.reset_counts()

    @property
    def left(self) -> list[str]:
        """The files in the folder of downloads, without the prefix for their address."""
        return sorted(path.name[9:] for path in self.downloads.glob("*"))

    def check(self, kernels: dict[str, np.ndarray]) -> None:
        """Assert that the store holds exactly these kernels, bit-equal, by layer in this order."""
        first = read_kernels(self.group, 3)
        assert first.layer_names == list(kernels)
        for size in {info.kernel_size for info in first.layers}:
            found = read_kernels(self.group, size)
            for info in found.layers:
                if info.kernel_size == size:
                    own = found.kernels[found.layer == info.index]
                    np.testing.assert_array_equal(own, kernels[info.name])

    def refusal(self, source: str, **options) -> str:
        """The one line with which an extraction fails, leaving nothing in the store."""
        with pytest.raises(AtlasError) as caught:
            self.run(source, **options)
        message = str(caught.value)
        assert message.startswith("model net_a: ")
        assert len(message.splitlines()) == 1
        assert "Signature" not in message  # of a signed address, which opens the file
        assert not self.group.exists()
        assert not self.group.parent.with_name("kernels.zarr.partial").exists()
        return message


@pytest.fixture
def extraction(tmp_path) -> Extraction:
    """Extraction into a store in `tmp_path`, downloads beside it."""
    return Extraction(tmp_path)


@pytest.fixture(scope="session")
def registry_rows(repository) -> list[dict[str, str]]:
    """The verified facts about the paper's models; without them the test is skipped."""
    path = repository.parent / "shared/registry/models.tsv"
    if not path.is_file():
        pytest.skip("no facts to compare with: ../shared/registry/models.tsv is absent")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.fixture
def source(hub, pickle) -> str:
    """The pickle at a plain address."""
    hub.add_file(ADDRESS, pickle.path)
    return hub.url + ADDRESS


@pytest.fixture
def serve(hub, checkpoint) -> Callable[..., str]:
    """A function that puts the checkpoint into a repository and gives its source."""

    def serve(name="model.safetensors", repo="timm/a_model.a_tag", path=None, **options) -> str:
        hub.add_repo_file(repo, name, path or checkpoint.path, **options)
        return f"hf:{repo}"

    return serve
