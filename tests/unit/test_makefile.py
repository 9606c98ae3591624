"""The Makefile: which machines it accepts, and what it tries again."""

import os
import re
import subprocess

import pytest


@pytest.fixture
def make(repository, tmp_path):
    """A function that runs make in an empty folder, with .venv taken for ready."""
    # under `make test`, this make is not part of that one
    env = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    env.pop("MFLAGS", None)

    def run(*arguments):
        command = ["make", "-f", repository / "Makefile", "SNAKEMAKE=echo snakemake", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=60
        )

    return run


def test_help_lists_every_target(make, repository):
    (targets,) = re.findall(r"^\.PHONY: (.*)$", (repository / "Makefile").read_text(), re.M)
    listed = [line.split()[0] for line in make("help").stdout.splitlines()]
    assert listed == targets.split()


def test_model_asks_for_the_figures_of_one(make):
    unnamed = make("model", "-o", ".venv/ready")
    assert unnamed.returncode == 2
    assert "make model MODEL=my_network" in unnamed.stderr
    named = make("model", "-o", ".venv/ready", "MODEL=net.a", "CONFIG=my.yaml", "-s")
    command = "snakemake results/figures/net.a/layers.png --cores all --configfile my.yaml\n"
    assert named.stdout == command


def test_setup_refuses_what_was_not_tested_in_one_line(make, tmp_path):
    for name in ("requirements.txt", "pyproject.toml", "src/kernel_atlas/__init__.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    refused = make("setup", "TESTED=Linux-x86_64-Python-2.7")
    assert refused.returncode == 2
    assert (refused.stdout, len(refused.stderr.splitlines())) == ("", 1)
    assert "make setup PYTHON=python3.11" in refused.stderr
    assert "make setup UNTESTED=1" in refused.stderr
    tried = make("setup", "TESTED=Linux-x86_64-Python-2.7", "UNTESTED=1", "--dry-run")
    assert tried.returncode == 0
    assert "-m venv .venv" in tried.stdout


def test_retry_extracts_the_failed_models_and_then_runs(make, tmp_path):
    nothing = make("retry", "-o", ".venv/ready")
    assert nothing.returncode == 0
    assert nothing.stdout == "results/tables/failed.tsv lists no model: nothing to try again.\n"
    table = tmp_path / "results/tables/failed.tsv"
    table.parent.mkdir(parents=True)
    table.write_text("model\tcause\nnet.a\tit is broken\nnet-b\tanother cause\n")
    commands = make("retry", "-o", ".venv/ready", "CORES=2", "CONFIG=my.yaml", "-s").stdout
    groups = [f"results/kernels.zarr/{model}/zarr.json" for model in ("net.a", "net-b")]
    assert commands.splitlines() == [
        "snakemake results/tables/failed.tsv --cores 2 --configfile my.yaml",
        f"snakemake --force {' '.join(groups)} --cores 2 --configfile my.yaml",
        "snakemake --cores 2 --configfile my.yaml",
    ]
