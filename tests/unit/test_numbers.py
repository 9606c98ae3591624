"""docs/make_numbers.py: what a run says of a name, its range, and the places of the pages."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

SCRIPT = Path(__file__).parents[2] / "docs/make_numbers.py"
DAY = 24 * 60 * 60
NOON = 1767355200  # of 2026-01-02


@pytest.fixture
def numbers(monkeypatch):
    spec = importlib.util.spec_from_file_location("make_numbers", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "make_numbers", module)
    spec.loader.exec_module(module)
    return module


def write_run(results, near=73.4, matched=93.26):
    """The tables of a run with two models; `near` and `matched` are percentages of the first."""
    tables = {
        "clustered": [
            {
                "model": model,
                "kernel_size": 5,
                "n_kernels": 6336,
                "n_dead": 47,
                "near_percent": percent,
                "near_low_percent": 61.2,
                "near_high_percent": 81.6,
                "matched_percent": matched,
                "random_near_percent": 0.02,
                "random_matched_percent": 0.04,
            }
            for model, percent in (("a", near), ("b", 99.5))
        ],
        "families": [
            {
                "family": "all",
                "kernel_size": 5,
                "n_kernels": 12672,
                "n_dead": 100,
                "near_percent": 86.2,
            }
        ],
        "controls": [
            {
                "kernel_size": 5,
                "method": method,
                "kernels": kernels,
                "n_kernels": n,
                "n_clustered": m,
            }
            for method, kernels, n, m in (
                ("near", "random", 5000, 60),
                ("near", "random", 1000, 30),
                ("near", "own", 5000, 4000),
                ("family", "random", 5000, 8),
            )
        ],
        "measures": [
            {"model": "a", "kernel_size": 5, "kernels": kernels} | cells
            for kernels, cells in (
                ("own", {"ideal_percent": 60.0, "offset_x": -0.004}),
                ("random", {"ideal_percent": 0.08, "offset_x": 0.0}),
            )
        ],
        "measures_similarity": [
            {"model": "a", "kernel_size": 5, "other_model": "b", "similarity": 0.931}
        ],
        "stability": [
            {"kernel_size": 5, "seeds": seeds, "near_percent": percent, "same_class_percent": same}
            for seeds, percent, same in (
                ("1", 72.0, None),
                ("2", 74.5, None),
                ("1, 2", 70.0, 95.5),
                ("1, 3", 71.0, 96.2),
            )
        ],
    }
    (results / "tables").mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        pd.DataFrame(rows).to_csv(results / f"tables/{name}.tsv", sep="\t", index=False)
    return results


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.k5.n_kernels", "6,336"),
        ("a.k5.n_live", "6,289"),
        ("all.k5.n_kernels", "12,672"),
        # the seeds spread by 2.5 points
        ("a.k5.near_percent", "70 to 76 %"),
        ("b.k5.near_percent", "97 to 100 %"),
        ("a.k5.near_interval", "61 to 82 %"),
        ("a.k5.matched_percent", "93.3 %"),
        ("a.k5.random_near_percent", "at most 0.1 %"),
        ("a.k5.random_matched_percent", "0.0 %"),
        # 90 of 6,000 are 1.5 %
        ("controls.k5.random.near", "at most 3 %"),
        ("controls.k5.random.family", "0.2 %"),
        ("controls.k5.own.near", "77 to 83 %"),
        ("seeds.k5.near_percent", "69 to 77 %"),
        ("seeds.k5.same_class_percent", "94 to 98 %"),
        ("measures.a.k5.random.ideal_percent", "0.1 %"),
        ("measures.a.k5.own.offset_x", "0.00"),
        ("similarity.a.k5.b", "0.93"),
    ],
)
def test_a_name_is_looked_up_in_the_tables(numbers, tmp_path, name, text):
    assert numbers.Run(write_run(tmp_path)).look_up(name).text == text


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "c.k5.n_kernels",
        "a.k7.n_kernels",
        "a.k5.n_cats",
        "controls.k5.own.cats",
        "seeds.k7.near_percent",
        "measures.a.k5.cats.offset_x",
        "similarity.b.k5.a",
    ],
)
def test_a_name_that_the_run_does_not_have_is_an_error(numbers, tmp_path, name):
    with pytest.raises(KeyError):
        numbers.Run(write_run(tmp_path)).look_up(name)


@pytest.fixture
def site(numbers, monkeypatch, tmp_path):
    """A repository of nothing but a page with two places, and settings of noon of a day."""
    page = tmp_path / "README.md"
    page.write_text(
        "Of <!-- = a.k5.n_kernels -->?<!-- / --> kernels\n\n"
        "| near | <!-- = a.k5.near_percent -->old <!-- / --> |\n",
        encoding="utf-8",
    )
    (tmp_path / "docs").mkdir()
    (tmp_path / "config.yaml").touch()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "me")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "me@example.org")
        monkeypatch.setenv(f"GIT_{name}_DATE", f"{NOON} +0000")
    for command in ("init -q", "add config.yaml", "commit -qm settings"):
        subprocess.run(["git", *command.split()], cwd=tmp_path, check=True)
    monkeypatch.setattr(numbers, "REPOSITORY", tmp_path)
    monkeypatch.setattr(numbers, "NUMBERS", tmp_path / "docs/numbers.json")
    return page


def test_a_run_is_written_into_the_pages_and_kept(numbers, site, tmp_path):
    results = write_run(tmp_path / "results")
    assert numbers.main(results, check=False) is None
    filled = (
        "Of <!-- = a.k5.n_kernels -->6,336<!-- / --> kernels\n\n"
        "| near | <!-- = a.k5.near_percent -->70 to 76 %<!-- / --> |\n"
    )
    assert site.read_text(encoding="utf-8") == filled
    kept = json.loads((tmp_path / "docs/numbers.json").read_text(encoding="utf-8"))
    assert kept["a.k5.near_percent"] == {
        "text": "70 to 76 %",
        "found": [73.4],
        "low": 70,
        "high": 76,
    }
    site.write_text(filled.replace("6,336", "6"), encoding="utf-8")
    assert numbers.main(None, check=False) is None
    assert site.read_text(encoding="utf-8") == filled


def made(results, at):
    """A run whose tables were written at this time."""
    for path in (results / "tables").iterdir():
        os.utime(path, (at, at))
    return results


def test_the_date_is_that_of_the_newest_table(numbers, site, tmp_path):
    results = made(write_run(tmp_path / "results"), NOON)
    os.utime(results / "tables/controls.tsv", (NOON + DAY, NOON + DAY))
    facts = numbers.describe_run(results)
    assert set(facts) == {"machine", "commit", "date"}
    assert all(facts.values())
    assert facts["date"] == "2026-01-03"


def test_a_run_of_older_code_is_written_only_if_its_commit_is_said(numbers, site, tmp_path):
    site.write_text("<!-- = run.commit -->?<!-- / -->", encoding="utf-8")
    results = made(write_run(tmp_path / "results"), NOON - 1)
    refusal = numbers.main(results, check=False)
    assert refusal.startswith(f"{results}: older than ")
    assert "\n" not in refusal
    assert "?" in site.read_text(encoding="utf-8")
    assert numbers.main(results, check=False, made_at="abc1234") is None
    assert site.read_text(encoding="utf-8") == "<!-- = run.commit -->abc1234<!-- / -->"
    # a run that is not older
    site.write_text("<!-- = run.commit -->?<!-- / -->", encoding="utf-8")
    assert numbers.main(made(results, NOON), check=False) is None
    assert "?" not in site.read_text(encoding="utf-8")


def test_another_run_is_compared_with_the_ranges(numbers, site, tmp_path):
    numbers.main(write_run(tmp_path / "results"), check=False)
    before = site.read_text(encoding="utf-8")
    assert numbers.main(write_run(tmp_path / "other", near=70.1), check=True) is None
    assert numbers.main(write_run(tmp_path / "another", near=76.1), check=True) == (
        "a.k5.near_percent: [76.1], not in 70 to 76"
    )
    assert site.read_text(encoding="utf-8") == before


def test_a_page_with_an_unknown_name_is_an_error(numbers, site, tmp_path):
    numbers.main(write_run(tmp_path / "results"), check=False)
    site.write_text("<!-- = a.k5.n_dead -->?<!-- / -->", encoding="utf-8")
    with pytest.raises(KeyError):
        numbers.main(None, check=False)


def test_the_pages_say_what_the_numbers_say(numbers):
    known, places = numbers.read_numbers(), set()
    for page in numbers.pages():
        text = page.read_text(encoding="utf-8")
        assert numbers.fill(text, known) == text, "run: make numbers"
        places |= set(numbers.names_in(text))
    assert places == set(known), "run: make numbers"
