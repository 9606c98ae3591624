"""The page on a run says what its tables say."""

import re
from pathlib import Path

import docutils.core
import pandas as pd
import pytest

from kernel_atlas.tables.run import TABLES, summarise_run

NAN = float("nan")


def shares(size, near, clustered, matched, **cells):
    row = {"family": "all", "kernel_size": size, "n_models": 2, "n_kernels": 4000, "n_dead": 5}
    for name, percent in (("near", near), ("clustered", clustered), ("matched", matched)):
        row |= {f"{name}_percent": percent}
        row |= {f"{name}_low_percent": percent - 10, f"{name}_high_percent": percent + 10}
    return row | {"same_percent": NAN, "paper_percent": NAN} | cells


def control(size, kernels, method, n_clustered, n_kernels):
    return {"kernel_size": size, "kernels": kernels, "method": method} | {
        "n_clustered": n_clustered,
        "n_kernels": n_kernels,
    }


def seed(seeds, clustered, same=NAN):
    row = {"kernel_size": 5, "seeds": seeds, "near_percent": 75.04}
    return row | {"clustered_percent": clustered, "same_class_percent": same}


def model(name, outcome, role="train"):
    return {"model": name, "role": role, "outcome": outcome}


def layer(index, label, n_members):
    row = {"model": "deep", "kernel_size": 5, "layer_index": index, "layer": f"stage.{index}_"}
    return row | {"class": label, "n_members": n_members}


FULL = {
    "models": [
        *(model("NA", "extracted"), model("deep", "extracted", "classify")),
        *(model("broken_", "failed"), model("again", "duplicate"), model("gone", "skipped")),
    ],
    "clustered": [
        {"model": "NA", "kernel_size": 5, "matched_percent": 61.234},
        {"model": "deep", "kernel_size": 5, "matched_percent": 59.9},
        {"model": "dead", "kernel_size": 5, "matched_percent": NAN},
    ],
    "families": [
        shares(5, 70.04, 60, 65, same_percent=70.6, paper_percent=72.25),
        shares(9, NAN, NAN, 50),
        shares(5, 1, 2, 3, family="Some family"),
    ],
    "layers": [
        *(layer(0, "on_centre", 90), layer(0, "other", 10), layer(0, "dead", 900)),
        *(layer(1, "on_centre", 20), layer(1, "off_cross", 20), layer(1, "other", 60)),
        *(layer(2, "on_centre", 0), layer(2, "other", 29)),  # too few kernels to stand out
    ],
    "controls": [
        # pooled, not averaged: 12 of 150
        control(5, "random", "near", 0, 50) | {"model": "NA"},
        control(5, "random", "near", 12, 100) | {"model": "deep"},
        control(5, "random", "family", 20, 100) | {"model": "deep"},
        control(5, "own", "family", 99, 100) | {"model": "deep"},
    ],
    "stability": [seed("1", 55), seed("2", 58.5), seed("1, 2", 50, 97.9)],
    "stability_classes": [
        {"kernel_size": 5, "class": "on_cross", "fewest": 0, "most": 7},
        {"kernel_size": 5, "class": "on_cross", "fewest": 0, "most": 7},
        {"kernel_size": 5, "class": "on_square", "fewest": 0, "most": 0},
        {"kernel_size": 5, "class": "off_cross", "fewest": 1, "most": 7},
    ],
}

EMPTY = {name: [] for name in TABLES}


@pytest.fixture
def summarise(tmp_path):
    """A function that writes tables of these rows and reads the page on them."""

    def run(tables, sizes):
        paths = {name: tmp_path / f"{name}.tsv" for name in TABLES}
        for name, path in paths.items():
            columns = list(pd.DataFrame(FULL[name]))
            pd.DataFrame(tables[name], columns=columns).to_csv(path, sep="\t", index=False)
        page = Path(tmp_path / "summary.txt")
        summarise_run(paths, sizes, page)
        return page.read_text(encoding="utf-8")

    return run


@pytest.fixture
def page(summarise):
    return summarise(FULL, [5, 7, 9])


def rows_of(page):
    """The cells of all tables' rows."""
    return [re.split(r"  +", line) for line in page.splitlines() if re.match(r"\d+x\d+  ", line)]


def test_says_what_was_read(page):
    text = " ".join(page.split())
    assert "Of 5 rows of the sheet: 2 read, 1 failed (``broken_``; failed.tsv has" in text
    assert "1 with the weights of another row, 1 without weights." in text
    assert "Codebooks were trained on 1 of the models." in text
    assert [row for row in rows_of(page) if len(row) == 4] == [
        ["5x5", "2", "4,000", "5"],
        ["7x7", "0", "0", "0"],
        ["9x9", "2", "4,000", "5"],
    ]


def test_percentages_stand_beside_those_of_chance(page):
    rows = rows_of(page)
    own = [row for row in rows if "the models' kernels" in row]
    assert own == [
        ["5x5", "the models' kernels", "70.0 (60 to 80)", "60.0 (50 to 70)", "65.0 (55 to 75)"],
        ["9x9", "the models' kernels", "–", "–", "50.0 (40 to 60)"],
    ]
    assert ["5x5", "random directions", "8.0", "–", "20.0"] in rows
    text = " ".join(page.split())
    assert "70.6 % are near; the paper has 72.2 %" in text
    assert "5x5: 20 % of random directions are matched too" in text


def test_says_how_far_the_seeds_agree(page):
    assert ["5x5", "2", "75.0", "55.0 to 58.5", "97.9"] in rows_of(page)
    assert "name these classes of 5x5: ``on_cross``." in page


def test_names_the_extremes(page):
    text = " ".join(page.split())
    assert (
        "5x5: the share of matched kernels goes from 59.9 % (``deep``) to 61.2 % (``NA``)." in text
    )
    # of live kernels: 130 of 229 of the model are matched
    assert "layer 1 of ``deep`` (``stage.1_``) is matched least" in text
    assert "40.0 % against 56.8 %" in text


@pytest.mark.parametrize("tables", [FULL, EMPTY], ids=["full", "empty"])
def test_is_markup_without_a_fault(tables, summarise):
    page = summarise(tables, [5, 7, 9])
    settings = {"report_level": 1, "halt_level": 1}
    docutils.core.publish_string(page, writer="null", settings_overrides=settings)
    assert max(map(len, page.splitlines())) < 100


def test_a_run_without_kernels_says_so(summarise):
    page = summarise(EMPTY, [5])
    assert "No model has kernels of a size that is measured." in page
    assert "No autoencoder was trained." in page
    assert "Nothing stands out." in page
