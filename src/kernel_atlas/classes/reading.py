"""Read the tables of classes, one Parquet file per model and kernel size."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from kernel_atlas.classes.table import COLUMNS, ClassTable, Labels

if TYPE_CHECKING:
    import pandas as pd


def read_classes(path: str | Path, columns: Sequence[str] | None = None) -> "pd.DataFrame":
    """Read a table of classes (`tabulate.tabulate`).

    As `pandas.read_parquet` does, in half the time: a hundred models are hundreds of tables.

    Parameters
    ----------
    path : path
    columns : sequence of str, optional
        All by default.
    """
    return _read(path, columns).to_pandas(use_threads=False)


def read_class_table(path: str | Path, others: Sequence[str] = ()) -> ClassTable:
    """Read a table of classes as arrays, without pandas.

    Parameters
    ----------
    path : path
    others : sequence of str
        Columns to read besides those that every `ClassTable` has.
    """
    table = _read(path, list(dict.fromkeys([*COLUMNS, *others])))
    columns = {name: _join(table.column(name)) for name in table.column_names}
    near = columns["near"]
    return ClassTable(
        layer=_to_numpy(columns["layer_index"]),
        near=None if near.null_count else _to_numpy(near),
        own=_to_labels(columns["class"]),
        member=_to_labels(columns["member"]),
        matched=_to_numpy(columns["matched"]),
        sigma=_to_numpy(columns["sigma"], np.nan),
        others={name: _to_array(columns[name]) for name in others},
    )


def _read(path: str | Path, columns: Sequence[str] | None) -> pa.Table:
    with parquet.ParquetFile(path) as file:
        names = None if columns is None else list(columns)
        return file.read(columns=names, use_threads=False)


def _join(column: pa.ChunkedArray) -> pa.Array:
    """As pyarrow's own `combine_chunks`, which imports pandas for an empty column."""
    return pa.concat_arrays(column.chunks or [pa.nulls(0, column.type)])


def _to_labels(column: pa.DictionaryArray) -> Labels:
    return Labels(_to_numpy(column.indices, -1), column.dictionary.to_pylist())


def _to_array(column: pa.Array) -> np.ndarray | Labels:
    if pa.types.is_dictionary(column.type):
        return _to_labels(column)
    # the layers of no kernels have no type
    if pa.types.is_null(column.type) or (column.null_count and pa.types.is_integer(column.type)):
        column = column.cast(pa.float64())
    return _to_numpy(column, np.nan)


def _to_numpy(column: pa.Array, missing: float = 0) -> np.ndarray:
    """As pyarrow's own `to_numpy`, which imports pandas."""
    validity, data = column.buffers()
    end = column.offset + len(column)
    if pa.types.is_boolean(column.type):
        values = _to_bits(data, end)
    else:
        values = np.frombuffer(data, column.type.to_pandas_dtype(), end).copy()
    if validity:
        values[~_to_bits(validity, end)] = missing
    return values[column.offset :]


def _to_bits(buffer: pa.Buffer, n: int) -> np.ndarray:
    return np.unpackbits(np.frombuffer(buffer, np.uint8), count=n, bitorder="little").astype(bool)
