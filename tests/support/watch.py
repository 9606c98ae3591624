"""Watch which files of a project the jobs of a run read, and compare with what rules declare."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

# Python imports this at the start of every job. At its end it writes which files of the project
# the job read that its rule does not declare. The zarr.json of a group stands for all of it.
_CODE = """
import atexit, json, os, sys
from pathlib import Path

project, read = Path.cwd(), set()


def watch(event, arguments):
    if event == "open" and not isinstance(arguments[0], int):
        path, _, flags = arguments
        if flags & os.O_ACCMODE == os.O_RDONLY:
            read.add(Path(os.path.abspath(os.fsdecode(path))))


def write():
    job = getattr(sys.modules["__main__"], "snakemake", None)
    if job is None:
        return
    declared = {Path(path).absolute() for path in (*job.input, *job.output, *job.log)}
    declared |= {path.parent for path in declared if path.name == "zarr.json"}
    undeclared = [
        str(path.relative_to(project))
        for path in read
        if path.is_relative_to(project)
        and not path.is_relative_to(project / ".snakemake")
        and declared.isdisjoint([path, *path.parents])
    ]
    with open(project / "read.jsonl", "a") as file:
        file.write(json.dumps([job.rule, sorted(undeclared)]) + "\\n")


sys.addaudithook(watch)
atexit.register(write)
"""


def watched(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """These environment variables, changed so that jobs write what they read to `read.jsonl`."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_CODE)
    search_path = os.pathsep.join(filter(None, [str(folder), environment.get("PYTHONPATH")]))
    return {**environment, "PYTHONPATH": search_path}


def undeclared_reads(project: Path) -> list[tuple[str, list[str]]]:
    """For each job that was watched, its rule and the undeclared files that it read."""
    lines = (project / "read.jsonl").read_text().splitlines()
    return [tuple(json.loads(line)) for line in lines]
