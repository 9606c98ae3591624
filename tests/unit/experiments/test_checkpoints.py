"""The sheet and the table of kept epochs."""

import json

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file
from support.images import ARM

from kernel_atlas.errors import AtlasError
from kernel_atlas.experiments.arms import file_of, read_arms
from kernel_atlas.experiments.checkpoints import list_checkpoints
from kernel_atlas.sheet import read_sheets

TRAININGS = read_arms({"dog": {**ARM, "data": "folder:images", "start": "dog", "seeds": 2}})[
    "dog"
].trainings


@pytest.fixture
def histories(tmp_path):
    """The histories of two trainings, with weights beside them."""
    paths = []
    for training in TRAININGS:
        folder = tmp_path / training.name
        folder.mkdir()
        accuracy = 10.0 * training.seed + np.arange(4)
        history = {"epoch": range(4), "train_accuracy": 50.0, "validation_accuracy": accuracy}
        pd.DataFrame(history).to_csv(folder / "history.tsv", sep="\t", index=False)
        for epoch in training.arm.kept_epochs:
            facts = json.dumps({"classes": 5, "chance": 20.5})
            save_file({"w": np.zeros(3)}, folder / file_of(epoch), {"training": facts})
        paths.append(folder / "history.tsv")
    return paths


def test_a_row_for_each_kept_epoch(histories, tmp_path):
    sheet, checkpoints = tmp_path / "models.tsv", tmp_path / "checkpoints.tsv"
    list_checkpoints(TRAININGS, histories, sheet, checkpoints)
    rows = read_sheets([sheet], is_whole=False)
    assert rows == [row for training in TRAININGS for row in training.rows()]
    table = pd.read_csv(checkpoints, sep="\t")
    assert table["model"].tolist() == [row.model for row in rows]
    assert table["validation_accuracy"].tolist() == [10, 11, 13, 20, 21, 23]
    same = {"arm": "dog", "start": "dog", "classes": 5, "chance": 20.5, "shuffle": "none"}
    assert (table[list(same)] == pd.Series(same)).all(axis=None)
    assert table["network"].unique() == ["ConvMixer(depth=2, dim=8, kernel_size=5, patch_size=2)"]


def test_missing_weights_and_no_arms_are_one_line(histories, tmp_path):
    outputs = (tmp_path / "models.tsv", tmp_path / "checkpoints.tsv")
    (tmp_path / "dog-s2/epoch_001.safetensors").unlink()
    with pytest.raises(AtlasError, match=r"epoch_001\.safetensors is missing or damaged"):
        list_checkpoints(TRAININGS, histories, *outputs)
    with pytest.raises(AtlasError, match="config: experiments has no arm to train; name a"):
        list_checkpoints([], [], *outputs)
    assert not any(path.exists() for path in outputs)
