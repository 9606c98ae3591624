"""The paper's tables of clustered kernels (1, 3 and 4) with this run's numbers beside them."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from kernel_atlas.atomic import write_table
from kernel_atlas.sheet import PAPER_TABLE_SIZES
from kernel_atlas.tables.pages import format_number, to_latex, to_markdown, write_text

# The kernel size of each table; the models of Table 1 are ten of Table 4's.
SIZES = {"1": PAPER_TABLE_SIZES["4"], **PAPER_TABLE_SIZES}
TABLE_1 = (  # in its order, by their names in Table 4
    "ConvNextV2 tiny 224 22k",
    "ConvNextV2 tiny 224 1k",
    "ConvNext tiny 224 1k",
    "HorNet tiny 224 1k",
    "MogaNet small 224 1k",
    "ConvMixer 768 32_layer 1k",
    "ConvNextV2 huge 224 1k",
    "ConvNextV2 huge 384 22k",
    "ConvNextV2 large 224 1k",
    "ConvNextV2 large 224 22k",
)
COLUMNS = [
    "model",
    "n_kernels",
    "paper_percent",
    "near_percent",
    "near_low_percent",
    "near_high_percent",
    "difference",
    "random_near_percent",
    "matched_percent",
]
HEADS = [  # of the cells in Markdown and LaTeX
    "model",
    "kernels",
    "published",
    "measured",
    "95 % interval",
    "difference",
    "random",
    "matched",
]

_NOTE = """\
Kernels of {size}x{size}, in percent. *Published* and *measured* are near kernels of all \
kernels, *difference* is measured minus published, in points, and *random* is the measured \
share of random directions. *Matched* is the other ruler: kernels near a member of the DoG \
family, of live kernels. A dash stands where there is no value."""
NO_ROWS = "The run has no model of this table."


def write_paper_tables(
    path_to_clustered: str | Path, path_to_models: str | Path, folder: str | Path
) -> None:
    """Write Tables 1, 3 and 4 of the paper, each for the models that the run shares with it.

    Parameters
    ----------
    path_to_clustered : path
        The table clustered.tsv, which has the numbers.
    path_to_models : path
        The table models.tsv, which has the models' names in the paper.
    folder : path
        Written there: paper_table1, paper_table3 and paper_table4, each as .tsv, .md and .tex.
    """
    # only an empty cell is missing: a model may be called NA
    clustered = pd.read_csv(
        path_to_clustered,
        sep="\t",
        keep_default_na=False,
        na_values=[""],
        dtype={"model": str, "n_kernels": "Int64"},
    )
    models = pd.read_csv(path_to_models, sep="\t", dtype=str, keep_default_na=False)
    names = dict(zip(models["model"], models["paper_name"], strict=True))
    for table in SIZES:
        rows = list_rows(table, clustered, names)
        path = Path(folder) / f"paper_table{table}.tsv"
        write_table(rows, path)
        size, cells = SIZES[table], list(_cells(rows))
        title = f"Table {table} of the paper and this run"
        page = to_markdown(title, _NOTE.format(size=size), HEADS, cells, NO_ROWS)
        write_text(page, path.with_suffix(".md"))
        title += f": kernels of {size}x{size}, in percent"
        write_text(to_latex(title, HEADS, cells), path.with_suffix(".tex"))


def list_rows(table: str, clustered: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """List the rows of clustered.tsv that are in one of the paper's tables.

    Parameters
    ----------
    table : str
        A key of `SIZES`.
    clustered : DataFrame
        The table clustered.tsv.
    names : dict
        From each model to its name in the paper.

    Returns
    -------
    DataFrame
        With `COLUMNS`, in the paper's order for Table 1, else in that of the sheet.
    """
    is_in_table = (clustered["kernel_size"] == SIZES[table]) & clustered["paper_percent"].notna()
    rows = clustered[is_in_table]
    if table == "1":
        places = rows["model"].map(names).map({name: i for i, name in enumerate(TABLE_1)})
        rows = rows.loc[places.dropna().sort_values(kind="stable").index]
    rows = rows[COLUMNS].reset_index(drop=True)
    # clustered.tsv counts 0 kernels of a model without results
    return rows.assign(n_kernels=rows["n_kernels"].where(rows["n_kernels"] > 0))


def _cells(rows: pd.DataFrame) -> Iterator[list[str]]:
    """The cells of each row as text, in the order of `HEADS`; missing ones are empty."""
    for row in rows.itertuples():
        low, high = row.near_low_percent, row.near_high_percent
        yield [
            row.model,
            format_number(row.n_kernels, ","),
            format_number(row.paper_percent),
            format_number(row.near_percent),
            "" if pd.isna(low) else f"{low:.1f} to {high:.1f}",
            format_number(row.difference, "+z.1f"),
            format_number(row.random_near_percent),
            format_number(row.matched_percent),
        ]
