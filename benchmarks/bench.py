"""What takes a user's time, side by side with other ways to do the same: `make bench`.

Usage: python benchmarks/bench.py [--results RESULTS ...] [--runs 5] [--only SECTION ...]
           [--page docs/performance.md] [--tiny]

Kernels are made from the DoG family with noise (tests/support/known_kernels.py), in the shapes
and counts of models/paper.tsv. For each size of a finished run given with --results, nearest codes
and members are measured on its kernels and its codebook. FAISS takes part if it is installed (pip
install faiss-cpu); nothing else needs it.

The ways of a table run in turn, and the table has medians. CPU seconds are those of all threads
and processes. Writes the tables of docs/performance.md. Run it on a machine with nothing else to
do. With --tiny, everything is small: a check that it runs.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "tests"), str(REPOSITORY / "benchmarks")]

from network import make_codebook, time_imports, time_network
from stored import draw, time_store
from timing import describe_machine, list_versions, make_table, race, run_process, write_place
from trained import measure_limits, time_training

from kernel_atlas.codebooks.codebook import Codebook, read_codebook
from kernel_atlas.codebooks.training_set import read_training_set
from kernel_atlas.family.fit import fit_members
from kernel_atlas.sphere import to_sphere

N_KERNELS = 60_000
N_MEMBERS = 20_000
THREADS = 2
FAISS = "FAISS, IndexFlatIP"
BLOCK = 1024  # kernels that brute force multiplies at once
MILLION = """
import numpy as np
from kernel_atlas.codebooks.codebook import Codebook

codes, kernels = np.load(sys.argv[1]).values()
kernels = np.resize(kernels, (int(sys.argv[2]), *kernels.shape[1:]))
status = dict(line.split(":") for line in open("/proc/self/status"))
print(int(status["VmRSS"].split()[0]) * 1024 / 1e6)
Codebook(codes).nearest(kernels, 2)
"""


def main(results: list[Path], n_runs: int, only: list[str], page: Path, tiny: bool) -> None:
    """Measure the sections and write their tables into the page."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        sections: dict[str, Callable[[], str]] = {
            "limits": lambda: measure_limits(n_runs, tiny),
            "nearest": lambda: time_nearest(results, n_runs, tiny),
            "memory": lambda: measure_memory(results, folder, tiny),
            "members": lambda: time_members(results, n_runs, tiny),
            "store": lambda: time_store(folder, n_runs, tiny),
            "training": lambda: time_training(n_runs, tiny),
            "imports": lambda: time_imports(n_runs, tiny),
            "network": lambda: time_network(folder, n_runs, tiny),
        }
        if unknown := set(only) - set(sections):
            sys.exit(f"no section {', '.join(sorted(unknown))}; there are {', '.join(sections)}")
        write_place(page, "versions", f"{list_versions()}.")
        for name in only or sections:
            load = os.getloadavg()[0]
            facts = f"({describe_machine()}; load before {load:.1f}; runs: {n_runs})"
            write_place(page, name, f"{sections[name]()}\n\n{facts}")
            print(f"{name}: written to {page}", flush=True)


def choose(results: list[Path], size: int, tiny: bool) -> tuple[str, np.ndarray, Codebook]:
    """What to search: kernels and codes of a run, or made ones if no run has the size."""
    for folder in results:
        path = folder / "autoencoder" / f"k{size}" / "codebook.npy"
        if path.exists() and len(codebook := read_codebook(path)):
            groups = [each.parent for each in folder.glob("kernels.zarr/*/zarr.json")]
            kernels = read_training_set(groups, size)
            return f"{size}x{size}, real", kernels, codebook
    n = 200 if tiny else N_KERNELS
    return f"{size}x{size}, made", draw(size, n, np.random.default_rng(size)), make_codebook(size)


def time_nearest(results: list[Path], n_runs: int, tiny: bool) -> str:
    """Table of ways to the nearest of 10,000 codes; all begin with k x k kernels."""
    columns = ("kernels", "way", "threads", "seconds", "CPU seconds", "times ours", "CPU", "behind")
    rows: list[tuple] = []
    for size in (5, 7):
        name, kernels, codebook = choose(results, size, tiny)
        kernels = np.resize(kernels, (200 if tiny else N_KERNELS, size, size))
        codes = to_sphere(codebook.kernels)
        with threadpool_limits(THREADS):
            finders = make_finders(codebook, codes, THREADS)
            ways = {way: partial(find, kernels) for way, find in finders.items()}
            found = race(ways, n_runs)
        ours = found["kernel_atlas"]
        for way, each in found.items():
            ratios = (
                each.seconds / ours.seconds,
                each.processor_seconds / max(ours.processor_seconds, 1e-9),
            )
            lag = f"{lag_of(each.result, to_sphere(kernels), codes):.0e}"
            rows.append((name, way, THREADS, each.seconds, each.processor_seconds, *ratios, lag))
        if FAISS not in found:
            rows.append((name, FAISS, THREADS, *["not installed"] * 2, *["-"] * 3))
    return make_table(columns, rows)


def make_finders(
    codebook: Codebook, codes: np.ndarray, threads: int
) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Functions from kernels to the rows of their nearest codes."""

    def by_brute_force(kernels: np.ndarray) -> np.ndarray:
        directions = to_sphere(kernels)
        blocks = (directions[start : start + BLOCK] for start in range(0, len(directions), BLOCK))
        return np.concatenate([(block @ codes.T).argmax(axis=1) for block in blocks])

    finders: dict[str, Callable[[np.ndarray], Any]] = {
        "kernel_atlas": lambda kernels: codebook.nearest(kernels, threads)[0],
        "BLAS, all codes": by_brute_force,
    }
    try:
        import faiss
    except ImportError:
        return finders
    faiss.omp_set_num_threads(threads)
    index = faiss.IndexFlatIP(codes.shape[1])
    index.add(codes)
    finders[FAISS] = lambda kernels: index.search(to_sphere(kernels), 1)[1][:, 0]
    return finders


def lag_of(rows: np.ndarray, directions: np.ndarray, codes: np.ndarray) -> float:
    """By how much the cosine of a found code is at most below the highest, in float64."""
    lags = [0.0]
    for start in range(0, len(rows), BLOCK):
        block = slice(start, start + BLOCK)
        cosines = directions[block].astype(np.float64) @ codes.T.astype(np.float64)
        found = cosines[np.arange(len(cosines)), rows[block]]
        lags.append(float((cosines.max(axis=1) - found).max()))
    return max(lags)


def measure_memory(results: list[Path], folder: Path, tiny: bool) -> str:
    """Table of the memory that the nearest codes of a million kernels take, by two threads."""
    n, rows = 1_000 if tiny else 1_000_000, []
    for size in (5, 7):
        name, kernels, codebook = choose(results, size, tiny)
        np.savez(folder / "million.npz", codebook.kernels, kernels.astype(np.float32))
        ended = run_process(MILLION, folder / "million.npz", str(n))
        before = float(ended.output)
        rows.append((name, n, n * size * size * 4 / 1e6, ended.megabytes - before))
    return make_table(("codes", "kernels", "kernels, MB", "memory above, MB"), rows)


def time_members(results: list[Path], n_runs: int, tiny: bool) -> str:
    """Table of the time that members take per million kernels."""
    rows = []
    for size in (3, 5, 7):
        name, kernels, _ = choose(results, size, tiny)
        kernels = np.resize(kernels, (60 if tiny else N_MEMBERS, size, size))
        ways = {str(THREADS): partial(fit_members, kernels, THREADS)}
        for threads, each in race(ways, n_runs).items():
            million = 1e6 / len(kernels)
            rows.append((name, threads, million * each.seconds, million * each.processor_seconds))
    return make_table(
        ("kernels", "threads", "seconds per million", "CPU seconds per million"), rows
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--results", type=Path, nargs="+", default=[])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", nargs="+", default=[], metavar="SECTION")
    parser.add_argument("--page", type=Path, default=REPOSITORY / "docs" / "performance.md")
    parser.add_argument("--tiny", action="store_true")
    arguments = parser.parse_args()
    main(arguments.results, arguments.runs, arguments.only, arguments.page, arguments.tiny)
