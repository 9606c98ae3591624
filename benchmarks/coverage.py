"""How often does an interval over layers hold the true percentage? Several kinds, simulated.

Usage: python benchmarks/coverage.py [--simulations 2000] [--resampled 500]

Each layer of a made-up network has a rate of its own, from a beta distribution; its kernels are
hits with this rate. Prints Markdown tables for docs/limits.md.

    python benchmarks/coverage.py --measure results/classes

prints what real networks show of the same quantities.
"""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import stdtrit
from scipy.stats import beta, bootstrap, norm

from kernel_atlas.classes.table import Labels
from kernel_atlas.family.names import DEAD
from kernel_atlas.tables.intervals import percent_interval, pool_by_depth

N_LAYERS = (5, 7, 9, 12, 20, 40)
N_DRAWS = 1000
OURS = "this interval"

# name: true percentage, correlation of the kernels of a layer, kernels of the first layer and
# of the last. The first two are what --measure shows of the default run.
SCENARIOS = {
    "as 5x5 of the default run, 72 %": (72, 0.06, 144, 1150),
    "as 3x3 of the default run, 63 %": (63, 0.10, 28, 1150),
    "layers of one size, 72 %": (72, 0.06, 144, 144),
    "95 %": (95, 0.10, 96, 768),
    "98 %": (98, 0.03, 96, 768),
    "5 %": (5, 0.05, 144, 1150),
    "1 %": (1, 0.01, 144, 1150),
    "50 %, layers very different": (50, 0.30, 28, 1150),
}
BY_DEPTH = "fewer in deep layers, 70 %"
FAR_BELOW = "few layers far below, 98 %"
MIXED = "one layer in five of another kind, 74 %"
FAMILIES = {"9, 12, 12": (9, 12, 12), "6, 9, 30": (6, 9, 30), "ten models of 10": (10,) * 10}
# a sample of few layers may show nothing of what those of the last two differ in
NETWORKS = (*SCENARIOS, BY_DEPTH, FAR_BELOW, MIXED)


def simulate(name: str, n_layers: int, n: int, rng: np.random.Generator) -> tuple:
    """Simulate `n` networks.

    Returns
    -------
    tuple of (ndarray of shape (n, n_layers), ndarray of shape (n, n_layers), float)
        Hits and kernels of each layer, and the true percentage.
    """
    shape = (n, n_layers)
    depths = np.broadcast_to(np.linspace(0, 1, n_layers), shape)
    if name == BY_DEPTH:  # layers at depths by chance; deep ones are large and have few hits
        depths = rng.uniform(size=shape)
        grid = np.linspace(0, 1, 100_001)
        sizes, shares = 144 * 8**depths, 0.9 - 0.3 * depths
        true = np.average(0.9 - 0.3 * grid, weights=8**grid)
        correlation = 0.06
    elif name == MIXED:
        sizes = 144 * 8**depths
        shares = np.where(rng.uniform(size=shape) < 0.2, 0.3, 0.85)
        true, correlation = 0.74, 0.05
    else:
        percent, correlation, first, last = (SCENARIOS | {FAR_BELOW: (98, 0.10, 96, 768)})[name]
        true = percent / 100
        sizes, shares = first * (last / first) ** depths, np.full(shape, true)
    n_kernels = np.rint(sizes).astype(int)
    freedom = 1 / correlation - 1
    rates = rng.beta(shares * freedom, (1 - shares) * freedom)
    return rng.binomial(n_kernels, rates), n_kernels, 100 * true


def jackknife_t(n_hits: np.ndarray, n_kernels: np.ndarray) -> tuple[float, float]:
    """The t interval of the linearised ratio, with a degree of freedom per layer but one."""
    n_layers = len(n_kernels)
    weights = n_kernels / n_kernels.sum()
    share = n_hits.sum() / n_kernels.sum()
    shifts = weights * (n_hits / n_kernels - share) / (1 - weights)
    error = np.sqrt((n_layers - 1) / n_layers * (shifts**2).sum())
    reach = stdtrit(n_layers - 1, 0.975) * error
    return 100 * (share - reach), 100 * (share + reach)


def resampled(n_hits: np.ndarray, n_kernels: np.ndarray, rng: np.random.Generator) -> list:
    """The percentile bootstrap over layers, BCa, and the bootstrap of kernels within layers."""
    draws = bootstrap(
        (n_hits, n_kernels),
        lambda hits, kernels, axis: 100 * hits.sum(axis) / kernels.sum(axis),
        paired=True,
        n_resamples=N_DRAWS,
        method="percentile",
        rng=rng,
    )
    bca = bootstrap(
        (n_hits, n_kernels),
        lambda hits, kernels, axis: 100 * hits.sum(axis) / kernels.sum(axis),
        paired=True,
        n_resamples=0,
        method="BCa",
        bootstrap_result=draws,
        rng=rng,
    )
    layers = rng.integers(len(n_hits), size=(N_DRAWS, len(n_hits)))
    kernels = n_kernels[layers]
    hits = rng.binomial(kernels, (n_hits / n_kernels)[layers])
    shares = 100 * hits.sum(axis=1) / kernels.sum(axis=1)
    return [
        tuple(draws.confidence_interval),
        tuple(bca.confidence_interval),
        tuple(np.percentile(shares, [2.5, 97.5])),
    ]


def coverage(intervals: Iterable, true: float) -> tuple[float, float]:
    """Percentage of intervals that hold the truth, and their mean width within 0 to 100."""
    low, high = np.clip(np.array(list(intervals)).T, 0, 100)
    return 100 * float(((low <= true) & (true <= high)).mean()), float(np.nanmean(high - low))


def print_table(first: str, rows: dict[str, list[tuple[float, float]]]) -> None:
    print(f"\n| {first} | " + " | ".join(f"{n} layers" for n in N_LAYERS) + " |")
    print("|---" * (len(N_LAYERS) + 1) + "|")
    for name, cells in rows.items():
        print(
            f"| {name} | " + " | ".join(f"{held:.0f} ({width:.0f})" for held, width in cells) + " |"
        )


def compare_scenarios(n: int, n_resampled: int) -> None:
    """Print the coverage of each kind and, of `percent_interval`, by scenario."""
    kinds: dict[str, Callable] = {
        OURS: percent_interval,
        "t interval of the jackknife": jackknife_t,
    }
    of_resampling = ["percentile bootstrap", "BCa", "bootstrap of layers and kernels"]
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    rng = np.random.default_rng(0)
    for scenario in NETWORKS:
        for n_layers in N_LAYERS:
            hits, kernels, true = simulate(scenario, n_layers, n, rng)
            networks = list(zip(hits, kernels, strict=True))
            for kind, interval in kinds.items():
                cell = coverage((interval(*network) for network in networks), true)
                found.setdefault((kind, scenario), []).append(cell)
            drawn = [resampled(*network, rng) for network in networks[:n_resampled]]
            for kind, intervals in zip(of_resampling, zip(*drawn, strict=True), strict=True):
                found.setdefault((kind, scenario), []).append(coverage(intervals, true))
    print(f"Coverage in percent (mean width in points); {n} networks, {n_resampled} resampled")
    print_table(
        "networks",
        {name: found[OURS, name] for name in NETWORKS},
    )
    lowest = {}
    for kind in [*kinds, *of_resampling]:
        cells = [found[kind, name] for name in NETWORKS]
        widths = found[kind, NETWORKS[0]]
        lowest[kind] = [
            (min(cell[layers][0] for cell in cells), widths[layers][1])
            for layers in range(len(N_LAYERS))
        ]
    print("\nLowest coverage of the rows above (width in the first row)")
    print_table("kind", lowest)


def compare_pooling(n: int) -> None:
    """Print the coverage for a family whose models resemble each other at one depth."""
    rng = np.random.default_rng(0)
    freedom = 1 / 0.06 - 1
    print("\n| layers of the models | common | layers pooled | pooled by depth |")
    print("|---|---|---|---|")
    for name, counts in FAMILIES.items():
        n_blocks = int(np.median(counts))
        kernels = [np.rint(np.geomspace(144, 1150, count)).astype(int) for count in counts]
        blocks = np.concatenate([np.arange(count) * n_blocks // count for count in counts])
        for resemblance in (0, 0.5, 0.95):
            apart, by_depth = [], []
            for _ in range(n):
                common = rng.normal(size=n_blocks)[blocks]
                own = rng.normal(size=len(blocks))
                scores = np.sqrt(resemblance) * common + np.sqrt(1 - resemblance) * own
                rates = beta.ppf(norm.cdf(scores), 0.72 * freedom, 0.28 * freedom)
                hits = rng.binomial(np.concatenate(kernels), rates)
                models = [
                    pd.DataFrame({"hits": of_model, "kernels": sizes})
                    for of_model, sizes in zip(
                        np.split(hits, np.cumsum(counts)[:-1]), kernels, strict=True
                    )
                ]
                pooled = pool_by_depth(models)
                apart.append(percent_interval(hits, np.concatenate(kernels)))
                by_depth.append(percent_interval(*pooled.to_numpy().T))
            cells = [coverage(intervals, 72) for intervals in (apart, by_depth)]
            print(
                f"| {name} | {resemblance} | "
                + " | ".join(f"{held:.0f} ({width:.0f})" for held, width in cells)
                + " |"
            )


def measure(classes: Path) -> None:
    """Print the quantities of the simulation in the class tables of a run."""
    for path in sorted(classes.glob("*/k*.parquet")):
        table = pd.read_parquet(path)
        live = table[table["class"] != DEAD]
        rulers = {"clustered": pd.Series(Labels.of(live["class"]).is_clustered, live.index)}
        rulers |= {name: live[name] for name in ("near", "matched") if name in live}
        for ruler, hits in rulers.items():
            layers = hits.groupby(live["layer_index"]).agg(["mean", "size"])
            if len(layers) < N_LAYERS[0]:
                continue
            share = hits.mean()
            sampling = (layers["mean"] * (1 - layers["mean"]) / layers["size"]).mean()
            between = layers["mean"].var() - sampling
            print(
                f"{path.parent.name} {path.stem} {ruler}: {len(layers)} layers of "
                f"{layers['size'].min()} to {layers['size'].max()} live kernels, "
                f"{100 * share:.0f} percent, correlation {between / (share * (1 - share)):.2f}"
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulations", type=int, default=2000)
    parser.add_argument("--resampled", type=int, default=500)
    parser.add_argument("--measure", type=Path)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure)
    else:
        compare_scenarios(arguments.simulations, arguments.resampled)
        compare_pooling(arguments.simulations)
