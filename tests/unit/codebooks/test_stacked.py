"""All seeds in step, as on a GPU: what one seed alone gives, and that a cut-off run goes on."""

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from support.known_kernels import draw_known_kernels

from kernel_atlas.codebooks import stacked, trainer, training
from kernel_atlas.codebooks.stacked import Stack
from kernel_atlas.codebooks.training import Training
from kernel_atlas.codebooks.training_data import Settings, TrainingData
from kernel_atlas.sphere import to_sphere

SETTINGS = Settings(
    widths=(16, 8),
    epochs=3,
    batch_size=64,
    learning_rate=0.01,
    held_out=0.1,
    seed=1,
    refine_epochs=3,
    length_penalty=0.001,
)
DEVICES = [
    "cpu",
    pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")),
]


@pytest.fixture(params=DEVICES)
def data(request, monkeypatch):
    """Kernels of known classes: seven batches of 64, and one that is not whole."""
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    monkeypatch.setattr(stacked, "PRECISION", "highest")
    monkeypatch.setattr(training, "N_CODES", 500)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)  # as in a run
    kernels, _ = draw_known_kernels(5, 42, 0.3, np.random.default_rng(0))
    return TrainingData(to_sphere(kernels), SETTINGS, torch.device(request.param))


def runs_of(data, settings=SETTINGS, n_seeds=3):
    return [Training(data, replace(settings, seed=seed)) for seed in range(1, n_seeds + 1)]


def train(data, folder, settings=SETTINGS):
    runs = runs_of(data, settings)
    Stack(runs).train(folder, "5x5")
    return runs


def results(runs):
    return [(run.codebook(100).tolist(), run.history) for run in runs]


def test_each_seed_gives_what_it_gives_alone(data, tmp_path):
    settings = replace(SETTINGS, epochs=4, refine_epochs=1)
    for together, alone in zip(
        train(data, tmp_path, settings), runs_of(data, settings), strict=True
    ):
        alone.train(tmp_path, "5x5")
        assert [row["phase"] for row in together.history] == ["autoencoder"] * 4 + ["refinement"]
        for name in ("loss", "held_out_loss"):
            found, expected = ([row[name] for row in run.history] for run in (together, alone))
            np.testing.assert_allclose(found, expected, rtol=2e-3)


def test_two_runs_are_equal(data, tmp_path):
    first, second = (train(data, tmp_path / name) for name in ("first", "second"))
    assert results(first) == results(second)


@pytest.mark.parametrize("after", [2, 3, 5])
def test_a_cut_off_run_goes_on_to_the_same_result(data, tmp_path, monkeypatch, caplog, after):
    undisturbed = train(data, tmp_path / "undisturbed")
    original = Training.record

    def interrupt(run, epoch, loss):
        if run.settings.seed == 2 and epoch > after:  # the first seed's history has the epoch
            raise KeyboardInterrupt
        original(run, epoch, loss)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "CHECKPOINT_SECONDS", 0)
        patch.setattr(Training, "record", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(data, tmp_path / "resumed")
    with caplog.at_level(logging.INFO):
        resumed = train(data, tmp_path / "resumed")
    assert f"seeds 1, 2, 3: going on after epoch {after}" in caplog.text
    assert results(resumed) == results(undisturbed)


def test_a_checkpoint_of_other_seeds_is_not_used(data, tmp_path, caplog):
    train(data, tmp_path)
    with caplog.at_level(logging.INFO):
        Stack(runs_of(data, n_seeds=2)).train(tmp_path, "5x5")
    assert "going on" not in caplog.text


def test_a_seed_that_diverges_leaves_the_others_alone(data, tmp_path):
    undisturbed, runs = train(data, tmp_path / "undisturbed"), runs_of(data)
    stack = Stack(runs)
    with torch.no_grad():
        runs[1].model.decoder[0].weight.fill_(float("nan"))
    stack.train(tmp_path / "diverging", "5x5")
    found, expected = results(runs), results(undisturbed)
    assert np.isnan(found[1][0]).all()
    assert [found[0], found[2]] == [expected[0], expected[2]]


def test_encoders_rest_while_decoders_are_refined(data, tmp_path):
    plain = train(data, tmp_path, replace(SETTINGS, refine_epochs=0))
    refined = train(data, tmp_path)
    for before, after in zip(plain, refined, strict=True):
        states = before.model.state_dict(), after.model.state_dict()
        equal = {name for name in states[0] if torch.equal(states[0][name], states[1][name])}
        assert equal == {name for name in states[0] if name.startswith("encoder")}


def test_fewer_kernels_than_a_batch(data, tmp_path):
    runs = train(data, tmp_path, replace(SETTINGS, batch_size=1000))
    assert [len(run.history) for run in runs] == [6, 6, 6]


def test_a_layer_serves_once_in_a_step(data):
    """Gradients of two uses would be added up before they are there."""
    model, codes = Stack(runs_of(data)).model, torch.rand(3, 5, 1, device=data.train_set.device)
    model.decode(codes)
    with pytest.raises(RuntimeError, match="applied twice"):
        model.decode(codes)
