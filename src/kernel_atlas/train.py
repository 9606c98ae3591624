"""Train the autoencoder of one kernel size (Section 4.1)."""

import csv
import hashlib
import json
import logging
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from tqdm import tqdm

from kernel_atlas import sphere, versions
from kernel_atlas.autoencoder import Autoencoder
from kernel_atlas.codebook import N_CODES, SKIPPED
from kernel_atlas.errors import AtlasError
from kernel_atlas.files import replacing
from kernel_atlas.training_set import read_training_set

logger = logging.getLogger(__name__)

# The history gives the clustered percentage at both of the paper's thresholds,
# so that a changed threshold in config.yaml has no bearing on training.
HISTORY_THRESHOLDS = (0.2, 0.3)
HISTORY_CODES = 1000
HISTORY_KERNELS = 2000

CHECKPOINT_SECONDS = 5.0


@dataclass(frozen=True)
class Settings:
    """The settings of `autoencoder` in config.yaml that a result depends on."""

    widths: tuple[int, ...]
    epochs: int
    batch_size: int
    learning_rate: float
    held_out: float
    seed: int


def train_autoencoder(
    paths_to_groups: Sequence[str | Path],
    size: int,
    settings: Settings,
    device: str,
    path_to_weights: str | Path,
    path_to_codebook: str | Path,
    path_to_history: str | Path,
) -> None:
    """Train on all live kernels of one size, and write weights, codebook and history.

    Training goes on from a checkpoint beside the weights if an earlier run with
    the same settings and kernels was cut off, to the same result. Where there
    are no kernels of the size, the outputs are empty and a warning says so.

    Parameters
    ----------
    paths_to_groups : sequence of path
        The train models' groups in the store.
    size : int
        Kernel size k.
    settings : Settings
    device : str
        ``auto`` (the GPU when torch has one), ``cpu`` or ``cuda``.
    path_to_weights : path
        Written: safetensors, the settings in its metadata.
    path_to_codebook : path
        Written: .npy, float32 of shape (10000, k, k), unit norm, row i the code i / 9999.
    path_to_history : path
        Written: tab-separated, a row an epoch.
    """
    kernels = read_training_set(paths_to_groups, size)
    if not len(kernels):
        logger.warning("%dx%d: %s", size, size, SKIPPED)
        weights: dict[str, torch.Tensor] = {}
        codebook = np.zeros((0, size, size), np.float32)
        history: list[dict[str, float]] = []
    else:
        _make_deterministic()
        run = Training(sphere.to_sphere(kernels), settings, _device(device))
        checkpoint = Path(path_to_weights).with_name(f"checkpoint-{run.fingerprint}.pt")
        run.train(checkpoint, f"{size}x{size}")
        weights = {name: value.cpu() for name, value in run.model.state_dict().items()}
        codebook = sphere.from_sphere(run.codebook(N_CODES).cpu().numpy(), size)
        history = run.history
        if not np.isfinite(codebook).all():
            raise AtlasError(
                f"{size}x{size}: the training diverged (its last loss is {history[-1]['loss']:g}); "
                "lower autoencoder.learning_rate in config.yaml"
            )
    # one key: safetensors writes several in an order that changes from run to run
    facts = {"training": json.dumps({"kernel_size": size, **asdict(settings)})}
    with replacing(path_to_weights) as path:
        save_file(weights, path, metadata=facts)
    with replacing(path_to_history) as path:
        _write_history(history, path)
    with replacing(path_to_codebook) as path:
        np.save(path, codebook)
    for leftover in Path(path_to_weights).parent.glob("checkpoint-*.pt"):
        leftover.unlink()


class Training:
    """The state of one training: what a checkpoint holds, and the steps that change it."""

    def __init__(self, directions: np.ndarray, settings: Settings, device: torch.device) -> None:
        self.settings = settings
        digest = hashlib.sha256(directions.tobytes())
        digest.update(repr((settings, versions.TRAIN, device.type)).encode())
        self.fingerprint = digest.hexdigest()[:16]

        order = np.random.default_rng(settings.seed).permutation(len(directions))
        n_held_out = min(round(settings.held_out * len(directions)), len(directions) - 1)
        data = torch.from_numpy(directions[order]).to(device)
        self.held_out, self.train_set = data[:n_held_out], data[n_held_out:]

        torch.manual_seed(settings.seed)
        self.model = Autoencoder(directions.shape[1], settings.widths).to(device)
        self.optimizer = torch.optim.Adam(
            self.model.parameters(), lr=settings.learning_rate, fused=True
        )
        steps_per_epoch = -(-len(self.train_set) // settings.batch_size)
        self.scheduler = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer,
            max_lr=settings.learning_rate,
            total_steps=settings.epochs * steps_per_epoch,
            pct_start=0.1001,  # 0.1 of 10 steps is a rise of no length, which torch divides by
        )
        self.history: list[dict[str, float]] = []

    def train(self, checkpoint: Path, label: str) -> None:
        """Train to the last epoch, from the checkpoint if there is one."""
        if checkpoint.exists():
            self._restore(checkpoint)
            logger.info("going on after epoch %d of a run that was cut off", len(self.history))
        saved_at = time.monotonic()
        # a line now and then where stderr is a file, a live bar where it is a terminal
        interval = 0.2 if sys.stderr.isatty() else 15
        epochs = range(len(self.history) + 1, self.settings.epochs + 1)
        bar = tqdm(
            epochs, desc=f"training {label}", unit="epoch", initial=len(self.history),
            total=self.settings.epochs, mininterval=interval,
        )  # fmt: skip
        for epoch in bar:
            row = {"epoch": epoch, "loss": self._train_epoch(epoch), **self._evaluate()}
            self.history.append(row)
            bar.set_postfix(loss=f"{row['loss']:.3f}", refresh=False)
            logger.info("%s", ", ".join(f"{name} {value:.6g}" for name, value in row.items()))
            if time.monotonic() - saved_at > CHECKPOINT_SECONDS:
                self._save(checkpoint)
                saved_at = time.monotonic()

    def codebook(self, count: int) -> torch.Tensor:
        """The decoder at `count` even codes, as unit vectors of shape (count, k*k - 1)."""
        codes = torch.linspace(0, 1, count, device=self.train_set.device).unsqueeze(1)
        with torch.no_grad():
            return torch.nn.functional.normalize(self.model.decode(codes))

    def _train_epoch(self, epoch: int) -> float:
        """One pass over the training set in an order of its own; the mean loss."""
        # seeded by the epoch, so that a resumed run draws the same orders
        generator = torch.Generator().manual_seed(self.settings.seed * 1_000_003 + epoch)
        order = torch.randperm(len(self.train_set), generator=generator)
        total = torch.zeros((), device=self.train_set.device)
        for rows in order.to(self.train_set.device).split(self.settings.batch_size):
            batch = self.train_set[rows]
            loss = _loss(self.model(batch), batch)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.scheduler.step()
            total += loss.detach() * len(batch)
        return total.item() / len(self.train_set)

    def _evaluate(self) -> dict[str, float]:
        """Held-out loss, and clustered percentages of both parts, estimated on a share of each."""
        with torch.no_grad():
            held_out_loss = _loss(self.model(self.held_out), self.held_out).item()
        codebook = self.codebook(HISTORY_CODES)
        row = {"held_out_loss": held_out_loss}
        for part, data in (("train", self.train_set), ("held_out", self.held_out)):
            cosine = (data[:HISTORY_KERNELS] @ codebook.T).amax(dim=1)
            for threshold in HISTORY_THRESHOLDS:
                share = (1 - cosine < threshold).double().mean().item()
                row[_percent_column(part, threshold)] = 100 * share
        return row

    def _save(self, path: Path) -> None:
        with replacing(path) as partial:
            torch.save({name: part.state_dict() for name, part in self._parts().items()}
                       | {"history": self.history}, partial)  # fmt: skip

    def _restore(self, path: Path) -> None:
        state = torch.load(path, map_location=self.train_set.device, weights_only=True)
        for name, part in self._parts().items():
            part.load_state_dict(state[name])
        self.history = state["history"]

    def _parts(self) -> dict[str, Any]:
        return {"model": self.model, "optimizer": self.optimizer, "scheduler": self.scheduler}


def _loss(reconstruction: torch.Tensor, kernels: torch.Tensor) -> torch.Tensor:
    """Mean of 1 - cosine; in the hyperplane's basis that is the mean-centred cosine (4.1)."""
    return (1 - torch.nn.functional.cosine_similarity(reconstruction, kernels)).mean()


def _make_deterministic() -> None:
    """The same result for any number of cores granted, and again on the same GPU."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)  # sums split over threads round differently; the net is small


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise AtlasError("config: autoencoder.device: 'cuda', but torch has no GPU here; use auto")
    logger.info("training on %s", torch.cuda.get_device_name() if name == "cuda" else name)
    return torch.device(name)


def _percent_column(part: str, threshold: float) -> str:
    return f"{part}_clustered_percent_{threshold}"


def _write_history(history: list[dict[str, float]], path: Path) -> None:
    percents = [
        _percent_column(part, threshold)
        for part in ("train", "held_out")
        for threshold in HISTORY_THRESHOLDS
    ]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(
            file, ["epoch", "loss", "held_out_loss", *percents], delimiter="\t", lineterminator="\n"
        )
        writer.writeheader()
        for row in history:
            writer.writerow({name: f"{value:.6g}" for name, value in row.items()})
