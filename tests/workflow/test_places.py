"""Odd places: a clone under a path with braces, a home directory that cannot be written."""

import os
import subprocess
import sys
from pathlib import Path


def test_a_clone_under_braces_is_refused_in_one_line(repository, tmp_path):
    clone = tmp_path / "{my}clone"
    clone.symlink_to(repository)
    command = [Path(sys.executable).with_name("snakemake"), "--cores", "1", "--dry-run"]
    command += ["--snakefile", clone / "Snakefile", "--directory", tmp_path]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    output = run.stdout + run.stderr
    assert output.count("move the clone to a path without braces") == 1
    assert "Traceback" not in output


def test_a_working_directory_under_braces_and_no_home_are_fine(finished, tmp_path):
    project = finished.copy(tmp_path / "{my}project")
    project.environment = os.environ | {"HOME": "/dev/null/home"}
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR"):
        project.environment.pop(name, None)
    run = project.snakemake(
        "results/kernels.zarr/beta/zarr.json", "results/figures/family/grid.png", "--force"
    )
    assert run.returncode == 0, run.output
    assert run.jobs == ["extract_kernels/beta", "plot_family"]
