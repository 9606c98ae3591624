"""Seconds and peak memory of ``kernel-atlas classify`` on a local ConvNeXt-base, whole process.

Usage: python benchmarks/command.py [--runs 5] [--threshold 0.3]

The checkpoint has random weights in real shapes: 354 MB, of which only the depthwise weights are
not holes. The atlas has 10,000 codes for 7x7, made of the DoG family. At the threshold of 0.3
hardly any of these kernels is clustered; at 2, all are, and for each the nearest member is fitted.
Also prints the seconds of ``--help`` and of a wrong argument.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests"))

from support.checkpoints import write_checkpoint

from kernel_atlas.atlas import Atlas
from kernel_atlas.codebooks.codebook import N_CODES, Codebook
from kernel_atlas.family.templates import make_templates
from kernel_atlas.labels.table import Interval
from kernel_atlas.page import Page

NAME = "convnext_base.fb_in1k"
N_KERNELS = 18_048
PEAK = re.compile(r"VmHWM:\s+(\d+)")
# as the command's entry point; its peak goes to stderr, since resource counts its parent's too
COMMAND = """
import atexit, sys
atexit.register(lambda: sys.stderr.write(open("/proc/self/status").read()))
from kernel_atlas.cli import main
main()
"""


def main(n_runs: int, threshold: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, atlas = Path(folder) / "convnext_base.safetensors", Path(folder) / "k7.atlas"
        write_checkpoint(NAME, path)
        write_atlas(atlas, threshold)
        seconds, megabytes = [], []
        for _ in range(n_runs):
            took, peak, output = run("classify", path, "--atlas", atlas, "--json")
            (size,) = json.loads(output)["sizes"]
            if size["n_kernels"] != N_KERNELS:
                sys.exit(f"{size['n_kernels']} kernels of {N_KERNELS}")
            seconds.append(took)
            megabytes.append(peak)
        print(
            f"classify: {statistics.median(seconds):.2f} s in the median ({min(seconds):.2f} to "
            f"{max(seconds):.2f}), {max(megabytes):.0f} MiB at most; "
            f"{size['n_clustered']} of {N_KERNELS} clustered"
        )
        for arguments in (["--help"], ["classify", "--wrong"]):
            seconds = [run(*arguments)[0] for _ in range(n_runs)]
            print(f"{' '.join(arguments)}: {statistics.median(seconds):.2f} s in the median")


def write_atlas(path: Path, threshold: float) -> None:
    """An atlas of 7x7 whose codes lead from member to member of the family."""
    members = np.array([kernel for _, kernel in make_templates(7)])
    place = np.linspace(0, len(members) - 1, N_CODES)[:, None, None]
    first = np.minimum(place.astype(int), len(members) - 2)
    share = place - first
    codes = (1 - share) * members[first[:, 0, 0]] + share * members[first[:, 0, 0] + 1]
    page = Page(Codebook(codes.astype(np.float32)), [Interval(0, 1, "on_centre")], threshold, 0.0)
    Atlas({7: page}).save(path)


def run(*arguments: str | Path) -> tuple[float, float, str]:
    """The seconds of the command, its peak memory in MiB, and what it prints."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments], capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - started
    return seconds, int(PEAK.search(done.stderr)[1]) / 1024, done.stdout


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threshold", type=float, default=0.3)
    arguments = parser.parse_args()
    main(arguments.runs, arguments.threshold)
