"""A small atlas, and the command ``kernel-atlas`` in this process."""

import sys
from dataclasses import dataclass

import numpy as np
import pytest

from kernel_atlas.atlas import Atlas
from kernel_atlas.cli import main
from kernel_atlas.codebooks.codebook import Centres, Codebook
from kernel_atlas.labels.table import Interval
from kernel_atlas.section import Section

HALVES = [Interval(0, 0.5, "on_centre"), Interval(0.5, 1, "mine")]
TRAINED = [{"model": "net_a", "kernel_size": 5, "n_kernels": 40, "n_dead": 1}]


def chance(percent: float) -> dict[str, float]:
    """Made-up percentages of random directions."""
    return {"near": 2 * percent, "clustered": percent, "matched": 3 * percent}


def make_atlas(rng: np.random.Generator) -> Atlas:
    """3x3 centres and 5x5 codes whose thresholds cluster most random kernels; 7x7 was skipped."""
    return Atlas(
        {
            3: Section(Centres(rng.normal(size=(10, 3, 3))), HALVES, 0.7, chance(3.5)),
            5: Section(
                Codebook(rng.normal(size=(200, 5, 5)).astype(np.float32)), HALVES, 0.7, chance(0.25)
            ),
            7: Section(Codebook(np.zeros((0, 7, 7))), [], 0.3, {"matched": 1.5}),
        },
        TRAINED,
    )


@dataclass
class Outcome:
    """What a call of the command did."""

    status: int
    stdout: str
    stderr: str


class Command:
    """Calls the command in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
        self.monkeypatch = monkeypatch
        self.capsys = capsys

    def __call__(self, *arguments: object) -> Outcome:
        self.capsys.readouterr()
        self.monkeypatch.setattr(sys, "argv", ["kernel-atlas", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return Outcome(ended.value.code or 0, *self.capsys.readouterr())

    def refusal(self, *arguments: object) -> str:
        """The one line with which a call fails; nothing is printed beside it."""
        outcome = self(*arguments)
        assert (outcome.status, outcome.stdout) == (2, "")
        (line,) = outcome.stderr.splitlines()
        assert line.startswith("Error: ")
        return line
