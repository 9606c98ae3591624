"""A training: what it writes, that its seed decides it, and that a cut-off one goes on."""

import json
import logging
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from support.images import ARM, write_images

from kernel_atlas.errors import AtlasError
from kernel_atlas.experiments.arms import read_arms
from kernel_atlas.experiments.training import train_network
from kernel_atlas.sources.timm_import import import_timm


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two classes of twenty images each, half of them for validation."""
    return write_images(tmp_path_factory.mktemp("images"))


@pytest.fixture
def train(data, tmp_path):
    """A function that trains, and returns the folder of the outputs."""
    import_timm()

    def train(folder="run", number=0, **changed):
        arm = read_arms({"arm": {"data": data, **ARM, **changed}})["arm"]
        train_network(arm.trainings[number], tmp_path / folder)
        return tmp_path / folder

    return train


@pytest.fixture
def interrupt(monkeypatch):
    """A function that replaces the loss in one step of one epoch; it returns how to undo that."""
    from kernel_atlas.experiments import run

    def interrupt(epoch, step, fail):
        original, count = run.Run.advance, 0

        def advance(self, number):
            loss = self.loss

            def count_steps(*arguments):
                nonlocal count
                count += 1
                return fail() if count == step else loss(*arguments)

            if number == epoch:
                self.loss = count_steps
            return original(self, number)

        monkeypatch.setattr(run.Run, "advance", advance)
        return partial(monkeypatch.setattr, run.Run, "advance", original)

    return interrupt


def be_killed():
    raise KeyboardInterrupt


def weights_of(folder):
    return {path.name: load_file(path) for path in folder.glob("epoch_*.safetensors")}


def history_of(folder):
    return pd.read_csv(folder / "history.tsv", sep="\t").drop(columns="seconds")


def assert_equal(folder, other):
    """The same history, and the same weights to the bit, in both folders."""
    pd.testing.assert_frame_equal(history_of(folder), history_of(other), check_exact=True)
    ours, theirs = weights_of(folder), weights_of(other)
    assert ours.keys() == theirs.keys()
    for name, tensors in ours.items():
        assert tensors.keys() == theirs[name].keys()
        assert all(torch.equal(tensor, theirs[name][key]) for key, tensor in tensors.items())


def test_it_writes_history_and_kept_epochs_and_nothing_else(train):
    out = train()
    kept = ["epoch_000.safetensors", "epoch_001.safetensors", "epoch_003.safetensors"]
    assert sorted(path.name for path in out.iterdir()) == [*kept, "history.tsv"]
    history = history_of(out)
    assert history["epoch"].tolist() == [0, 1, 2, 3]
    assert np.isfinite(history).all(axis=None)
    weights = load_file(out / kept[-1])
    assert weights["blocks.0.0.fn.0.weight"].shape == (8, 1, 5, 5)
    with safe_open(out / kept[1], framework="numpy") as file:
        facts = json.loads(file.metadata()["training"])
    assert (facts["arm"], facts["seed"], facts["epoch"]) == ("arm", 1, 1)
    assert (facts["classes"], facts["chance"]) == (2, 50)


def test_it_learns(train):
    history = history_of(train(epochs=15, keep=[], regularise=False))
    assert history["validation_accuracy"].iloc[-1] >= 90
    assert history["train_loss"].iloc[-1] < history["train_loss"].iloc[0] / 2


FULL = {
    "ema": 0.5,
    "label_smoothing": 0.1,
    "clip_gradient": 1.0,
    "warmup_epochs": 1,
    "augmentation": {"mixup": 0.5, "cutmix": 0.5, "random_erasing": 0.5, "color_jitter": 0.1},
}


@pytest.mark.parametrize("changed", [{}, FULL], ids=["plain", "with everything"])
def test_a_run_cut_off_in_an_epoch_goes_on_to_the_same_weights(train, interrupt, caplog, changed):
    undisturbed = train("undisturbed", **changed)
    undo = interrupt(2, 2, be_killed)
    with pytest.raises(KeyboardInterrupt):
        train("resumed", **changed)
    undo()
    (left,) = (undisturbed.parent / "resumed").iterdir()
    assert left.name.startswith("unfinished-")  # nothing that looks finished
    with caplog.at_level(logging.INFO):
        resumed = train("resumed", **changed)
    assert "arm-s1: going on after epoch 1 of a run that was cut off" in caplog.text
    assert_equal(resumed, undisturbed)


def test_other_settings_do_not_go_on(train, interrupt):
    undisturbed = train("undisturbed", learning_rate=0.02)
    undo = interrupt(2, 1, be_killed)
    with pytest.raises(KeyboardInterrupt):
        train("resumed")
    undo()
    assert_equal(train("resumed", learning_rate=0.02), undisturbed)


def test_seeds_differ(train):
    first, second = (history_of(train(f"{number}", number, seeds=2)) for number in (0, 1))
    assert not first["train_loss"].equals(second["train_loss"])


def test_frozen_kernels_stay_and_others_do_not(train):
    weights = weights_of(train(start="dog", frozen=True))
    start, end = weights["epoch_000.safetensors"], weights["epoch_003.safetensors"]
    for name in start:
        is_depthwise = name.endswith(".fn.0.weight")
        if name.endswith("weight"):
            assert torch.equal(start[name], end[name]) == is_depthwise, name


def test_without_regularisation_no_network_has_dropout():
    from kernel_atlas.experiments.recipe import make_network

    def losses_of(name, arguments, **changed):
        network = {"name": name, "arguments": arguments}
        settings = {**ARM, "data": "folder:images", "network": network, "image_size": 32}
        (training,) = read_arms({"arm": {**settings, **changed}})["arm"].trainings
        model = make_network(training, 2)
        images = torch.linspace(-1, 1, 4 * 3 * 32 * 32).reshape(4, 3, 32, 32)
        return {model(images).square().sum().item() for _ in range(4)}

    import_timm()
    given = ("ConvMixer", {**ARM["network"]["arguments"], "drop_rate": 0.5})
    # drops paths by default
    own = ("TinyVit", {"embed_dims": (8, 16, 16, 16), "num_heads": (1, 1, 1, 1)})
    for network in (given, own):
        assert len(losses_of(*network)) > 1
        assert len(losses_of(*network, regularise=False)) == 1


def out_of_memory():
    raise torch.OutOfMemoryError("CUDA out of memory")


def out_of_memory_elsewhere():
    raise RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be reported later")


def allocate_too_much():
    torch.empty(1 << 60, dtype=torch.uint8)


def lose_a_process():
    raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. ")


@pytest.mark.parametrize(
    ("fail", "message"),
    [
        (
            out_of_memory,
            "training arm-s1: the GPU has too little memory for batches of 8 images; set a "
            "smaller batch_size for the arm arm",
        ),
        (
            out_of_memory_elsewhere,
            "training arm-s1: the GPU has too little memory for batches of 8 images; set a ",
        ),
        (
            allocate_too_much,
            "training arm-s1: the machine has too little memory for batches of 8 images; set a ",
        ),
        (
            lose_a_process,
            "training arm-s1: a process that loads images was killed (DataLoader worker (pid 7) is "
            "killed by signal: Killed. ); set fewer workers for the arm arm",
        ),
        (
            lambda: torch.tensor(torch.nan, requires_grad=True),
            "training arm-s1: the loss is nan in epoch 2; set a smaller learning_rate",
        ),
    ],
    ids=["memory", "context", "machine", "process", "nan"],
)
def test_a_failed_step_is_one_line(train, interrupt, fail, message):
    interrupt(2, 1, fail)
    with pytest.raises(AtlasError) as caught:
        train()
    assert str(caught.value).startswith(message)
    assert len(str(caught.value).splitlines()) == 1


def test_missing_images_are_one_line(train):
    with pytest.raises(AtlasError, match=r"^training arm-s1: no folder of images: nowhere$"):
        train(data="folder:nowhere")


def test_too_few_images_and_what_timm_does_not_know_are_one_line(train):
    with pytest.raises(
        AtlasError, match=r"^training arm-s1: 20 training images in \S+ do not fill"
    ):
        train(batch_size=32)
    with pytest.raises(AtlasError, match=r"arm-s1: timm has no optimizer 'adamm'"):
        train(optimizer="adamm")
    with pytest.raises(AtlasError, match=r"arm-s1: timm has no augmentation 'rnd-m9' \("):
        train(augmentation={"auto_augment": "rnd-m9"})


def test_an_unreadable_image_is_one_line_also_from_a_process_that_loads_it(train, tmp_path):
    data = write_images(tmp_path / "damaged")
    (tmp_path / "damaged/val/dark/3.png").write_bytes(b"nothing")
    with pytest.raises(AtlasError, match=r"^training arm-s1: [^\n]*3\.png: unreadable[^\n]*$"):
        train(data=data, workers=1)
