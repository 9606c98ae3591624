"""Training: its outputs, that a seed decides them, and that a cut-off run goes on to the same."""

import json
import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from kernel_atlas import train
from kernel_atlas.autoencoder import Autoencoder
from kernel_atlas.codebook import SKIPPED
from kernel_atlas.errors import AtlasError
from kernel_atlas.family import templates
from kernel_atlas.sphere import to_sphere
from kernel_atlas.train import Settings, train_autoencoder

SETTINGS = Settings(
    widths=(16, 8), epochs=3, batch_size=64, learning_rate=0.01, held_out=0.1, seed=1
)
HISTORY = [
    "epoch", "loss", "held_out_loss",
    "train_clustered_percent_0.2", "train_clustered_percent_0.3",
    "held_out_clustered_percent_0.2", "held_out_clustered_percent_0.3",
]  # fmt: skip


@pytest.fixture
def group(write_group, rng):
    """300 noisy members of the DoG family, and a dead kernel."""
    bank = np.array([kernel for _, kernel in templates(5)])
    kernels = bank[rng.integers(len(bank), size=300)] + rng.normal(0, 0.03, (300, 5, 5))
    return write_group("net", [("a", np.concatenate([kernels, np.zeros((1, 5, 5))]))])


@pytest.fixture
def fit(group, tmp_path):
    """A function that trains and gives the folder with the outputs."""

    def run(folder="run", size=5, **changed):
        out = tmp_path / folder
        train_autoencoder(
            [group],
            size,
            replace(SETTINGS, **changed),
            "cpu",
            out / "weights.safetensors",
            out / "codebook.npy",
            out / "history.tsv",
        )
        return out

    return run


def contents(folder):
    """All that a run leaves: bytes of codebook and history, and weights by name."""
    weights = load_file(folder / "weights.safetensors")
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    return found | {"weights.safetensors": {k: v.tolist() for k, v in weights.items()}}


def history_of(folder):
    return pd.read_csv(folder / "history.tsv", sep="\t")


def cut_off(monkeypatch, fit, after, **changed):
    """Train, but end as if killed once the given number of epochs is checkpointed."""
    original = train.Training._train_epoch

    def interrupted(self, epoch):
        if epoch > after:
            raise KeyboardInterrupt
        return original(self, epoch)

    with monkeypatch.context() as patch:
        patch.setattr(train, "CHECKPOINT_SECONDS", 0)
        patch.setattr(train.Training, "_train_epoch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fit(**changed)


def test_outputs(fit):
    out = fit()
    assert set(contents(out)) == {"weights.safetensors", "codebook.npy", "history.tsv"}
    codebook = np.load(out / "codebook.npy")
    assert (codebook.shape, codebook.dtype) == ((10_000, 5, 5), np.float32)
    np.testing.assert_allclose(np.linalg.norm(codebook.reshape(-1, 25), axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(codebook.sum(axis=(1, 2)), 0, atol=1e-5)
    history = history_of(out)
    assert list(history.columns) == HISTORY
    assert history["epoch"].tolist() == [1, 2, 3]
    assert history.notna().all(axis=None)
    assert ((history[HISTORY[3:]] >= 0) & (history[HISTORY[3:]] <= 100)).all(axis=None)
    assert (history[HISTORY[3::2]].to_numpy() <= history[HISTORY[4::2]].to_numpy()).all()


def test_the_weights_give_the_codebook(fit):
    out = fit()
    model = Autoencoder(24, SETTINGS.widths)
    model.load_state_dict(load_file(out / "weights.safetensors"))
    with torch.no_grad():
        decoded = model.decode(torch.linspace(0, 1, 10_000).unsqueeze(1))
    decoded = torch.nn.functional.normalize(decoded).numpy()
    found = to_sphere(np.load(out / "codebook.npy"))
    np.testing.assert_allclose(found, decoded, atol=1e-5)
    with safe_open(out / "weights.safetensors", framework="numpy") as file:
        training = json.loads(file.metadata()["training"])
    assert (training["kernel_size"], training["epochs"]) == (5, 3)


def test_the_autoencoder_mirrors_its_encoder(rng):
    model = Autoencoder(48, (32, 16, 8))
    shapes = [
        [tuple(m.weight.shape)[::-1] for m in part if isinstance(m, torch.nn.Linear)]
        for part in (model.encoder, model.decoder)
    ]
    assert shapes == [
        [(48, 32), (32, 16), (16, 8), (8, 1)],
        [(1, 8), (8, 16), (16, 32), (32, 48)],
    ]
    kernels = torch.from_numpy(to_sphere(rng.normal(size=(9, 7, 7))))
    with torch.no_grad():
        codes, decoded = model.encode(kernels), model(kernels)
    assert codes.shape == (9, 1)
    assert decoded.shape == kernels.shape
    assert 0 <= codes.min() <= codes.max() <= 1


def test_the_loss_falls_and_kernels_become_clustered(fit):
    history = history_of(fit(epochs=40))
    first, last = history.iloc[0], history.iloc[-1]
    assert last["loss"] < 0.6 * first["loss"]
    assert last["held_out_loss"] < 0.7 * first["held_out_loss"]
    assert last["train_clustered_percent_0.3"] > first["train_clustered_percent_0.3"] + 20


def test_a_seed_decides_the_result(fit):
    first, again, other = fit("first"), fit("again"), fit("other", seed=2)
    assert contents(first) == contents(again)
    assert contents(first)["codebook.npy"] != contents(other)["codebook.npy"]


@pytest.mark.parametrize("after", [1, 2])
def test_a_cut_off_run_goes_on_to_the_same_result(fit, monkeypatch, caplog, after):
    undisturbed = fit("undisturbed")
    cut_off(monkeypatch, fit, after, folder="resumed")
    left = [path.name for path in (undisturbed.parent / "resumed").iterdir()]
    assert len(left) == 1, "a checkpoint and nothing that looks finished"
    assert left[0].startswith("checkpoint-")
    with caplog.at_level(logging.INFO):
        resumed = fit("resumed")
    assert f"going on after epoch {after}" in caplog.text
    assert contents(resumed) == contents(undisturbed)


@pytest.mark.parametrize("changed", [{"seed": 2}, {"learning_rate": 0.02}, {"epochs": 4}])
def test_a_checkpoint_of_other_settings_is_not_used(fit, monkeypatch, caplog, changed):
    expected = fit("undisturbed", **changed)
    cut_off(monkeypatch, fit, 2, folder="run")
    with caplog.at_level(logging.INFO):
        out = fit("run", **changed)
    assert "going on" not in caplog.text
    assert contents(out) == contents(expected)


def test_a_checkpoint_of_other_kernels_is_not_used(fit, monkeypatch, caplog, write_group, rng):
    cut_off(monkeypatch, fit, 2, folder="run")
    write_group("net", [("a", rng.normal(size=(300, 5, 5)))])
    with caplog.at_level(logging.INFO):
        fit("run")
    assert "going on" not in caplog.text


def test_a_training_that_diverges_leaves_no_result(fit, tmp_path):
    with pytest.raises(
        AtlasError, match=r"5x5: the training diverged .*autoencoder\.learning_rate"
    ):
        fit(learning_rate=1e30)
    assert not list((tmp_path / "run").glob("*.npy"))


def test_no_kernels_of_the_size(fit, caplog):
    with caplog.at_level(logging.WARNING):
        out = fit(size=9)
    assert f"9x9: {SKIPPED}" in caplog.text
    assert np.load(out / "codebook.npy").shape == (0, 9, 9)
    assert load_file(out / "weights.safetensors") == {}
    history = history_of(out)
    assert (list(history.columns), len(history)) == (HISTORY, 0)


def test_nothing_held_out(fit):
    history = history_of(fit(held_out=0))
    assert history["loss"].notna().all()
    assert history[[name for name in HISTORY if name.startswith("held_out")]].isna().all(axis=None)


@pytest.mark.parametrize("epochs", [1, 2, 10, 20])
def test_any_number_of_steps(fit, epochs):
    """Among them 10, with one step an epoch: the schedule's rise then has no length."""
    assert len(history_of(fit(epochs=epochs, batch_size=512))) == epochs


def test_a_device_that_torch_lacks_is_refused_by_name(group, tmp_path):
    if torch.cuda.is_available():
        pytest.skip("torch has a GPU here")
    with pytest.raises(AtlasError, match=r"autoencoder\.device.*cuda"):
        train_autoencoder([group], 5, SETTINGS, "cuda", *(tmp_path / name for name in "wch"))
