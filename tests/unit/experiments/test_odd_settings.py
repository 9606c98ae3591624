"""Odd settings of an arm, as YAML has them: one line each, which names arm and key."""

import pytest
import yaml
from support.images import ARM

from kernel_atlas.config import check_config
from kernel_atlas.errors import AtlasError
from kernel_atlas.experiments.arms import read_arms


@pytest.fixture
def read(repository):
    """A function that reads the arm `dog` with these settings in YAML, as the Snakefile does."""
    schema = yaml.safe_load((repository / "workflow/schemas/config.schema.yaml").read_text())
    defaults = yaml.safe_load((repository / "config.yaml").read_text())

    def read(text):
        arm = {**ARM, "data": "folder:images", **yaml.safe_load(text)}
        config = {**defaults, "experiments": {"dog": arm}}
        check_config(config, schema)
        return read_arms(config["experiments"])["dog"]

    return read


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "network: {name: ConvMixer, arguments: {dim: 2020-01-01}}",
            "network.arguments.dim: datetime.date(2020, 1, 1) is not text, a number or a list; ",
        ),
        (
            "network: {name: ConvMixer, arguments: {dims: [8, 2020-01-01]}}",
            "network.arguments.dims.1: datetime.date(2020, 1, 1) is not text",
        ),
        (
            "network: {name: ConvMixer, arguments: {dim: .nan}}",
            "network.arguments.dim: nan is not text, a number",
        ),
        (
            "network: {name: ConvMixer, arguments: {dim: !!set {8}}}",
            "network.arguments.dim: {8} is not text",
        ),
        (
            "network: {name: ConvMixer, arguments: {2020-01-01: 8}}",
            "network.arguments: '2020-01-01' does not match",
        ),
        ("network: {name: 2020-01-01}", "network.name: datetime.date(2020, 1, 1) is not of type"),
        ("network: ConvMixer", "network: 'ConvMixer' is not of type 'object'"),
        ("epochs: -1", "epochs: -1 is less than the minimum of 1"),
        ("epochs: 2.0", "epochs: 2.0 is not of type 'integer'"),
        ("epochs: 3e0", "epochs: '3e0' is not of type 'integer' (for YAML, 2e-3 is text"),
        ("keep: [1, 9]", "keep: there is no epoch 9 among 3 epochs"),
        ("keep: 3", "keep: 3 is not of type 'array'"),
        ("seeds: 0", "seeds: 0 is less than the minimum of 1"),
        ("gpus: two", "gpus: 'two' is not of type 'integer'"),
        ("gpus: 3", "batch_size: 8 images cannot be shared out to 3 GPUs"),
        (
            "{gpus: 4, batch_size: 12, augmentation: {mixup: 1}}",
            "batch_size: 3 on each GPU is odd, and mixup pairs the images of a batch",
        ),
        ("gpu: 2", "gpu: unknown key (did you mean 'gpus'?)"),
    ],
)
def test_a_fault_is_one_line(read, text, fault):
    with pytest.raises(AtlasError) as caught:
        read(text)
    assert str(caught.value).startswith(f"config: experiments.dog.{fault}")
    assert len(str(caught.value).splitlines()) == 1


def test_arguments_of_all_other_kinds_are_kept(read):
    given = {"a": [1, [2.5, "x"]], "b": None, "c": {"d": True}}
    arm = read(yaml.safe_dump({"network": {"name": "ConvMixer", "arguments": given}}))
    assert arm.network["arguments"] == given
