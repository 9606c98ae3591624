"""Quick trainings for tests: made-up kernels, few epochs, and what a run leaves."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from safetensors import safe_open
from safetensors.torch import load_file

from kernel_atlas.codebooks import trainer
from kernel_atlas.codebooks.seeds import train_autoencoder
from kernel_atlas.codebooks.training import Training
from kernel_atlas.codebooks.training_data import Settings
from kernel_atlas.family.templates import make_templates

SETTINGS = Settings(
    widths=(16, 8), epochs=3, batch_size=64, learning_rate=0.01, held_out=0.1, seed=1
)


def fit_in(parent, write_group, rng):
    """A function that trains on 300 noisy members of the DoG family and a dead kernel.

    There are 5x5 and 7x7 ones. It returns the folder of the outputs, under `parent`.
    """
    layers = []
    for name, size in (("a", 5), ("b", 7)):
        bank = np.array([kernel for _, kernel in make_templates(size)])
        kernels = bank[rng.integers(len(bank), size=300)] + rng.normal(0, 0.03, (300, size, size))
        layers.append((name, np.concatenate([kernels, np.zeros((1, size, size))])))
    group = write_group("net", layers)

    def fit(folder="run", size=5, n_seeds=2, threads=1, device="cpu", **changed):
        out = parent / folder
        settings = replace(SETTINGS, **changed)
        train_autoencoder([group], size, settings, n_seeds, threads, device, out)
        return out

    return fit


def contents(folder):
    """All that a run leaves: the bytes of each file, and weights by name."""
    weights = load_file(folder / "weights.safetensors")
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    return found | {"weights.safetensors": {k: v.tolist() for k, v in weights.items()}}


def history_of(folder):
    return pd.read_csv(folder / "history.tsv", sep="\t")


def codebooks_of(folder):
    with np.load(folder / "codebooks.npz") as found:
        return dict(found)


def settings_of(folder):
    with safe_open(folder / "weights.safetensors", framework="numpy") as file:
        return json.loads(file.metadata()["training"])


def kept_in(folder):
    """The kept seed, after checking that history, weights and codebooks agree on it."""
    seed = settings_of(folder)["seed"]
    history = history_of(folder)
    assert (history["kept"] == (history["seed"] == seed)).all()
    codebook = np.load(folder / "codebook.npy")
    equal = [key for key, each in codebooks_of(folder).items() if np.array_equal(each, codebook)]
    assert equal == [str(seed)]
    return seed


def in_each_epoch(monkeypatch, what):
    """Call `what` before each epoch, with the training and the epoch."""
    original = Training._train_epoch

    def wrapped(self, epoch):
        what(self, epoch)
        return original(self, epoch)

    monkeypatch.setattr(Training, "_train_epoch", wrapped)


def cut_off(monkeypatch, fit, after, **changed):
    """Train, but stop as if killed once the second seed has saved this many epochs."""

    def interrupt(run, epoch):
        if run.settings.seed == 2 and epoch > after:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "CHECKPOINT_SECONDS", 0)
        in_each_epoch(patch, interrupt)
        with pytest.raises(KeyboardInterrupt):
            fit(**changed)
