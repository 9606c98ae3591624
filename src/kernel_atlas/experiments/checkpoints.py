"""List the weights of all kept epochs: as a model sheet, and with the accuracy they reached."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from safetensors import SafetensorError, safe_open

from kernel_atlas.atomic import write_table
from kernel_atlas.errors import AtlasError
from kernel_atlas.experiments.arms import Training, file_of

SHEET_COLUMNS = ("model", "source", "sha256", "role", "family", "include")


def list_checkpoints(
    trainings: Sequence[Training],
    paths_to_histories: Sequence[str | Path],
    path_to_sheet: str | Path,
    path_to_checkpoints: str | Path,
) -> None:
    """Write a row for each kept epoch of each training.

    Parameters
    ----------
    trainings : sequence of Training
    paths_to_histories : sequence of path
        ``history.tsv`` of each, with the weights beside it.
    path_to_sheet : path
        Written: a model sheet. Each checkpoint has the role `classify` and its arm as family.
    path_to_checkpoints : path
        Written: one row per checkpoint, with its arm's settings, its accuracy on training and
        validation images in percent, and the chance of a right guess.

    Raises
    ------
    AtlasError
        If there is no training, or weights of one are missing.
    """
    if not trainings:
        raise AtlasError(
            "config: experiments has no arm to train; name a configuration that has some, "
            "such as --configfile experiments/small.yaml"
        )
    sheet = pd.DataFrame([asdict(row) for each in trainings for row in each.rows()])
    checkpoints = [
        row
        for training, path in zip(trainings, paths_to_histories, strict=True)
        for row in _checkpoints(training, Path(path))
    ]
    write_table(pd.DataFrame(checkpoints), path_to_checkpoints)
    write_table(sheet[list(SHEET_COLUMNS)], path_to_sheet)


def _checkpoints(training: Training, path_to_history: Path) -> Iterator[dict[str, Any]]:
    arm = training.arm
    history = pd.read_csv(path_to_history, sep="\t").set_index("epoch")
    for epoch in arm.kept_epochs:
        reached = history.loc[epoch]
        facts = _read_facts(path_to_history.with_name(file_of(epoch)))
        yield {
            "model": training.model(epoch),
            "arm": arm.name,
            "seed": training.seed,
            "epoch": epoch,
            "start": arm.start,
            "frozen": arm.frozen,
            "data": arm.data,
            "classes": facts["classes"],
            "shuffle": arm.shuffle,
            "regularise": arm.regularise,
            "network": arm.network_text,
            "train_accuracy": reached["train_accuracy"],
            "validation_accuracy": reached["validation_accuracy"],
            "chance": facts["chance"],
        }


def _read_facts(path: Path) -> dict[str, Any]:
    """What a training wrote beside the weights."""
    try:
        with safe_open(path, framework="numpy") as file:
            return json.loads(file.metadata()["training"])
    except (OSError, SafetensorError) as error:
        raise AtlasError(
            f"{path} is missing or damaged ({error}); delete history.tsv beside it, and it is "
            "trained again"
        ) from None
