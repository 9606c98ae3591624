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
def batched(repository):
    """The stage by rule, of rules whose group is named in rules/, by the model's batch."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in repository.glob("rules/*.smk"))
    rules = re.split(r"^(?:rule|checkpoint) (\w+):\n", text, flags=re.MULTILINE)[1:]
    bodies = dict(zip(rules[::2], rules[1::2], strict=True))
    found = {
        name: re.search(r'^    group:\n        in_batches\("(\w+)"\)$', body, re.MULTILINE)
        for name, body in bodies.items()
    }
    return {name: group and group[1] for name, group in found.items()}


def test_every_rule_has_its_group(profile, batched):
    ungrouped = {name for name, stage in batched.items() if not stage}
    assert ungrouped - set(profile["groups"]) == UNGROUPED
    assert set(profile["groups"]) <= ungrouped


def test_no_rule_names_a_group_but_of_a_batch(repository, batched):
    # in rules/, a group is made again within its job, which then may want more than one core
    text = "\n".join(path.read_text(encoding="utf-8") for path in repository.glob("rules/*.smk"))
    assert len(re.findall(r"^ +group:$", text, re.MULTILINE)) == len(
        list(filter(None, batched.values()))
    )


def test_every_group_is_a_single_submission(profile, batched):
    stages = set(filter(None, batched.values()))
    names = {f"{stage}{index}" for stage in stages for index in range(8)}
    assert profile["group-components"] == dict.fromkeys(
        names | set(profile["groups"].values()), ALL
    )


def test_what_the_default_profile_sets_holds_here_too(repository, profile):
    default = yaml.safe_load((repository / "profiles/default/config.yaml").read_text())
    resources = {**default.pop("resources"), "members": 1}
    assert profile["resources"] == resources
    assert default.items() <= profile.items()
