"""Several seeds: trained side by side, the best kept, one that fails, and a cut-off run."""

import logging
import os
import signal
import threading
import zipfile

import numpy as np
import pytest
import torch
from support.training import codebooks_of, contents, fit_in, history_of, in_each_epoch, kept_in

from kernel_atlas.codebooks.autoencoder import Autoencoder
from kernel_atlas.codebooks.training import Training

NAN = float("nan")


@pytest.fixture
def fit(write_group, rng, tmp_path):
    """A function that trains and returns the folder of the outputs."""
    return fit_in(tmp_path, write_group, rng)


def change_evaluation(monkeypatch, change):
    """Update each row of the history with what `change` returns for seed and epoch."""
    original = Training._evaluate

    def changed(self):
        epoch = len(self.history) + 1
        return original(self) | change(self.settings.seed, epoch)

    monkeypatch.setattr(Training, "_evaluate", changed)


def test_the_number_of_threads_does_not_change_the_result(fit):
    one = contents(fit("one", n_seeds=3, threads=1))
    for threads in (2, 5):
        assert contents(fit(str(threads), n_seeds=3, threads=threads)) == one


def test_the_very_first_step_is_taken_in_the_main_thread(fit, monkeypatch):
    """Otherwise MKL may give other digits now and then (pytorch issue 188792)."""
    threads = []
    original = Autoencoder.forward

    def forward(self, kernels):
        threads.append(threading.current_thread())
        return original(self, kernels)

    monkeypatch.setattr(Autoencoder, "forward", forward)
    fit("seeds", n_seeds=2, threads=2)
    assert len(set(threads)) > 1
    assert threads[0] is threading.main_thread()


def test_a_seed_gives_the_same_alone_and_among_others(fit):
    alone, among = codebooks_of(fit("alone", n_seeds=1)), codebooks_of(fit("among", n_seeds=3))
    assert (list(alone), list(among)) == (["1"], ["1", "2", "3"])
    np.testing.assert_array_equal(alone["1"], among["1"])
    assert len({codebook.tobytes() for codebook in among.values()}) == 3


def test_the_first_seed_draws_the_held_out_kernels_of_all(fit, monkeypatch):
    held_out = {}
    in_each_epoch(
        monkeypatch, lambda run, _: held_out.update({run.settings.seed: run.held_out.numpy()})
    )
    fit("first", n_seeds=3)
    of_first = held_out[1]
    assert len(held_out) == 3
    assert all(np.array_equal(kernels, of_first) for kernels in held_out.values())
    fit("second", n_seeds=1, seed=2)
    assert not np.array_equal(held_out[2], of_first)


@pytest.mark.parametrize("held_out", [0.1, 0])
def test_the_seed_with_the_smallest_loss_at_the_end_is_kept(fit, monkeypatch, held_out):
    at_the_end = {1: 0.5, 2: 0.3, 3: 0.4}

    def loss(seed, epoch):  # seed 1 is the best until the last epoch
        return at_the_end[seed] if epoch == 3 else 0.1 * seed

    if held_out:
        change_evaluation(monkeypatch, lambda *at: {"held_out_loss": loss(*at)})
    else:
        monkeypatch.setattr(
            Training, "_train_epoch", lambda self, epoch: loss(self.settings.seed, epoch)
        )
    out = fit(n_seeds=3, held_out=held_out)
    assert kept_in(out) == 2
    ends = history_of(out).query("epoch == 3").set_index("seed")
    assert ends["held_out_loss" if held_out else "loss"].to_dict() == at_the_end


def test_codebooks_do_not_hold_the_time(fit):
    with zipfile.ZipFile(fit() / "codebooks.npz") as file:
        assert {info.date_time for info in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_seed_of_ten_digits(fit):
    out = fit(seed=4_294_967_295, n_seeds=2, epochs=1)
    assert history_of(out)["seed"].tolist() == [4_294_967_295, 4_294_967_296]
    assert set(codebooks_of(out)) == {"4294967295", "4294967296"}


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_a_seed_that_diverges_is_left_out(fit, monkeypatch, caplog, part):
    original = Training._train_epoch

    def diverging(self, epoch):
        loss = original(self, epoch)
        if (self.settings.seed, epoch) == (1, 3):
            with torch.no_grad():
                getattr(self.model, part)[0].weight.fill_(NAN)
        return loss

    monkeypatch.setattr(Training, "_train_epoch", diverging)
    if part == "decoder":  # it may diverge at codes that no kernel has, with the best loss
        change_evaluation(monkeypatch, lambda seed, _: {"held_out_loss": 0.1 * seed})
    with caplog.at_level(logging.WARNING):
        out = fit(n_seeds=3)
    assert caplog.text.count("diverged") == 1
    assert "5x5: seed 1 is left out, its training diverged (its last loss is" in caplog.text
    assert set(codebooks_of(out)) == {"2", "3"}
    assert kept_in(out) in (2, 3)
    assert history_of(out)["seed"].unique().tolist() == [1, 2, 3]


@pytest.fixture
def interruptible():
    """Python's handler of Ctrl-C, which jobs that a shell starts in the background lack."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def fail():
    raise RuntimeError


def press_ctrl_c():
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(
    ("fault", "error"), [(fail, RuntimeError), (press_ctrl_c, KeyboardInterrupt)]
)
@pytest.mark.usefixtures("interruptible")
def test_all_seeds_end_when_one_fails_or_the_user_interrupts(fit, monkeypatch, fault, error):
    epochs = {1: 0, 2: 0, 3: 0}

    def count(run, epoch):
        epochs[run.settings.seed] = epoch
        if (run.settings.seed, epoch) == (2, 3):
            fault()

    in_each_epoch(monkeypatch, count)
    with pytest.raises(error):
        fit(n_seeds=3, threads=2, epochs=5000)
    assert max(epochs.values()) < 5000
