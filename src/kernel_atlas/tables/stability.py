"""Tables of stability: whether the codebooks of other seeds give the same classes."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from kernel_atlas.atomic import write_table
from kernel_atlas.codebooks.codebook import Codebook, read_codebook
from kernel_atlas.codebooks.training_set import sample_training_set
from kernel_atlas.family.fit import fit_members
from kernel_atlas.family.names import OTHER
from kernel_atlas.tables.naming import CLASSES, Naming, name_kernels, name_matched

# by table: its columns, with the types that keep whole numbers whole where cells are empty
COLUMNS = {
    "seeds": {
        "kernel_size": "Int64",
        "seeds": "object",
        "kept": "bool",
        "n_kernels": "Int64",
        "n_named": "Int64",
        "n_near": "Int64",
        "near_percent": "float",
        "n_clustered": "Int64",
        "clustered_percent": "float",
        "same_class_percent": "float",
    },
    "classes": {
        "kernel_size": "Int64",
        "class": "object",
        "seeds": "object",
        "kept": "bool",
        "n_kernels": "Int64",
        "n_either": "Int64",
        "overlap": "float",
        "fewest": "Int64",
        "most": "Int64",
        "n_named": "Int64",
        "best_purity": "float",
        "n_members": "Int64",
    },
    "confusion": {
        "kernel_size": "Int64",
        "seeds": "object",
        "first_class": "object",
        "second_class": "object",
        "n_kernels": "Int64",
    },
}


def compare_codebooks(
    codebooks: Mapping[str, np.ndarray],
    kept: Sequence[str],
    kernels: np.ndarray,
    threshold: float,
    min_purity: float,
) -> dict[str, pd.DataFrame]:
    """Classify the same kernels by each codebook, with labels of its own, and compare.

    Parameters
    ----------
    codebooks : mapping
        From seed to codebook, of shape (m, k, k).
    kept : sequence of str
        The seed whose codebook is in use, in a list.
    kernels : ndarray of shape (n, k, k)
        Live kernels that the codebooks were fitted to.
    threshold, min_purity : float
        As for `propose_labels`.

    Returns
    -------
    dict of DataFrame
        The tables of `COLUMNS` (docs/reference/tables.md says what each column means).
    """
    members = fit_members(kernels)
    namings = {
        seed: name_kernels(Codebook(array), kernels, members, threshold, min_purity)
        for seed, array in codebooks.items()
    }
    matched = name_matched(members, threshold)
    # each seed beside itself, then beside each other one
    pairs = {
        ", ".join(dict.fromkeys(pair)): (namings[pair[0]], namings[pair[1]])
        for pair in [*((seed, seed) for seed in namings), *combinations(namings, 2)]
    }
    tables = {
        "seeds": _list_seeds(pairs).assign(n_kernels=len(kernels)),
        "classes": _list_classes(pairs).assign(n_members=lambda x: x["class"].map(_count(matched))),
        "confusion": _list_confusion(pairs),
    }
    return {
        name: _complete(
            name, table.assign(kernel_size=kernels.shape[-1], kept=table["seeds"].isin(kept))
        )
        for name, table in tables.items()
    }


def compare_seeds(
    paths_to_groups: Sequence[str | Path],
    paths_to_codebooks: Mapping[int, str | Path],
    paths_to_kept: Mapping[int, str | Path],
    thresholds: Mapping[int, float],
    min_purity: float,
    paths_to_tables: Mapping[str, str | Path],
) -> None:
    """Write how far the seeds of each autoencoder agree (docs/results.md).

    Parameters
    ----------
    paths_to_groups : sequence of path
        The train models' groups in the store.
    paths_to_codebooks, paths_to_kept : mapping
        From kernel size to the codebooks of all seeds (.npz) and to the one in use.
    thresholds : mapping
        From kernel size to the threshold in force.
    min_purity : float
        As for `propose_labels`.
    paths_to_tables : mapping
        From each name in `COLUMNS` to a path. Written: tab-separated.
    """
    found = []
    for size, path_to_codebooks in paths_to_codebooks.items():
        with np.load(path_to_codebooks) as file:
            codebooks = dict(file)
        if not codebooks:
            continue
        in_use = read_codebook(paths_to_kept[size]).kernels
        kept = [seed for seed, array in codebooks.items() if np.array_equal(array, in_use)]
        kernels = sample_training_set(paths_to_groups, size)
        found.append(compare_codebooks(codebooks, kept, kernels, thresholds[size], min_purity))
    for name, path in paths_to_tables.items():
        none = _complete(name, pd.DataFrame())
        write_table(pd.concat([none, *(tables[name] for tables in found)]), path)


def _count(classes: np.ndarray) -> pd.Series:
    """The number of kernels of each class of the family."""
    return pd.Series(classes).value_counts().reindex(CLASSES, fill_value=0)


def _list_seeds(pairs: Mapping[str, tuple[Naming, Naming]]) -> pd.DataFrame:
    """Near, clustered and equally named kernels of each seed and pair."""
    rows = []
    for seeds, (first, second) in pairs.items():
        is_clustered = (first.classes != OTHER) & (second.classes != OTHER)
        near, same = first.near & second.near, (first.classes == second.classes)[is_clustered]
        row = {
            "seeds": seeds,
            "n_near": near.sum(),
            "near_percent": 100 * near.mean(),
            "n_clustered": is_clustered.sum(),
            "clustered_percent": 100 * is_clustered.mean(),
        }
        if first is second:
            row["n_named"] = first.n_named.sum()
        elif len(same):
            row["same_class_percent"] = 100 * same.mean()
        rows.append(row)
    return pd.DataFrame(rows)


def _list_classes(pairs: Mapping[str, tuple[Naming, Naming]]) -> pd.DataFrame:
    """Kernels of each class and of each seed and pair, classes in their order."""
    tables = []
    for seeds, (first, second) in pairs.items():
        by_both = _count(first.classes[first.classes == second.classes])
        table = pd.DataFrame({"seeds": seeds, "n_kernels": by_both})
        if first is second:
            table = table.assign(n_named=first.n_named, best_purity=first.best_purity)
        else:
            table["n_either"] = _count(first.classes) + _count(second.classes) - by_both
            table["overlap"] = by_both / table["n_either"]
        tables.append(table)
    classes = pd.concat(tables)
    of_seed = classes.loc[classes["n_named"].notna(), "n_kernels"].groupby(level=0)
    classes = classes.assign(fewest=of_seed.min(), most=of_seed.max())
    return classes.loc[CLASSES].rename_axis("class").reset_index()


def _list_confusion(pairs: Mapping[str, tuple[Naming, Naming]]) -> pd.DataFrame:
    """Kernels by the class that each of two seeds gives."""
    order = [*CLASSES, OTHER].index
    tables = [pd.DataFrame({"seeds": []})]
    for seeds, (first, second) in pairs.items():
        if first is not second:
            classes = {"first_class": first.classes, "second_class": second.classes}
            cells = pd.DataFrame(classes).value_counts().rename("n_kernels").reset_index()
            cells = cells.sort_values(list(classes), key=lambda names: names.map(order))
            tables.append(cells.assign(seeds=seeds))
    return pd.concat(tables)


def _complete(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """The table with all its columns in order, and with their types."""
    return table.reindex(columns=list(COLUMNS[name])).astype(COLUMNS[name])
