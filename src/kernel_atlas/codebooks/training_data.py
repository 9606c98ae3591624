"""What a training depends on: its settings, and the kernels to train on and to hold out."""

import hashlib
from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Settings:
    """What one seed's result depends on, of `autoencoder` in config.yaml."""

    widths: tuple[int, ...]
    epochs: int
    batch_size: int
    learning_rate: float
    held_out: float
    seed: int
    refine_epochs: int = 0
    length_penalty: float = 0.0


class TrainingData:
    """The kernels to train on and the held-out ones: one draw for all seeds.

    Parameters
    ----------
    directions : ndarray of shape (n, k*k - 1), float32
        Unit vectors (`sphere.to_sphere`).
    settings : Settings
        Those of the first seed, which draws the held-out kernels.
    device : torch.device
    """

    def __init__(self, directions: np.ndarray, settings: Settings, device: torch.device) -> None:
        order = np.random.default_rng(settings.seed).permutation(len(directions))
        n_held_out = min(round(settings.held_out * len(directions)), len(directions) - 1)
        digest = hashlib.sha256(directions.tobytes())
        digest.update(repr((settings.held_out, settings.seed)).encode())
        self.fingerprint = digest.hexdigest()
        data = torch.from_numpy(directions[order]).to(device)
        self.held_out, self.train_set = data[:n_held_out], data[n_held_out:]
