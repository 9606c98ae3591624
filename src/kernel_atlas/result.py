"""What a network's kernels are: the result of `Atlas.classify`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from kernel_atlas.checkpoints.inventory import Candidate
from kernel_atlas.classes.table import ClassTable
from kernel_atlas.errors import one_line
from kernel_atlas.family.names import order_classes
from kernel_atlas.tables.layers import (
    COLUMNS,
    COUNTS,
    SHARES,
    SUMS,
    count_by_layer,
    count_layers,
    sum_up,
)
from kernel_atlas.tables.signs import COLUMNS as SIGN_COLUMNS
from kernel_atlas.tables.signs import count_signs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUMMARY_COLUMNS = [
    "kernel_size",
    *SUMS,
    *(f"random_{name}_percent" for name in SHARES),
    "note",
]


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """The classes of a network's depthwise kernels.

    Attributes
    ----------
    name : str
        The network.
    atlas : str
        Which atlas has classified it.
    classes : dict of int to DataFrame
        For each kernel size, one row per kernel, exactly as in a run's
        ``classes/<model>/k<size>.parquet``. A size of which the atlas has no codebook has
        members alone.
    summary : DataFrame
        One row per kernel size: the counts and percentages of ``tables/clustered.tsv`` by
        either ruler, what random directions give, and in `note` what a size lacks.
    candidates : sequence of Candidate
        Each weight that might be depthwise: counted or not, and why.
    """

    name: str
    atlas: str
    classes: dict[int, pd.DataFrame]
    summary: pd.DataFrame
    candidates: Sequence[Candidate]

    def __repr__(self) -> str:
        return f"Result({self.name!r}, {len(self.kernels):,} kernels)"

    @cached_property
    def kernels(self) -> pd.DataFrame:
        """One row per kernel of all sizes: `kernel_size` and the columns of `classes`."""
        tables = [table.assign(kernel_size=size) for size, table in self.classes.items()]
        if not tables:
            return pd.DataFrame()
        joined = pd.concat(tables, ignore_index=True)
        classes = {label for table in tables for label in table["class"].cat.categories}
        for name, categories in (
            ("layer", tables[0]["layer"].cat.categories),
            ("class", order_classes(classes)),
            ("folded_class", order_classes(classes)),
            ("member", tables[0]["member"].cat.categories),
        ):
            joined[name] = pd.Categorical(joined[name], categories)
        return joined[["kernel_size", *tables[0].columns[:-1]]]

    @cached_property
    def layers(self) -> pd.DataFrame:
        """The counts of each class in each layer, as in ``tables/layers.tsv``."""
        columns = [name for name in COLUMNS if name != "model"]
        tables = [
            count_by_layer(ClassTable.of(table)).assign(kernel_size=size)
            for size, table in self.classes.items()
        ]
        return pd.concat([pd.DataFrame(), *tables], ignore_index=True).reindex(columns=columns)

    @cached_property
    def signs(self) -> pd.DataFrame:
        """On and off classes with and without the gains, as in ``tables/signs.tsv``."""
        columns = [name for name in SIGN_COLUMNS if name != "model"]
        tables = [
            count_signs(ClassTable.of(table)).assign(kernel_size=size)
            for size, table in self.classes.items()
        ]
        return pd.concat([pd.DataFrame(), *tables], ignore_index=True).reindex(columns=columns)

    @cached_property
    def inventory(self) -> pd.DataFrame:
        """The `candidates` as a table."""
        return pd.DataFrame(self.candidates, columns=list(Candidate._fields))

    def plot(self) -> "Figure":
        """Draw the classes by layer: stacked bars by either ruler for each kernel size."""
        from kernel_atlas.figures.layers import draw_layers

        # a dollar sign would begin a formula
        title = one_line(self.name.rpartition("/")[2]).replace("$", r"\$")
        tables = {size: ClassTable.of(table) for size, table in self.classes.items()}
        return draw_layers(title, tables)


def summarise(
    classes: Mapping[int, pd.DataFrame],
    random_percents: Mapping[int, Mapping[str, float]],
    known_sizes: Sequence[int],
) -> pd.DataFrame:
    """The table `Result.summary`.

    Parameters
    ----------
    classes : mapping
        From kernel size to table of classes.
    random_percents : mapping
        From kernel size to what random directions give, by the name in `SHARES`, where known.
    known_sizes : sequence of int
        The sizes of which the atlas has codes; maybe none.
    """
    known = ", ".join(f"{size}x{size}" for size in known_sizes)
    lacks = f"no codebook, matched only: the atlas has {f'{known} only' if known else 'none'}"
    rows = []
    for size, table in classes.items():
        chance = random_percents.get(size, {})
        row: dict[str, Any] = {"kernel_size": size, **sum_up(count_layers(ClassTable.of(table)))}
        row |= {f"random_{name}_percent": chance.get(name, float("nan")) for name in SHARES}
        row["note"] = "" if size in known_sizes else lacks
        rows.append(row)
    types = dict.fromkeys(COUNTS, "Int64")
    return pd.DataFrame(rows, columns=SUMMARY_COLUMNS).astype(types)
