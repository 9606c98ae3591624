"""What a training says of its time: measured over some steps, then epoch by epoch."""

import logging

import pytest
from support.images import ARM, write_images

from kernel_atlas.experiments import progress
from kernel_atlas.experiments.arms import read_arms
from kernel_atlas.experiments.training import train_network


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test sets."""

    class Clock:
        now = 1000.0

    monkeypatch.setattr(progress.time, "monotonic", lambda: Clock.now)
    return Clock


@pytest.fixture
def lines(caplog):
    """What was logged since the last call."""
    caplog.set_level(logging.INFO)

    def take():
        taken = [record.getMessage() for record in caplog.records]
        caplog.clear()
        return taken

    return take


def take_steps(told, clock, seconds, first, last):
    for step in range(first, last + 1):
        clock.now += seconds
        if told.is_due(step):
            told.tell_step(step, loss=1.5)


def test_hours_are_measured_without_the_slow_first_steps(clock, lines):
    told = progress.Progress("dog-s1", "NVIDIA H100", n_epochs=50, n_steps=2000)
    told.evaluation = 240.0
    told.start_epoch(1)
    take_steps(told, clock, 2.0, 1, 10)
    take_steps(told, clock, 0.5, 11, 60)
    assert lines() == [
        "dog-s1: 0.5 s per step, measured over 50 steps on NVIDIA H100: an epoch takes about "
        "21 min, and the 50 to do about 17 h"  # (0.5 s * 2000 + 240 s) * 50
    ]
    take_steps(told, clock, 0.5, 61, 180)
    assert lines() == [  # 60.5 s after the epoch began
        "dog-s1: epoch 1, step 91 of 2,000, loss 1.5000, 21 min left of the epoch"
    ]


def test_a_resumed_training_counts_the_epochs_that_are_left(clock, lines):
    told = progress.Progress("dog-s1", "the CPU", n_epochs=10, n_steps=100)
    told.start_epoch(8)
    take_steps(told, clock, 1.0, 1, 60)
    assert lines()[0].endswith("an epoch takes about 2 min, and the 3 to do about 5 min")
    assert told.end_epoch() == 60
    assert told.find_left() == "2 min"
    told.start_epoch(9)
    take_steps(told, clock, 0.1, 1, 100)
    assert lines() == []


@pytest.mark.parametrize(
    ("seconds", "text"), [(89, "89 s"), (91, "2 min"), (5300, "88 min"), (111_600, "31 h")]
)
def test_times_have_units_that_suit_them(seconds, text):
    assert progress.format_seconds(seconds) == text


def test_a_training_tells_it(tmp_path, monkeypatch, lines):
    monkeypatch.setattr(progress, "SKIPPED", 1)
    monkeypatch.setattr(progress, "MEASURED", 1)
    data = write_images(tmp_path / "images")
    arm = read_arms({"arm": {"data": data, **ARM}})["arm"]
    train_network(arm.trainings[0], tmp_path / "run")
    (line,) = (line for line in lines() if "measured over" in line)  # in the first epoch alone
    assert line.startswith("arm-s1: ")
    assert " s per step, measured over 1 steps on the CPU: an epoch takes about " in line
