"""The SLURM profile knows every rule, or a new one would be a submission a model."""

import re

import pytest
import yaml

# on the GPU; once for all rows; not part of a run
UNGROUPED = {"train_autoencoder", "resolve_timm", "describe"}


@pytest.fixture
def profile(repository):
    return yaml.safe_load((repository / "profiles/slurm/config.yaml").read_text(encoding="utf-8"))


def test_every_rule_has_its_group(repository, profile):
    text = "\n".join(path.read_text(encoding="utf-8") for path in repository.glob("rules/*.smk"))
    rules = set(re.findall(r"^rule (\w+):", text, re.MULTILINE))
    assert set(profile["groups"]) == rules - UNGROUPED
    assert set(profile["group-components"]) == set(profile["groups"].values())


def test_what_the_default_profile_sets_holds_here_too(repository, profile):
    default = yaml.safe_load((repository / "profiles/default/config.yaml").read_text())
    resources = {**default.pop("resources"), "members": 1}
    assert profile["resources"] == resources
    assert default.items() <= profile.items()
