"""Comparisons as text for a terminal, and as JSON."""

import json
from collections.abc import Mapping

import numpy as np
import pandas as pd

from kernel_atlas.comparison import MIN_PERCENT, Comparison
from kernel_atlas.printing import align, to_records
from kernel_atlas.tables.depth import N_DEPTHS
from kernel_atlas.tables.layers import SHARES

BANK_TITLES = {"keys": "master keys", "ideal": "scale-space models of the master keys"}


def comparison_to_text(found: Comparison) -> str:
    """The tables for a terminal, shortened."""
    names = {name: str(i) for i, name in enumerate(dict.fromkeys(found.shares["network"]), start=1)}
    parts = ["\n".join(f"{number}  {name}" for name, number in names.items())]
    for size, shares in found.shares.groupby("kernel_size"):
        rows = [["network", "kernels", *(f"{name} %" for name in SHARES)]]
        for row in shares.to_dict("records"):
            rows.append([names[row["network"]], f"{row['n_kernels']:,}"])
            for name in SHARES:
                ends = [row[f"{name}_{end}percent"] for end in ("", "low_", "high_")]
                rows[-1].append(_with_interval(*ends))
        parts.append(f"{size}x{size}\n{align(rows, '<' + '>' * (len(rows[0]) - 1))}")
        pairs = found.pairs[found.pairs["kernel_size"] == size]
        if len(pairs):
            parts.append(_pairs_to_text(pairs, names))
        keys = found.keys[found.keys["kernel_size"] == size] if len(found.keys) else found.keys
        for bank, of_bank in keys.groupby("bank", sort=False):
            parts.append(
                f"{BANK_TITLES[bank]}, percent of live kernels\n" + _keys_to_text(of_bank, names)
            )
    return "\n\n".join(parts)


def _with_interval(value: float, low: float, high: float) -> str:
    if np.isnan(value):
        return "-"
    return f"{value:.1f}" + ("" if np.isnan(low) else f" ({low:.0f} to {high:.0f})")


def _pairs_to_text(pairs: pd.DataFrame, names: Mapping[str, str]) -> str:
    stages = [str(i + 1) for i in range(N_DEPTHS)]
    rows = [["pair", "similarity", "divergence", "by chance", *(f"fifth {s}" for s in stages)]]
    for (one, other), of_pair in pairs.groupby(["network", "other_network"], sort=False):
        found = of_pair.set_index("stage")
        cells = [found["similarity"]["all"], *found.loc["all", ["divergence", "chance"]]]
        cells += [found["divergence"][stage] for stage in stages]
        rows.append(
            [f"{names[one]}, {names[other]}"] + ["-" if x != x else f"{x:.3f}" for x in cells]
        )
    return align(rows, "<" + ">" * (len(rows[0]) - 1))


def _keys_to_text(keys: pd.DataFrame, names: Mapping[str, str]) -> str:
    """What each key describes in each network, which all have, and which some lack."""
    wide = keys.pivot_table(index="network", columns="key", values="percent", sort=False)
    has = keys.pivot_table(index="network", columns="key", values="is_there", sort=False) > 0
    rows = [["network", *map(str, wide.columns)]]
    rows += [[names[name], *(f"{x:.1f}" for x in row)] for name, row in wide.iterrows()]
    shared = ", ".join(map(str, has.columns[has.all()])) or "none"
    lines = [
        align(rows, "<" + ">" * len(wide.columns)),
        f"shared (at least {MIN_PERCENT:g} %): {shared}",
    ]
    lines += [
        f"missing in {names[name]}: {', '.join(map(str, has.columns[~row]))}"
        for name, row in has.iterrows()
        if not row.all()
    ]
    return "\n".join(lines)


def comparison_to_json(found: Comparison) -> str:
    """One JSON object with the four tables as lists of rows; null where unknown."""
    return json.dumps(
        {name: to_records(getattr(found, name)) for name in ("shares", "classes", "pairs", "keys")},
        indent=1,
        allow_nan=False,
        ensure_ascii=False,
    )
