"""The resolved sheet: each row with its outcome."""

import pandas as pd
import pytest

from kernel_atlas.errors import AtlasError
from kernel_atlas.extraction.failed import recorded
from kernel_atlas.sheet import Model
from kernel_atlas.tables.models import list_models

ROWS = [
    Model("good", "file:good.pth", "train", family="Nets", paper_table="4", paper_percent="91.5"),
    Model("bad", "file:bad.pth", "classify"),
    Model("again", "file:good.pth", "train", duplicate_of="good"),
    Model("bad_again", "file:bad.pth", "classify", duplicate_of="bad"),
    Model("secret", "none:never released", "classify"),
    Model("slices", "file:other.pth", "compare"),
]


@pytest.fixture
def tables(write_group, rng, tmp_path):
    """The tables models.tsv and failed.tsv of a store in which one model has failed."""
    groups = {
        name: write_group(name, [("dw", rng.normal(size=(4, 5, 5)))]) for name in ("good", "slices")
    }
    groups["bad"] = tmp_path / "kernels.zarr" / "bad"
    with recorded(groups["bad"], {"model": "bad"}):
        raise AtlasError("model bad: no such file")
    paths = [tmp_path / f"{name}.tsv" for name in ("models", "failed", "weights")]
    list_models(ROWS, {name: group / "zarr.json" for name, group in groups.items()}, *paths)
    return [pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False) for path in paths]


def test_each_row_stands_in_order_with_its_outcome(tables):
    models, _, _ = tables
    assert models["model"].tolist() == [row.model for row in ROWS]
    assert models.set_index("model")["outcome"].to_dict() == {
        "good": "extracted",
        "bad": "failed",
        "again": "duplicate",
        "bad_again": "failed",
        "secret": "skipped",
        "slices": "extracted",
    }
    assert models.iloc[0][["family", "paper_table", "paper_percent"]].tolist() == [
        "Nets",
        "4",
        "91.5",
    ]


def test_the_note_says_why_there_are_no_results(tables):
    models, _, _ = tables
    notes = models.set_index("model")["note"]
    assert notes["good"] == notes["slices"] == ""
    assert notes["bad"] == notes["bad_again"] == "not extracted, see failed.tsv"
    assert notes["again"] == "the same checkpoint as good"
    assert notes["secret"] == "never released"


def test_a_failed_model_is_listed_once_with_its_cause(tables):
    _, failed, _ = tables
    assert failed.to_dict("list") == {"model": ["bad"], "cause": ["no such file"]}


def test_a_duplicate_of_unreleased_weights_is_skipped_as_they_are(tmp_path):
    rows = [
        Model("secret", "none:never released", "classify"),
        Model("secret_again", "none:never released", "classify", duplicate_of="secret"),
    ]
    paths = [tmp_path / f"{name}.tsv" for name in ("models", "failed", "weights")]
    list_models(rows, {}, *paths)
    outcomes = pd.read_csv(tmp_path / "models.tsv", sep="\t")["outcome"]
    assert outcomes.tolist() == ["skipped", "skipped"]
