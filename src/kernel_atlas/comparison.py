"""Compare networks by their kernels: proportions, second moments, divergences, keys."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from kernel_atlas.atlas import Atlas
from kernel_atlas.checkpoints.choice import Choice
from kernel_atlas.classes.controls import OWN
from kernel_atlas.classes.rulers import FAMILY, RULERS, class_by, has_codebook
from kernel_atlas.errors import AtlasError
from kernel_atlas.extraction.kernels import gather_kernels
from kernel_atlas.family.names import DEAD
from kernel_atlas.measures.layer import Measured, pool
from kernel_atlas.measures.layers import list_keys, measure_layers
from kernel_atlas.measures.moments import similarity
from kernel_atlas.networks import read_network
from kernel_atlas.tables.depth import N_DEPTHS, to_depths
from kernel_atlas.tables.intervals import percent_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MIN_PERCENT = 1.0  # of a network's live kernels that a key describes, if the network has the key
N_CHANCE = 100  # random splits
SEED = 0
PAIR_COLUMNS = [
    *("kernel_size", "network", "other_network", "stage", "n_kernels", "n_other_kernels"),
    *("divergence", "chance", "similarity"),
]


@dataclass(frozen=True)
class Comparison:
    """What several networks have in common.

    Attributes
    ----------
    shares : DataFrame
        One row per network and kernel size: the columns of `Result.summary`.
    classes : DataFrame
        One row per network, size, ruler and class: `n` and `percent` of the live kernels,
        with a 95 % interval over other layers.
    pairs : DataFrame
        One row per size, pair of networks and stage (`all`, or the number of a fifth of the
        relative depth, from 1): `divergence` of their class proportions by the family's ruler
        (`divergence_of`), `chance` and, for all stages together, `similarity` of E[d d'].
    keys : DataFrame
        One row per network, size, bank and key: `n_described`, `n_turned`, `percent` of the
        live kernels, and whether the network has the key (`MIN_PERCENT`).
    layers : DataFrame
        One row per network, size, layer and class: the columns of `Result.layers`.
    """

    shares: pd.DataFrame
    classes: pd.DataFrame
    pairs: pd.DataFrame
    keys: pd.DataFrame
    layers: pd.DataFrame

    def plot(self) -> "Figure":
        """Draw the class proportions of each network by either ruler."""
        from kernel_atlas.figures.proportions import draw_proportions

        names = pd.Series(self.layers["network"].unique())
        short = names.str.rpartition("/")[2]
        short = names.where(short.duplicated(keep=False), short)
        # a dollar sign would begin a formula
        titles = dict(zip(names, short.str.replace("$", r"\$", regex=False), strict=True))
        return draw_proportions(self.layers.assign(model=self.layers["network"].map(titles)))


def compare(
    networks: Sequence[Any], atlas: Atlas | str | Path | None = None, **choice: str
) -> Comparison:
    """Compare networks by their depthwise kernels.

    Parameters
    ----------
    networks : sequence
        At least two, each as in `classify`.
    atlas : Atlas or path, optional
        By default the atlas that comes with the package.
    **choice
        `weights`, `include` and `exclude`, for all networks.

    Raises
    ------
    AtlasError
        If one cannot be read or has no depthwise kernels, or there are fewer than two.
    """
    if len(networks) < 2:
        raise AtlasError("one network alone cannot be compared; give two or more")
    chosen = atlas if isinstance(atlas, Atlas) else Atlas.load(atlas)
    shares, classes, keys, layers = [], [], [], []
    tables: dict[int, dict[str, pd.DataFrame]] = {}
    measured: dict[int, dict[str, Measured]] = {}
    for number, network in enumerate(networks, start=1):
        name, reading = read_network(network, Choice(**choice))
        if any(name in of_size for of_size in tables.values()):
            name = f"{name} ({number})"
        result = chosen.classify_reading(name, reading)
        shares.append(result.summary.assign(network=name))
        layers.append(result.layers.assign(network=name))
        for size, table in result.classes.items():
            facts = {"network": name, "kernel_size": size}
            tables.setdefault(size, {})[name] = table
            found = measure_layers(gather_kernels(reading.layers, size), controls={})
            whole = measured.setdefault(size, {})[name] = pool([x[OWN] for _, x in found])
            classes += [facts | row for row in _list_classes(table)]
            keys += [facts | row for row in _list_keys(whole)]
    pairs = [
        {"kernel_size": size} | row
        for size in sorted(tables)
        for row in _list_pairs(tables[size], measured[size])
    ]
    joined = pd.concat(shares, ignore_index=True)
    return Comparison(
        joined[["network", *joined.columns.drop("network")]],
        pd.DataFrame(classes),
        pd.DataFrame(pairs, columns=PAIR_COLUMNS),
        pd.DataFrame(keys),
        pd.concat(layers, ignore_index=True),
    )


def divergence_of(first: np.ndarray, second: np.ndarray) -> float:
    """The Jensen-Shannon divergence of two distributions, given as counts, in bits.

    Returns
    -------
    float
        0 (equal proportions) to 1 (nothing in common). NaN if either has no counts.
    """
    if not first.sum() or not second.sum():
        return float("nan")
    p, q = first / first.sum(), second / second.sum()
    return float(_entropy((p + q) / 2) - (_entropy(p) + _entropy(q)) / 2)


def chance_divergence(first: np.ndarray, second: np.ndarray) -> float:
    """The mean divergence if all these kernels are dealt to the two networks at random. Seeded.

    Few kernels differ by chance alone. Kernels of a layer are alike, so that two trainings of
    one network differ by more than this.
    """
    if not first.sum() or not second.sum():
        return float("nan")
    total = first + second
    generator = np.random.default_rng(SEED)
    dealt = generator.multivariate_hypergeometric(total, int(first.sum()), N_CHANCE)
    return float(np.mean([divergence_of(counts, total - counts) for counts in dealt]))


def _entropy(shares: np.ndarray) -> float:
    known = shares[shares > 0]
    return float(-(known * np.log2(known)).sum())


def _list_classes(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    live = table[table["class"].astype(object) != DEAD]
    if live.empty:
        return
    by_layer = live.groupby("layer_index")
    for ruler in RULERS if has_codebook(table) else (FAMILY,):
        labels = class_by(live, ruler)
        counts = pd.get_dummies(labels).groupby(live["layer_index"]).sum()
        for label in counts.columns.drop(DEAD):
            low, high = percent_interval(counts[label].to_numpy(), by_layer.size().to_numpy())
            n = int(counts[label].sum())
            yield {
                "ruler": ruler,
                "class": label,
                "n": n,
                "percent": 100 * n / len(live),
                "low_percent": low,
                "high_percent": high,
            }


def _list_keys(whole: Measured) -> Iterator[dict[str, Any]]:
    for row in list_keys(whole):
        percent = 100 * row["n_described"] / whole.n_live if whole.n_live else float("nan")
        yield row | {"percent": percent, "is_there": percent >= MIN_PERCENT}


def _list_pairs(
    tables: Mapping[str, pd.DataFrame], measured: Mapping[str, Measured]
) -> Iterator[dict[str, Any]]:
    """The rows of one kernel size."""
    counts = {name: count_by_stage(table) for name, table in tables.items()}
    for one, other in combinations(tables, 2):
        for stage in ("all", *map(str, range(1, N_DEPTHS + 1))):
            first, second = counts[one][stage], counts[other][stage]
            moments = [measured[name].moment for name in (one, other)]
            yield {
                "network": one,
                "other_network": other,
                "stage": stage,
                "n_kernels": int(first.sum()),
                "n_other_kernels": int(second.sum()),
                "divergence": divergence_of(first, second),
                "chance": chance_divergence(first, second),
                "similarity": similarity(*moments) if stage == "all" else float("nan"),
            }


def count_by_stage(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Count the live kernels of each class by the family's ruler, at each stage.

    Parameters
    ----------
    table : DataFrame
        One row per kernel of one size (`classes.tabulate`).

    Returns
    -------
    dict
        From stage, as in `Comparison.pairs`, to counts, in one order of classes.
    """
    labels = class_by(table, FAMILY)
    labels = labels.cat.remove_categories([c for c in labels.cat.categories if c == DEAD])
    depth = to_depths(table["layer_index"], len(table["layer"].cat.categories))
    stages = {"all": labels} | {str(i + 1): labels[depth == i] for i in range(N_DEPTHS)}
    return {name: of.value_counts(sort=False).to_numpy() for name, of in stages.items()}
