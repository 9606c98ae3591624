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

from kernel_atlas.codebooks import training
from kernel_atlas.codebooks.autoencoder import Autoencoder
from kernel_atlas.codebooks.codebook import Codebook
from kernel_atlas.codebooks.history import COLUMNS
from kernel_atlas.codebooks.training import Training
from kernel_atlas.sphere import from_sphere

NAN = float("nan")


@pytest.fixture
def fit(write_group, rng, tmp_path):
    """A function that trains and returns the folder of the outputs."""
    return fit_in(tmp_path, write_group, rng)


def change_evaluation(monkeypatch, change):
    """Update each row of the history with what `change` returns for seed and epoch."""
    original = Training._evaluate

    def changed(self, epoch):
        return original(self, epoch) | change(self.settings.seed, epoch)

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
@pytest.mark.parametrize(("size", "threshold"), [(5, 0.2), (7, 0.3)])
def test_the_seed_with_most_near_kernels_at_the_end_is_kept(
    fit, monkeypatch, held_out, size, threshold
):
    at_the_end = {1: 50.0, 2: 70.0, 3: 60.0}
    part, other = ("held_out", "train") if held_out else ("train", "held_out")
    others = [name for name in COLUMNS if "percent" in name]

    def percents(seed, epoch):  # seed 3 has most of all until the last epoch
        row = dict.fromkeys(others, 30.0 * seed)
        if epoch == 3:
            row[f"{part}_near_percent_{threshold}"] = at_the_end[seed]
        return row | {f"{other}_near_percent_{threshold}": 30.0 * seed}

    change_evaluation(monkeypatch, percents)
    out = fit(n_seeds=3, held_out=held_out, size=size)
    assert kept_in(out) == 2
    assert len(codebooks_of(out)) == 3


def test_the_last_percentages_are_of_all_kernels_and_codes(fit, monkeypatch):
    """They choose the kept seed."""
    monkeypatch.setattr(training, "HISTORY_KERNELS", 1)
    monkeypatch.setattr(training, "HISTORY_CODES", 1)
    runs = {}
    in_each_epoch(monkeypatch, lambda run, _: runs.update({run.settings.seed: run}))
    out = fit()
    ends = history_of(out).query("epoch == 3").set_index("seed")
    for seed, codebook in codebooks_of(out).items():
        run = runs[int(seed)]
        for part, kernels in (("train", run.train_set), ("held_out", run.held_out)):
            _, dissimilarity = Codebook(codebook).nearest(from_sphere(kernels.numpy(), 5))
            for threshold in (0.2, 0.3):
                found = ends.loc[int(seed), f"{part}_near_percent_{threshold}"]
                assert found == pytest.approx(100 * (dissimilarity < threshold).mean(), abs=1e-3)


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
