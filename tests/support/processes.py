"""The processes of a run of snakemake."""

from collections.abc import Iterator

import psutil


def kill_tree(pid: int) -> None:
    """SIGKILL a process that we started and all its descendants."""
    try:
        parent = psutil.Process(pid)
        tree = [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for process in tree:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def running_jobs(pid: int, script: str = ".py") -> Iterator[psutil.Process]:
    """The Python processes that snakemake has started to run this script, or any."""
    try:
        children = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return
    for child in children:
        try:
            # two arguments: not the shell in between
            if child.cmdline()[-1].endswith(script) and len(child.cmdline()) == 2:
                yield child
        except (psutil.NoSuchProcess, IndexError):
            continue
