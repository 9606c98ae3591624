"""The SLURM profile knows every group of jobs, or there would be a submission a model."""

import re

import pytest
import yaml

# on the GPU; once for all rows; not part of a run; on the login node
UNGROUPED = {"train_autoencoder", "resolve_timm", "describe", "list_failed", "check_extracted"}
# more than any group has, or the checkpoint makes Snakemake submit jobs twice
ALL = 10_000


@pytest.fixture
def profile(repository):
    return yaml.safe_load((repository / "profiles/slurm/config.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def groups(repository):
    """The group by rule, as it stands in the rule."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in repository.glob("rules/*.smk"))
    rules = re.split(r"^(?:rule|checkpoint) (\w+):\n", text, flags=re.MULTILINE)[1:]
    bodies = dict(zip(rules[::2], rules[1::2], strict=True))
    found = {
        name: re.search(r"^    group:\n        (.*)$", body, re.MULTILINE)
        for name, body in bodies.items()
    }
    return {name: group and group[1] for name, group in found.items()}


def test_every_rule_has_its_group(groups):
    assert {name for name, group in groups.items() if not group} == UNGROUPED


def test_every_group_is_a_single_submission(profile, groups):
    names = set()
    for group in filter(None, groups.values()):
        batches = re.fullmatch(r'in_batches\("(\w+)"\)', group)
        names |= {f"{batches[1]}{index}" for index in range(8)} if batches else {group.strip('"')}
    assert profile["group-components"] == dict.fromkeys(names, ALL)
    assert "groups" not in profile  # by names of rules, which a module changes


def test_what_the_default_profile_sets_holds_here_too(repository, profile):
    default = yaml.safe_load((repository / "profiles/default/config.yaml").read_text())
    resources = {**default.pop("resources"), "members": 1}
    assert profile["resources"] == resources
    assert default.items() <= profile.items()
