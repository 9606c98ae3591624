"""Tables of classes read as arrays: the same as by pandas, and without it."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from support.classes import classes_of

from kernel_atlas.classes.reading import read_class_table, read_classes
from kernel_atlas.classes.table import ClassTable

TABLES = {
    "usual": classes_of(a="on_centre mine other dead", b="dead ~other on_cross/~off_cross"),
    "no codebook": classes_of(a="-/on_cross dead -/~on_cross"),
    "dead": classes_of(a="dead dead"),
    "empty": classes_of(a=""),
}


def columns_of(table):
    """Its columns as lists, None for what is missing."""
    labels = [
        np.array([*label.names, None], object)[label.codes].tolist()
        for label in (table.own, table.member)
    ]
    sigma = [None if np.isnan(value) else value for value in table.sigma]
    near = None if table.near is None else table.near.tolist()
    return [table.layer.tolist(), near, *labels, table.matched.tolist(), sigma]


@pytest.mark.parametrize("name", TABLES)
def test_arrays_are_the_columns_that_pandas_reads(name, tmp_path):
    TABLES[name].to_parquet(tmp_path / "k5.parquet")
    expected = ClassTable.of(read_classes(tmp_path / "k5.parquet"))
    found = read_class_table(tmp_path / "k5.parquet")
    assert columns_of(found) == columns_of(expected)
    assert found.rulers("paper") == expected.rulers("paper")


def test_a_table_in_several_parts_is_read_whole(tmp_path):
    table = pa.Table.from_pandas(TABLES["usual"])
    parquet.write_table(table, tmp_path / "k5.parquet", row_group_size=3)
    expected = ClassTable.of(TABLES["usual"])
    assert columns_of(read_class_table(tmp_path / "k5.parquet")) == columns_of(expected)


def test_reading_does_without_pandas(tmp_path):
    for name, table in TABLES.items():
        table.to_parquet(tmp_path / f"{name}.parquet")
    script = (
        "import sys; from pathlib import Path\n"
        "from kernel_atlas.classes.reading import read_class_table\n"
        "for path in Path(sys.argv[1]).glob('*.parquet'): print(len(read_class_table(path)))\n"
        "assert 'pandas' not in sys.modules"
    )
    command = [sys.executable, "-c", script, tmp_path]
    assert sorted(subprocess.check_output(command, text=True).split()) == ["0", "2", "3", "7"]
