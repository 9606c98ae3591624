"""Time ways of doing the same in turn, and write tables into a page."""

import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

PACKAGES = ("numpy", "torch", "zarr", "pandas", "timm", "faiss-cpu")
# the peak is from /proc, since resource counts the parent's too
REPORT_PEAK = """
import atexit, sys

@atexit.register
def report():
    peak = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
    print(*peak, file=sys.stderr)

"""


class Timing(NamedTuple):
    """Medians over the runs of one way, and what it gave last."""

    seconds: float
    processor_seconds: float  # with those of processes that it started
    result: Any


class Ended(NamedTuple):
    """What a process printed, and its peak of resident memory in MB."""

    output: str
    megabytes: float


def race(ways: Mapping[str, Callable[[], Any]], n_runs: int) -> dict[str, Timing]:
    """Run all ways in turn, `n_runs` times after one time that does not count."""
    found: dict[str, list[Timing]] = {way: [] for way in ways}
    for number in range(n_runs + 1):
        for way, work in ways.items():
            began, processor = time.perf_counter(), processor_seconds()
            result = work()
            seconds = time.perf_counter() - began
            timing = Timing(seconds, processor_seconds() - processor, result)
            found[way] += [timing] * (number > 0)
    return {
        way: Timing(
            statistics.median(each.seconds for each in timings),
            statistics.median(each.processor_seconds for each in timings),
            timings[-1].result,
        )
        for way, timings in found.items()
    }


def processor_seconds() -> float:
    """Of this process and of those that it started and that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def run_process(script: str, *arguments: str | Path) -> Ended:
    """Run a Python script in a process of its own; exit with its message if it fails."""
    command = [sys.executable, "-c", REPORT_PEAK + script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return Ended(done.stdout, int(done.stderr.split()[-1]) * 1024 / 1e6)


def make_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown; numbers with three digits that count."""
    lines = [
        list(columns),
        ["---"] * len(columns),
        *([_cell(each) for each in row] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else str(value)
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:#.3g}".rstrip(".")


def write_place(page: Path, name: str, text: str) -> None:
    """Write text between `<!-- bench: NAME -->` and `<!-- bench: end -->`."""
    old = page.read_text(encoding="utf-8")
    place = re.compile(rf"(<!-- bench: {name} -->\n).*?(<!-- bench: end -->)", re.DOTALL)
    new, n_places = place.subn(lambda match: f"{match[1]}{text}\n{match[2]}", old)
    if n_places != 1:
        sys.exit(f"{page} has {n_places} places for {name}")
    page.write_text(new, encoding="utf-8")


def describe_machine() -> str:
    """Date, processor and cores; no name of the machine."""
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text(encoding="utf-8") if cpuinfo.exists() else ""
    found = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    n_cores = len(os.sched_getaffinity(0))
    date = datetime.now(UTC).date().isoformat()
    return f"{date}, {found[1] if found else platform.machine()}, {n_cores} cores"


def list_versions() -> str:
    """Python's version and those of `PACKAGES`."""
    versions = [f"Python {platform.python_version()}"]
    for package in PACKAGES:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            versions.append(f"{package} not installed")
    return ", ".join(versions)
