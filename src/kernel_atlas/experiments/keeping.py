"""What a training keeps on disk: the weights of some epochs, and its unfinished state's name."""

import hashlib
import json
from pathlib import Path

import timm
import torch
from safetensors.torch import save_file
from torch import nn

from kernel_atlas import versions
from kernel_atlas.atomic import replacing
from kernel_atlas.experiments.arms import Training


def keep_weights(
    model: nn.Module, training: Training, epoch: int, n_classes: int, chance: float, path: Path
) -> None:
    """Write the weights after an epoch, and what `train_network` says of their metadata."""
    facts = {
        "arm": training.arm.name,
        "seed": training.seed,
        "epoch": epoch,
        "network": training.arm.network_text,
        "classes": n_classes,
        "chance": chance,
    }
    # one key, because safetensors writes several in an order that changes from run to run
    metadata = {"training": json.dumps(facts)}
    weights = {name: tensor.cpu().contiguous() for name, tensor in model.state_dict().items()}
    with replacing(path) as partial:
        save_file(weights, partial, metadata)


def find_fingerprint(
    training: Training, n_images: int, device: torch.device, model: nn.Module
) -> str:
    """Of all that the result depends on, the weights at the start with it."""
    facts = (
        (training.arm.settings, training.seed, n_images),
        (versions.TRAIN_NETWORK, timm.__version__, torch.__version__, device.type),
    )
    found = hashlib.sha256(repr(facts).encode())
    for tensor in model.state_dict().values():
        found.update(tensor.numpy().tobytes())
    return found.hexdigest()[:16]
