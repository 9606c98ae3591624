"""Read a file in a process of its own, with bounded memory and time.

A few bytes of a pickle can ask for any amount of either, and torch's own code may crash
on a damaged one; so may the libraries of other formats. That ends this process alone, and
is reported as the model's fault.
"""

import os
import pickle
import resource
import signal
import subprocess
import sys
from pathlib import Path

from kernel_atlas.checkpoints import formats
from kernel_atlas.checkpoints.inventory import Reading
from kernel_atlas.checkpoints.selection import Selection, read_selected
from kernel_atlas.errors import AtlasError
from kernel_atlas.sources.local import LocalFile

# beyond what the file's own size explains
SPARE_MEMORY_BYTES = 2 << 30
SPARE_CPU_SECONDS = 120
BYTES_PER_CPU_SECOND = 5_000_000

# signals that end a process whose pickle crashed it or took too long
_CRASHES = {signal.SIGXCPU, signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE}


def read_in_process(file: LocalFile, kind: str, selection: Selection) -> Reading:
    """The result of `read_file`.

    Raises
    ------
    AtlasError
        As `read_file` does, and if reading crashes or takes more memory or time than
        any checkpoint of this size needs.
    """
    size = file.path.stat().st_size
    memory = SPARE_MEMORY_BYTES + 4 * size
    seconds = SPARE_CPU_SECONDS + size // BYTES_PER_CPU_SECOND
    child = subprocess.run(
        # -P: ignore modules in the working directory; -W: torch's warnings are for programmers
        [sys.executable, "-P", "-W", "ignore", "-m", __name__],
        input=pickle.dumps((file, kind, selection, memory, seconds)),
        stdout=subprocess.PIPE,
        # each thread of torch would reserve memory of its own
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    if child.returncode == -signal.SIGINT:
        raise KeyboardInterrupt  # Ctrl-C reaches both processes, sometimes the child first
    if -child.returncode in _CRASHES:
        cause = signal.strsignal(-child.returncode)
        raise AtlasError(
            f"{file.name} is not a complete checkpoint (reading it: {cause}); save it again"
        )
    if child.returncode:
        # a kill, perhaps for lack of memory, is the machine's fault
        fault = ChildProcessError if child.returncode < 0 else RuntimeError
        raise fault(f"the process that reads {file.name} ended with status {child.returncode}")
    result = pickle.loads(child.stdout)
    if isinstance(result, AtlasError):
        raise result
    return result


def read_file(file: LocalFile, kind: str, selection: Selection) -> Reading:
    """The selected kernels of a file of this format, read in this process.

    Raises
    ------
    AtlasError
        If it cannot be read.
    """
    if kind == formats.ONNX:
        from kernel_atlas.checkpoints.onnx import OnnxTensors

        return read_selected(OnnxTensors(file), selection, file.name)
    if kind == formats.KERAS:
        from kernel_atlas.checkpoints.keras import KerasTensors

        return read_selected(KerasTensors(file), selection, file.name)
    from kernel_atlas.checkpoints.pickles import read_pickle

    return read_pickle(file, selection)


def _limit(memory_bytes: int, cpu_seconds: int) -> None:
    """Allow this process this much more than it has used so far."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu_seconds += round(used.ru_utime + used.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 10))
    pages = Path("/proc/self/statm")
    if pages.exists():  # Linux
        memory_bytes += int(pages.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def _main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback
    file, kind, selection, memory, seconds = pickle.load(sys.stdin.buffer)
    with os.fdopen(os.dup(1), "wb") as answer:
        os.dup2(2, 1)  # nothing that is printed may get into the answer
        _limit(memory, seconds)
        result: Reading | AtlasError
        try:
            result = read_file(file, kind, selection)
        except AtlasError as error:
            result = error
        except MemoryError:
            result = AtlasError(
                f"{file.name} is not a complete checkpoint (reading it takes more than "
                f"{memory / 1e6:,.0f} MB of memory); save it again"
            )
        pickle.dump(result, answer)


if __name__ == "__main__":
    _main()
