"""The paper's Table 2, one row per arm of the experiments, and the table of memorisation."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from kernel_atlas.atomic import write_table
from kernel_atlas.experiments.reading import read_checkpoints
from kernel_atlas.experiments.starts_pages import PAGES, write_pages
from kernel_atlas.tables.reading import read_table

FACTS = ["start", "frozen", "network", "data", "classes", "shuffle", "regularise"]  # of an arm
ACCURACIES = {"train_accuracy": "train_accuracy", "accuracy": "validation_accuracy"}
SHARES = ["near", "clustered", "matched"]
PAPER_COLUMNS = ["paper_accuracy_percent", "paper_percent"]
COLUMNS = [
    "arm",
    *FACTS,
    "kernel_size",
    "epoch",
    "n_seeds",
    *(f"{name}_{what}" for name in (*ACCURACIES, *SHARES) for what in ("percent", "spread")),
    "chance_percent",
    *(f"{name}_start_percent" for name in SHARES),
    *PAPER_COLUMNS,
    "note",
]

# Table 2: top-1 accuracy and near kernels by the start, of this network on ImageNet (Appendix F)
PAPER = {"kaiming": (66.35, 56.65), "dog": (69.01, 96.03)}
PAPER_SIZE = 7
PAPER_NETWORKS = {  # ConvMixer-768/32 as the configuration may name it, with what it says at least
    "ConvMixer": {"dim=768", "depth=32", "kernel_size=7", "patch_size=14"},
    "convmixer_768_32": {"patch_size=14"},
}


def compare_starts(
    path_to_checkpoints: str | Path,
    paths_to_groups: Sequence[str | Path],
    path_to_clustered: str | Path,
    folder: str | Path,
) -> None:
    """Write the tables of `PAGES`, each as .tsv, .md and .tex.

    Parameters
    ----------
    path_to_checkpoints : path
        The table checkpoints.tsv: one row per kept epoch of each training.
    paths_to_groups : sequence of path
        Each checkpoint's group in the store.
    path_to_clustered : path
        The table clustered.tsv, which has their kernels.
    folder : path
        Written there.
    """
    groups = {Path(group).name: Path(group) for group in paths_to_groups}
    checkpoints = read_checkpoints(path_to_checkpoints, groups)
    arms = sum_up_arms(checkpoints, read_table(path_to_clustered))
    is_memory = (arms["shuffle"] != "none") | ~arms["regularise"].astype(bool)
    is_beside = arms["network"].isin(arms.loc[is_memory, "network"])
    for name, rows in (("starts", arms), ("memorisation", arms[is_beside])):
        path = Path(folder) / f"{name}.tsv"
        write_table(rows, path)
        write_pages(PAGES[name], rows, path)


def sum_up_arms(checkpoints: pd.DataFrame, clustered: pd.DataFrame) -> pd.DataFrame:
    """Sum up each arm over its seeds, at its last kept epoch.

    Parameters
    ----------
    checkpoints, clustered : DataFrame
        The tables checkpoints.tsv and clustered.tsv.

    Returns
    -------
    DataFrame
        With `COLUMNS`: one row per arm and kernel size, in the order of `checkpoints`. A spread
        is the standard deviation of a sample, missing with one seed. `note` names the seeds that
        a number lacks.
    """
    percents = [f"{name}_percent" for name in SHARES]
    kernels = clustered[["model", "kernel_size", *percents]]
    rows = []
    for arm, trained in checkpoints.groupby("arm", sort=False):
        measured = trained.merge(kernels, on="model")
        for size in sorted(measured["kernel_size"].unique()) or [None]:
            of_size = measured[measured["kernel_size"] == size]
            rows.append({"arm": arm} | _sum_up(trained, of_size, size))
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.astype(dict.fromkeys(("kernel_size", "epoch", "n_seeds"), "Int64"))


def _sum_up(trained: pd.DataFrame, measured: pd.DataFrame, size: int | None) -> dict[str, Any]:
    """One arm and kernel size: its checkpoints, and those of them with kernels of that size."""
    epoch, seeds = trained["epoch"].max(), sorted(set(trained["seed"]))
    last = trained[trained["epoch"] == epoch].set_index("seed")
    kernels = measured[measured["epoch"] == epoch].set_index("seed")
    row: dict[str, Any] = last[[*FACTS, "chance"]].iloc[0].to_dict()
    row |= {"kernel_size": size, "epoch": epoch, "n_seeds": len(last)}
    row["chance_percent"] = row.pop("chance")
    values = {name: last[column] for name, column in ACCURACIES.items()}
    values |= {name: kernels[f"{name}_percent"] for name in SHARES}
    for name, of_seeds in values.items():
        row |= {f"{name}_percent": of_seeds.mean(), f"{name}_spread": of_seeds.std()}
    for name in SHARES:
        row[f"{name}_start_percent"] = measured.loc[
            measured["epoch"] == 0, f"{name}_percent"
        ].mean()
    if _is_of_paper(row):
        row |= dict(zip(PAPER_COLUMNS, PAPER[row["start"]], strict=True))
    lacking = {
        f"epoch {epoch}": [seed for seed in seeds if seed not in last.index],
        "accuracy": list(last.index[last["validation_accuracy"].isna()]),
        "measured kernels": [seed for seed in last.index if seed not in kernels.index],
    }
    row["note"] = "; ".join(
        f"no {what} from seed {', '.join(map(str, missing))}"
        for what, missing in lacking.items()
        if missing
    )
    return row


def _is_of_paper(row: Mapping[str, Any]) -> bool:
    """Whether an arm trains the paper's network, from one of its starts, on all of ImageNet."""
    name, _, arguments = row["network"].rstrip(")").partition("(")
    return (
        name in PAPER_NETWORKS
        and set(arguments.split(", ")) >= PAPER_NETWORKS[name]
        and row["kernel_size"] == PAPER_SIZE
        and row["start"] in PAPER
        and row["data"].startswith("imagenet:")
        and row["classes"] == 1000
        and row["shuffle"] == "none"
        and bool(row["regularise"])
        and not row["frozen"]
    )
