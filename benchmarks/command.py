"""Seconds and peak memory of ``kernel-atlas classify`` on a local ConvNeXt-base, whole process.

Usage: python benchmarks/command.py [--runs 5] [--threshold 0.3]

The checkpoint has random weights in real shapes: 354 MB, of which only the depthwise weights
are not holes. The atlas has 10,000 codes for 7x7, made of the DoG family. The nearest member is
fitted to each kernel; at the threshold of 0.3 hardly any is clustered, at 2 all are.
Also prints the seconds of ``--help`` and of a wrong argument.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))

from support.checkpoints import write_checkpoint

from kernel_atlas.atlas import Atlas
from kernel_atlas.codebooks.codebook import N_CODES, Codebook
from kernel_atlas.family.templates import make_templates
from kernel_atlas.labels.table import Interval
from kernel_atlas.section import Section

NAME = "convnext_base.fb_in1k"
N_KERNELS = 18_048
# as the command's entry point; the peak is from /proc, since resource counts the parent's too
COMMAND = """
import atexit, re, sys, time

@atexit.register
def report():
    peak_kb = re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]
    print(time.process_time(), peak_kb, file=sys.stderr)

from kernel_atlas.cli import main
main()
"""


class Call(NamedTuple):
    """One call of the command."""

    seconds: float
    processor_seconds: float
    megabytes: float  # peak of the resident memory, in MiB
    output: str


def main(n_runs: int, threshold: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, atlas = Path(folder) / "convnext_base.safetensors", Path(folder) / "k7.atlas"
        write_checkpoint(NAME, path)
        write_atlas(atlas, threshold)
        calls = [run("classify", path, "--atlas", atlas, "--json") for _ in range(n_runs)]
        (size,) = json.loads(calls[0].output)["sizes"]
        if size["n_kernels"] != N_KERNELS:
            sys.exit(f"{size['n_kernels']} kernels of {N_KERNELS}")
        print(f"{size['n_clustered']:,} of {N_KERNELS:,} kernels clustered")
        report("classify", calls)
        for arguments in (["--help"], ["classify", "--wrong"]):
            report(" ".join(arguments), [run(*arguments) for _ in range(n_runs)])


def report(name: str, calls: list[Call]) -> None:
    """Print the median seconds, their range, processor seconds and peak memory."""
    seconds, processor_seconds, megabytes, _ = zip(*calls, strict=True)
    print(
        f"{name}: {statistics.median(seconds):.2f} s in the median ({min(seconds):.2f} to "
        f"{max(seconds):.2f}), {statistics.median(processor_seconds):.2f} s of processor time, "
        f"{max(megabytes):.0f} MiB at most"
    )


def write_atlas(path: Path, threshold: float) -> None:
    """An atlas of 7x7 whose codes lead from member to member of the family."""
    members = np.array([kernel for _, kernel in make_templates(7)])
    # as long a path as those that were trained: 30 to 40 rad
    members = members[np.linspace(0, len(members) - 1, 30).astype(int)]
    place = np.linspace(0, len(members) - 1, N_CODES)[:, None, None]
    first = np.minimum(place.astype(int), len(members) - 2)
    share = place - first
    codes = (1 - share) * members[first[:, 0, 0]] + share * members[first[:, 0, 0] + 1]
    section = Section(Codebook(codes.astype(np.float32)), [Interval(0, 1, "on_centre")], threshold)
    Atlas({7: section}).save(path)


def run(*arguments: str | Path) -> Call:
    """Call the command in a process of its own."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments], capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - started
    processor_seconds, peak_kb = done.stderr.split()[-2:]
    return Call(seconds, float(processor_seconds), int(peak_kb) / 1024, done.stdout)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threshold", type=float, default=0.3)
    arguments = parser.parse_args()
    main(arguments.runs, arguments.threshold)
