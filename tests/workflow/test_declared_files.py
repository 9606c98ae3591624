"""A rule reads what it declares and nothing else, as engines without a common disk need it."""

import json
import os
import re

import numpy as np
import pytest
from safetensors.numpy import save_file
from support.project import REPOSITORY, Project

# Python imports this at the start of every job. At its end it writes what was read of the project:
# files that the rule declares, or of a group of the store, for which its zarr.json is declared.
WATCH = """
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


@pytest.fixture
def project(tmp_path):
    """A project with a model of each role, whose jobs are watched."""
    watch = tmp_path / "watch"
    watch.mkdir()
    (watch / "sitecustomize.py").write_text(WATCH)
    search_path = os.pathsep.join(filter(None, [str(watch), os.environ.get("PYTHONPATH")]))
    project = Project(tmp_path / "project", {**os.environ, "PYTHONPATH": search_path})
    project.write_config(autoencoder={"sizes": [5], "epochs": 5, "seeds": 1}, kmeans={"sizes": [3]})
    alpha = project.write_weights("alpha.pth", [(3, 60), (5, 120)], seed=10)
    beta = project.write_weights("beta.safetensors", [(3, 60), (5, 60)], seed=20)
    regular = {"conv.weight": np.ones((8, 8, 3, 3), np.float32)}
    save_file(regular, project / "weights/gamma.safetensors")
    project.write_sheet(
        ("alpha", alpha, "train"),
        ("beta", beta, "classify"),
        ("gamma", "file:weights/gamma.safetensors", "compare"),
    )
    return project


def test_rules_read_what_they_declare(project):
    run = project.snakemake("all", "describe")
    assert run.returncode == 0, run.output
    found = [json.loads(line) for line in (project / "read.jsonl").read_text().splitlines()]
    text = "\n".join(path.read_text() for path in REPOSITORY.glob("rules/*.smk"))
    rules = set(re.findall(r"^(?:rule|checkpoint) (\w+):", text, re.MULTILINE))
    assert {rule for rule, _ in found} == rules - {"resolve_timm"}  # no timm: row here
    # the sheet's sources; the store that a group is added to
    allowed = {"extract_kernels": ("weights/", "results/kernels.zarr"), "describe": ("weights/",)}
    for rule, paths in found:
        assert [path for path in paths if not path.startswith(allowed.get(rule, ()))] == [], rule
