"""A model sheet of timm's pretrained models with depthwise kernels (``kernel-atlas sheet``)."""

import gc
import multiprocessing
import os
import shlex
import signal
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from difflib import get_close_matches

from tqdm import tqdm

from kernel_atlas.errors import AtlasError, one_line
from kernel_atlas.sources.timm import list_layers
from kernel_atlas.sources.timm_build import build
from kernel_atlas.sources.timm_import import import_timm

COLUMNS = ("model", "source", "role", "family")
# A process spends four seconds on importing timm, and takes 0.4 GB.
MAX_PROCESSES = 4
MODELS_PER_PROCESS = 100
CHUNK = 8  # models that a process gets at a time


@dataclass(frozen=True)
class Architecture:
    """One architecture of timm, and all its pretrained models."""

    name: str
    family: str  # the module of timm that defines it
    models: tuple[str, ...]  # names with tags, as in convnext_tiny.in12k_ft_in1k
    kernels: dict[int, int]  # depthwise kernels by their size
    fault: str = ""  # why timm cannot build it


def survey(patterns: Sequence[str]) -> list[Architecture]:
    """Every architecture of which timm has pretrained models that a pattern names.

    An architecture is built once. Its tags change its classifier and its input's size, and so no
    depthwise layer.

    Parameters
    ----------
    patterns : sequence of str
        As in ``timm.list_models(pattern, pretrained=True)``; one without a dot means any tag.

    Raises
    ------
    AtlasError
        If no pretrained model has such a name.
    """
    timm = import_timm()
    names = timm.list_models(list(patterns), pretrained=True) if all(patterns) else []
    if not names:
        known = timm.list_models()
        similar = [
            name
            for pattern in patterns
            for name in get_close_matches(pattern.partition(".")[0].strip("*"), known)
        ]
        hint = f"; similar: {', '.join(similar)}" if similar else ""
        raise AtlasError(
            f"timm {timm.__version__} has no pretrained model named "
            f"{one_line(shlex.join(patterns))} (a pattern is like 'convnext*' or '*.fb_in1k'){hint}"
        )
    tagged: dict[str, list[str]] = {}
    for name in names:
        tagged.setdefault(name.partition(".")[0], []).append(name)
    return [
        Architecture(
            name,
            timm.models.model_entrypoint(name).__module__.rpartition(".")[2],
            tuple(models),
            {} if isinstance(found, str) else found,
            found if isinstance(found, str) else "",
        )
        for (name, models), found in zip(tagged.items(), _count_all(list(tagged)), strict=True)
    ]


def count_kernels(name: str) -> dict[int, int] | str:
    """The depthwise kernels of an architecture by size, or why timm cannot build it."""
    try:
        layers = list_layers(build(name))
    except (MemoryError, OSError):
        raise  # the fault of this machine
    except Exception as error:  # timm may raise anything
        return one_line(f"{type(error).__name__}: {error}")
    counts: Counter[int] = Counter()
    for layer in layers:
        counts[layer.kernel_size] += layer.n_kernels
    return dict(sorted(counts.items()))


def make_sheet(zoo: Sequence[Architecture], patterns: Sequence[str], role: str) -> str:
    """A sheet of the models with depthwise kernels; comments have the kernels by size.

    Raises
    ------
    AtlasError
        If there are none.
    """
    if not any(row.kernels for row in zoo):
        raise AtlasError(
            f"no model named {one_line(shlex.join(patterns))} has depthwise kernels: "
            f"{describe(zoo)[0]}"
        )
    command = one_line(" ".join(f"--timm {shlex.quote(pattern)}" for pattern in patterns))
    lines = [
        f"# Written by: kernel-atlas sheet {command} --role {role}",
        *(f"# {line}" for line in describe(zoo)),
        "# Above the models of each architecture: the depthwise kernels of one of them, by size.",
        "\t".join(COLUMNS),
    ]
    for row in zoo:
        if row.kernels:
            lines.append(f"# {row.name}: {_sizes(row.kernels)}")
            lines += ["\t".join((name, f"timm:{name}", role, row.family)) for name in row.models]
        elif row.fault:
            lines.append(f"# {row.name}: timm cannot build it ({row.fault})")
    return "\n".join(lines) + "\n"


def describe(zoo: Sequence[Architecture]) -> list[str]:
    """How many models there are, with and without depthwise kernels, and the kernels by size."""
    listed = [row for row in zoo if row.kernels]
    failed = [row for row in zoo if row.fault]
    bare = [row for row in zoo if not row.kernels and not row.fault]
    lines = [
        f"timm {import_timm().__version__}: {_models(listed)} with depthwise kernels, "
        f"{_models(bare)} without"
        + (f", {_models(failed)} that timm cannot build" if failed else "")
    ]
    for size in sorted({size for row in listed for size in row.kernels}):
        having = [row for row in listed if size in row.kernels]
        n_kernels = sum(row.kernels[size] * len(row.models) for row in having)
        lines.append(f"{size}x{size}: {n_kernels:,} kernels in {_models(having)}")
    return lines


def _models(rows: Sequence[Architecture]) -> str:
    """As in '9 models (4 architectures)'."""
    counts = {"model": sum(len(row.models) for row in rows), "architecture": len(rows)}
    models, architectures = (f"{n:,} {what}{'s' * (n != 1)}" for what, n in counts.items())
    return f"{models} ({architectures})"


def _sizes(kernels: dict[int, int]) -> str:
    return ", ".join(f"{size}x{size} {count:,}" for size, count in kernels.items())


def _count_all(names: list[str]) -> list[dict[int, int] | str]:
    """`count_kernels` of each name, in several processes if there are many names."""
    n_processes = min(len(os.sched_getaffinity(0)), MAX_PROCESSES, len(names) // MODELS_PER_PROCESS)
    bar = {"total": len(names), "desc": "building", "unit": "model", "leave": False}
    bar["disable"] = None  # shown in a terminal alone
    if n_processes < 2:
        return list(tqdm(map(count_kernels, names), **bar))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(n_processes, context, initializer=_serve) as pool:
        try:
            return list(tqdm(pool.map(count_kernels, names, chunksize=CHUNK), **bar))
        except BrokenProcessPool:
            raise AtlasError(
                "a process that builds models was killed, perhaps for lack of memory; "
                "free some, or ask for fewer models at a time"
            ) from None
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _serve() -> None:
    """Leave Ctrl-C to the process that started this one, end with it, and get ready."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import_timm()
    gc.freeze()  # what timm has imported will stay; looking through it again and again takes time


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
        os._exit(1)
