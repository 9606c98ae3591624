"""Tables of classes read as arrays: the same as by pandas, and without it."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from support.classes import classes_of

from kernel_atlas.classes.reading import read_class_table, read_classes
from kernel_atlas.classes.table import ClassTable, Labels

TABLES = {
    "usual": classes_of(a="on_centre mine other dead", b="dead ~other on_cross/~off_cross"),
    "some gains": classes_of(a="on_centre mine other").assign(
        gain_sign=pd.array([1, -1, None], "Int8")
    ),
    "no codebook": classes_of(a="-/on_cross dead -/~on_cross"),
    "dead": classes_of(a="dead dead"),
    "empty": classes_of(a=""),
}


OTHERS = ["layer", "residual", "gain_sign", "folded_class"]


def columns_of(table):
    """Its columns as lists, None for what is missing."""
    near = None if table.near is None else table.near.tolist()
    columns = [table.own, table.member, table.sigma, *(table[name] for name in OTHERS)]
    return [table.layer.tolist(), near, table.matched.tolist(), *map(values_of, columns)]


def values_of(column):
    if isinstance(column, Labels):
        return np.array([*column.names, None], object)[column.codes].tolist()
    return [None if np.isnan(value) else value for value in column]


@pytest.mark.parametrize("name", TABLES)
def test_arrays_are_the_columns_that_pandas_reads(name, tmp_path):
    TABLES[name].to_parquet(tmp_path / "k5.parquet")
    expected = ClassTable.of(read_classes(tmp_path / "k5.parquet"))
    found = read_class_table(tmp_path / "k5.parquet", OTHERS)
    assert columns_of(found) == columns_of(expected)
    assert found.rulers("paper") == expected.rulers("paper")


def test_a_table_in_several_parts_is_read_whole(tmp_path):
    table = pa.Table.from_pandas(TABLES["usual"])
    parquet.write_table(table, tmp_path / "k5.parquet", row_group_size=3)
    expected = ClassTable.of(TABLES["usual"])
    found = read_class_table(tmp_path / "k5.parquet", OTHERS)
    assert columns_of(found) == columns_of(expected)


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
    assert sorted(subprocess.check_output(command, text=True).split()) == ["0", "2", "3", "3", "7"]
