"""Write the table of classes of one model and kernel size, without pandas."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from kernel_atlas.atomic import replacing
from kernel_atlas.classes.columns import Column
from kernel_atlas.classes.table import Labels

# what pandas calls the columns that can have missing values
NULLABLE = {"bool": "boolean", "int8": "Int8"}


def write_classes(columns: Mapping[str, Column], path: str | Path) -> None:
    """Write the columns of `columns.measure` as `tabulate.tabulate(...).to_parquet` would.

    Raises
    ------
    NoSpaceError
        If the disk is full.
    """
    arrays = [_to_arrow(column) for column in columns.values()]
    facts = [_describe(name, column) for name, column in columns.items()]
    metadata = {"index_columns": [], "column_indexes": [], "columns": facts}
    table = pa.Table.from_arrays(arrays, list(columns))
    table = table.replace_schema_metadata({"pandas": json.dumps(metadata)})
    with replacing(path) as partial:
        parquet.write_table(table, partial)


def _to_arrow(column: Column) -> pa.Array:
    """As pyarrow's own `array`, which imports pandas."""
    if isinstance(column, Labels):
        codes = np.ma.masked_less(column.codes.astype(_dtype(column)), 0)
        return pa.DictionaryArray.from_arrays(_to_arrow(codes), _to_strings(column.names))
    is_missing = np.ma.getmaskarray(column)
    values = np.ascontiguousarray(np.ma.getdata(column))
    if values.dtype.kind == "f":
        is_missing = np.isnan(values)
    data = np.packbits(values, bitorder="little") if values.dtype == bool else values
    validity = pa.py_buffer(np.packbits(~is_missing, bitorder="little"))
    type_ = pa.from_numpy_dtype(values.dtype)
    n_missing = int(is_missing.sum())
    buffers = [validity if n_missing else None, pa.py_buffer(data)]
    return pa.Array.from_buffers(type_, len(values), buffers, n_missing)


def _to_strings(names: list[str]) -> pa.Array:
    texts = [name.encode() for name in names]
    offsets = np.cumsum([0, *map(len, texts)], dtype=np.int32)
    buffers = pa.py_buffer(offsets), pa.py_buffer(b"".join(texts))
    return pa.StringArray.from_buffers(len(names), *buffers)


def _describe(name: str, column: Column) -> dict[str, Any]:
    """What pandas reads of a column to give it its own type again."""
    kind = _dtype(column)
    facts = {"name": name, "field_name": name, "pandas_type": kind, "numpy_type": kind}
    if isinstance(column, Labels):
        categories = {"num_categories": len(column.names), "ordered": False}
        return facts | {"pandas_type": "categorical", "metadata": categories}
    if isinstance(column, np.ma.MaskedArray):
        facts["numpy_type"] = NULLABLE[kind]
    return facts | {"metadata": None}


def _dtype(column: Column) -> str:
    if isinstance(column, Labels):
        return str(np.min_scalar_type(-len(column.names) - 1))
    return str(column.dtype)
