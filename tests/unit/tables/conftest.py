"""A run's tables of classes, summed up."""

import pandas as pd
import pytest
from support.tables import HEADS, MODELS, THRESHOLDS

from kernel_atlas.classes.controls import write_controls
from kernel_atlas.tables.summary import summarise_classes


@pytest.fixture
def summarise(tmp_path):
    """A function that sums up tables of classes by model and size, and reads what it writes.

    `controls` holds the rows of a model's table of controls, `chance` those of the table for
    all models, `rows` by model the cells of its
    row in models.tsv that differ from those of an extracted model.
    """

    def run(
        tables, controls=None, rows=None, thresholds=THRESHOLDS, merge=(), text=False, chance=()
    ):
        classified = list(dict.fromkeys(model for model, _ in tables))
        sheet = [
            {"model": model, "role": "train", "family": f"family of {model}"}
            | {"outcome": "extracted"}
            | (rows or {}).get(model, {})
            for model in dict.fromkeys([*classified, *(rows or {})])
        ]
        sheet = pd.DataFrame(sheet, columns=MODELS.split())
        sheet.to_csv(tmp_path / "models.tsv", sep="\t", index=False)
        for (model, size), table in tables.items():
            table.to_parquet(tmp_path / f"{model}-{size}.parquet")
        for model in classified:
            write_controls((controls or {}).get(model, []), tmp_path / f"{model}.tsv")
        write_controls(chance, tmp_path / "chance.tsv")
        folder = tmp_path / "tables"
        summarise_classes(
            path_to_models=tmp_path / "models.tsv",
            paths_to_classes={key: tmp_path / f"{key[0]}-{key[1]}.parquet" for key in tables},
            path_to_chance=tmp_path / "chance.tsv",
            paths_to_controls={model: tmp_path / f"{model}.tsv" for model in classified},
            thresholds=thresholds,
            merge=dict(merge),
            folder=folder,
        )
        written = {path.name for path in folder.iterdir()}
        assert written == {"clustered.html", *(f"{name}.tsv" for name in HEADS)}
        dtype = str if text else None
        found = {name: pd.read_csv(folder / f"{name}.tsv", sep="\t", dtype=dtype) for name in HEADS}
        assert {name: list(table) for name, table in found.items()} == HEADS
        return found

    return run
