"""Training one seed: its outputs, that the seed decides them, and that a cut-off run goes on."""

import logging

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from support.training import (
    SETTINGS,
    codebooks_of,
    contents,
    cut_off,
    fit_in,
    history_of,
    settings_of,
)

from kernel_atlas.codebooks.autoencoder import Autoencoder
from kernel_atlas.codebooks.codebook import SKIPPED
from kernel_atlas.codebooks.history import COLUMNS
from kernel_atlas.errors import AtlasError
from kernel_atlas.sphere import to_sphere

PERCENTS = [name for name in COLUMNS if "percent" in name]


@pytest.fixture
def fit(write_group, rng, tmp_path):
    """A function that trains and returns the folder of the outputs."""
    return fit_in(tmp_path, write_group, rng)


def test_the_autoencoder_mirrors_its_encoder(rng):
    model = Autoencoder(48, (32, 16, 8))
    shapes = [
        [tuple(m.weight.shape)[::-1] for m in part if isinstance(m, torch.nn.Linear)]
        for part in (model.encoder, model.decoder)
    ]
    assert shapes[0] == [(48, 32), (32, 16), (16, 8), (8, 1)]
    assert shapes[1] == [(1, 8), (8, 16), (16, 32), (32, 48)]
    kernels = torch.from_numpy(to_sphere(rng.normal(size=(9, 7, 7))))
    with torch.no_grad():
        codes, decoded = model.encode(kernels), model(kernels)
    assert codes.shape == (9, 1)
    assert decoded.shape == kernels.shape
    assert 0 <= codes.min() <= codes.max() <= 1


def test_outputs(fit):
    out = fit()
    names = {"weights.safetensors", "codebook.npy", "codebooks.npz", "history.tsv"}
    assert set(contents(out)) == names
    codebook = np.load(out / "codebook.npy")
    assert (codebook.shape, codebook.dtype) == ((10_000, 5, 5), np.float32)
    np.testing.assert_allclose(np.linalg.norm(codebook.reshape(-1, 25), axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(codebook.sum(axis=(1, 2)), 0, atol=1e-5)
    history = history_of(out)
    assert list(history) == COLUMNS
    assert history["seed"].tolist() == [1, 1, 1, 2, 2, 2]
    assert history["epoch"].tolist() == [1, 2, 3] * 2
    assert history.notna().all(axis=None)
    assert ((history[PERCENTS] >= 0) & (history[PERCENTS] <= 100)).all(axis=None)
    assert (history[PERCENTS[::2]].to_numpy() <= history[PERCENTS[1::2]].to_numpy()).all()


def test_the_weights_give_the_codebook(fit):
    out = fit()
    model = Autoencoder(24, SETTINGS.widths)
    model.load_state_dict(load_file(out / "weights.safetensors"))
    with torch.no_grad():
        decoded = model.decode(torch.linspace(0, 1, 10_000).unsqueeze(1))
    decoded = torch.nn.functional.normalize(decoded).numpy()
    found = to_sphere(np.load(out / "codebook.npy"))
    np.testing.assert_allclose(found, decoded, atol=1e-5)
    assert (settings_of(out)["kernel_size"], settings_of(out)["epochs"]) == (5, 3)


def test_training_lowers_the_loss_and_brings_codes_near_more_kernels(fit):
    history = history_of(fit(epochs=40, n_seeds=1))
    first, last = history.iloc[0], history.iloc[-1]
    assert last["loss"] < first["loss"]
    assert last["held_out_loss"] < first["held_out_loss"]
    assert last["train_near_percent_0.3"] > first["train_near_percent_0.3"]


def near_at_the_end(folder):
    """Percentage of the kernels trained on that are nearer than 0.2, mean of the seeds."""
    history = history_of(folder)
    return history.loc[history["epoch"] == history["epoch"].max(), "train_near_percent_0.2"].mean()


def length_of(folder):
    """Mean length in radians of the curves of all seeds."""
    points = [to_sphere(codebook) for codebook in codebooks_of(folder).values()]
    return np.mean([np.linalg.norm(np.diff(each, axis=0), axis=1).sum() for each in points])


def test_refining_counts_on_and_trains_the_decoder_alone(fit):
    plain, refined = fit("plain", n_seeds=1), fit("refined", n_seeds=1, refine_epochs=2)
    histories = [history_of(folder).drop(columns="kept") for folder in (plain, refined)]
    assert histories[1]["epoch"].tolist() == [1, 2, 3, 4, 5]
    assert histories[1]["phase"].tolist() == ["autoencoder"] * 3 + ["refinement"] * 2
    assert histories[1].notna().all(axis=None)
    before = [history[:2] for history in histories]  # the last epoch's evaluation is another
    pd.testing.assert_frame_equal(*before, check_dtype=False)
    weights = [load_file(folder / "weights.safetensors") for folder in (plain, refined)]
    equal = {name for name in weights[0] if torch.equal(*(each[name] for each in weights))}
    assert equal == {name for name in weights[0] if name.startswith("encoder")}


def test_refining_brings_codes_near_more_kernels_than_as_many_epochs_more(fit):
    longer = near_at_the_end(fit("longer", epochs=40, seed=3))
    refined = near_at_the_end(fit("refined", epochs=20, refine_epochs=20, seed=3))
    assert refined > longer + 3


def test_a_penalty_shortens_the_curve(fit):
    free, short = (
        length_of(fit(f"{penalty}", epochs=10, refine_epochs=20, length_penalty=penalty))
        for penalty in (0, 0.1)
    )
    assert short < 0.8 * free


@pytest.mark.parametrize(
    ("after", "threads", "refine_epochs"), [(1, 1, 0), (2, 2, 0), (2, 1, 3), (3, 1, 3), (5, 2, 3)]
)
def test_a_cut_off_run_goes_on_to_the_same_result(
    fit, monkeypatch, caplog, after, threads, refine_epochs
):
    changed = {"refine_epochs": refine_epochs, "length_penalty": 0.001}
    undisturbed = fit("undisturbed", **changed)
    cut_off(monkeypatch, fit, after, folder="resumed", threads=threads, **changed)
    left = [path.name for path in (undisturbed.parent / "resumed").iterdir()]
    assert left  # checkpoints, and nothing that looks finished
    assert all(name.startswith("checkpoint-") for name in left)
    with caplog.at_level(logging.INFO):
        resumed = fit("resumed", threads=threads, **changed)
    assert f"seed 2: going on after epoch {after}" in caplog.text
    assert contents(resumed) == contents(undisturbed)


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": 2},
        {"learning_rate": 0.02},
        {"epochs": 4},
        {"refine_epochs": 1},
        {"length_penalty": 0.1},
    ],
)
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


def test_without_kernels_of_the_size_the_outputs_are_empty(fit, caplog):
    with caplog.at_level(logging.WARNING):
        out = fit(size=9)
    assert f"9x9: {SKIPPED}" in caplog.text
    assert np.load(out / "codebook.npy").shape == (0, 9, 9)
    assert codebooks_of(out) == {}
    assert load_file(out / "weights.safetensors") == {}
    history = history_of(out)
    assert (list(history), len(history)) == (COLUMNS, 0)


@pytest.mark.parametrize("refine_epochs", [0, 2])
def test_nothing_may_be_held_out(fit, refine_epochs):
    history = history_of(fit(held_out=0, refine_epochs=refine_epochs))
    assert history["loss"].notna().all()
    assert history[[name for name in COLUMNS if name.startswith("held_out")]].isna().all(axis=None)


@pytest.mark.parametrize("epochs", [1, 2, 10])
def test_any_number_of_steps(fit, epochs):
    """With 10, at one step per epoch, the rise of the learning rate would have no length."""
    assert len(history_of(fit(epochs=epochs, batch_size=512, n_seeds=1))) == epochs


def test_a_device_that_torch_lacks_is_refused(fit):
    if torch.cuda.is_available():
        pytest.skip("torch has a GPU here")
    with pytest.raises(AtlasError, match=r"autoencoder\.device.*cuda"):
        fit(device="cuda")
