"""Read a pickle in a process of its own, with bounded memory and time.

A few bytes of a pickle can ask for any amount of either, and torch's own code may
crash on a damaged one: that ends the process here, and is a fault of this model alone.
"""

import os
import pickle
import resource
import signal
import subprocess
import sys
from pathlib import Path

from kernel_atlas.checkpoints.layer import Layer, Selection
from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.local import LocalFile

# beyond what the file's own size explains
SPARE_MEMORY_BYTES = 2 << 30
SPARE_CPU_SECONDS = 120
BYTES_PER_CPU_SECOND = 5_000_000

# how a process ends that a pickle has overtaxed or crashed
_CRASHES = {signal.SIGXCPU, signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE}


def read_apart(file: LocalFile, selection: Selection) -> list[Layer]:
    """What `pickles.read_pickle` gives.

    Raises
    ------
    AtlasError
        As `read_pickle` does, and if it takes more memory or time than any checkpoint
        of the file's size needs, or crashes.
    """
    size = file.path.stat().st_size
    memory = SPARE_MEMORY_BYTES + 4 * size
    seconds = SPARE_CPU_SECONDS + size // BYTES_PER_CPU_SECOND
    child = subprocess.run(
        # -P: no module of the working directory is taken for one of ours;
        # -W: what torch warns of is written for programmers
        [sys.executable, "-P", "-W", "ignore", "-m", __name__, str(memory), str(seconds)],
        input=pickle.dumps((file, selection)),
        stdout=subprocess.PIPE,
        # each thread of torch would ask for memory of its own
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    if -child.returncode in _CRASHES:
        cause = signal.strsignal(-child.returncode)
        raise AtlasError(f"{file.name} is no whole checkpoint (reading it: {cause})")
    if child.returncode > 0:
        raise RuntimeError(f"reading {file.name} apart ended with status {child.returncode}")
    if child.returncode:  # perhaps killed for want of memory: no fault of the file
        raise ChildProcessError(f"reading {file.name} apart ended with {child.returncode}")
    result = pickle.loads(child.stdout)
    if isinstance(result, AtlasError):
        raise result
    return result


def _limit(memory_bytes: int, cpu_seconds: int) -> None:
    """Allow this process so much more than it has by now."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu_seconds += round(used.ru_utime + used.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 10))
    pages = Path("/proc/self/statm")
    if pages.exists():  # Linux
        memory_bytes += int(pages.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def _main() -> None:
    from kernel_atlas.checkpoints.pickles import read_pickle

    file, selection = pickle.load(sys.stdin.buffer)
    with os.fdopen(os.dup(1), "wb") as answer:
        os.dup2(2, 1)  # whatever is printed is no part of the answer
        memory, seconds = map(int, sys.argv[1:])
        _limit(memory, seconds)
        result: list[Layer] | AtlasError
        try:
            result = read_pickle(file, selection)
        except AtlasError as error:
            result = error
        except MemoryError:
            result = AtlasError(
                f"{file.name} is no whole checkpoint (reading it takes more than "
                f"{memory / 1e6:,.0f} MB of memory)"
            )
        pickle.dump(result, answer, protocol=pickle.HIGHEST_PROTOCOL)


if __name__ == "__main__":
    _main()
