"""The SLURM profile knows every rule, or each model would be a submission of its own."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

# on the GPU; once for all rows; outside a run; on the login node
UNGROUPED = {
    *("train_autoencoder", "train_network", "train_network_on_cpu", "resolve_timm", "describe"),
    *("list_models", "check_extracted", "list_checkpoints"),
}
TARGETS = {"all", "train_experiments", "experiment_results"}


@pytest.fixture
def profiles(repository):
    """The default profile and that for SLURM."""
    paths = (repository / f"profiles/{name}/config.yaml" for name in ("default", "slurm"))
    return [yaml.safe_load(path.read_text(encoding="utf-8")) for path in paths]


def test_every_rule_has_a_group_and_every_group_a_size(repository, profiles, tmp_path):
    command = [Path(sys.executable).with_name("snakemake"), "--list-rules"]
    command += ["--snakefile", repository / "Snakefile", "--directory", tmp_path]
    rules = set(subprocess.check_output(command, text=True, stderr=subprocess.DEVNULL).split())
    groups = profiles[1]["groups"]
    assert rules - set(groups) == TARGETS | UNGROUPED
    assert set(groups) <= rules
    assert profiles[1]["group-components"].keys() == set(groups.values())


def test_what_the_default_profile_sets_holds_on_slurm_too(profiles):
    default, slurm = profiles
    del default["shared-fs-usage"]  # nodes find Snakemake's cache in a home directory they share
    for key, value in default.items():
        if isinstance(value, dict):
            assert value.items() <= slurm[key].items(), key
        else:
            assert value == slurm[key], key
