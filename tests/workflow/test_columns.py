"""workflow/schemas/tables.yaml describes every table that a run writes, column by column."""

import re

import pandas as pd
import pytest
import yaml


@pytest.fixture(scope="module")
def tables(repository):
    """The columns by path; a column without a meaning has it in the first entry."""
    text = (repository / "workflow/schemas/tables.yaml").read_text(encoding="utf-8")
    common, *others = yaml.safe_load(text).items()
    for _, table in others:
        assert {name for name, text in table["columns"].items() if not text} <= set(
            common[1]["columns"]
        )
    return {path: list(table["columns"]) for path, table in others}


def header_of(path):
    table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, sep="\t")
    return list(table)


def test_tables_have_the_columns_that_are_specified(finished, tables):
    results = finished / "results"
    written = {
        path.relative_to(results)
        for path in [*results.rglob("*.tsv"), *results.rglob("*.parquet")]
        if "benchmarks" not in path.parts
    }
    for pattern, columns in tables.items():
        # written by `describe`, and by what trains networks (test_experiments.py)
        if pattern == "tables/sources.tsv" or pattern.startswith("experiments/"):
            continue
        found = {path for path in written if path.match(re.sub(r"<\w+>", "*", pattern))}
        assert found, pattern
        assert {path: header_of(results / path) for path in found} == dict.fromkeys(found, columns)
        written -= found
    assert not written


def test_describe_writes_the_columns_that_are_specified(project, tables):
    assert project.snakemake("describe").returncode == 0
    header = header_of(project / "results/tables/sources.tsv")
    sizes = [f"k{size}" for size in (3, 5, 7)]
    at = tables["tables/sources.tsv"].index("k<size>")
    expected = tables["tables/sources.tsv"]
    assert header == [*expected[:at], *sizes, *expected[at + 1 :]]
