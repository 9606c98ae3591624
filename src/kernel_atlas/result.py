"""What a network's kernels are: the result of `Atlas.classify`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

from kernel_atlas.checkpoints.inventory import Candidate
from kernel_atlas.errors import one_line
from kernel_atlas.family.names import order_classes
from kernel_atlas.tables.layers import COLUMNS, SUMS, count_by_layer, count_layers, sum_up

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUMMARY_COLUMNS = ["kernel_size", *SUMS, "random_percent", "note"]


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
        For each kernel size that the atlas has, one row per kernel, exactly as in a run's
        ``classes/<model>/k<size>.parquet``.
    summary : DataFrame
        One row per kernel size: counts, `clustered_percent` of the live kernels with its
        interval, `random_percent` (what random directions give), and in `note` why a size
        is not classified.
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
            ("member", tables[0]["member"].cat.categories),
        ):
            joined[name] = pd.Categorical(joined[name], categories)
        return joined[["kernel_size", *tables[0].columns[:-1]]]

    @cached_property
    def layers(self) -> pd.DataFrame:
        """The counts of each class in each layer, as in ``tables/layers.tsv``."""
        columns = [name for name in COLUMNS if name != "model"]
        tables = [
            count_by_layer(table).assign(kernel_size=size) for size, table in self.classes.items()
        ]
        return pd.concat([pd.DataFrame(), *tables], ignore_index=True).reindex(columns=columns)

    @cached_property
    def inventory(self) -> pd.DataFrame:
        """The `candidates` as a table."""
        return pd.DataFrame(self.candidates, columns=list(Candidate._fields))

    def plot(self) -> "Figure":
        """Draw the classes by layer: one panel of stacked bars per kernel size."""
        from kernel_atlas.figures.layers import draw_layers

        # a dollar sign would begin a formula
        title = one_line(self.name.rpartition("/")[2]).replace("$", r"\$")
        return draw_layers(title, self.classes)


def summarise(
    counts: Mapping[int, int],
    classes: Mapping[int, pd.DataFrame],
    random_percents: Mapping[int, float],
    known_sizes: Sequence[int],
) -> pd.DataFrame:
    """The table `Result.summary`.

    Parameters
    ----------
    counts : mapping
        From kernel size to number of kernels.
    classes, random_percents : mapping
        By kernel size, for those that are classified.
    known_sizes : sequence of int
        The sizes that the atlas has.
    """
    known = ", ".join(f"{size}x{size}" for size in known_sizes)
    rows = []
    for size, count in counts.items():
        if size in classes:
            facts = sum_up(count_layers(classes[size]))
            row = {**facts, "random_percent": random_percents[size], "note": ""}
        else:
            row = {"n_kernels": count, "note": f"not classified: the atlas has {known} only"}
        rows.append({"kernel_size": size, **row})
    return pd.DataFrame(rows, columns=SUMMARY_COLUMNS)
