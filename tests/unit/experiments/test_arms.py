"""Arms: their names and kept epochs, what decides a training, and faults in one line each."""

import pytest
import yaml
from support.images import ARM

from kernel_atlas.errors import AtlasError
from kernel_atlas.experiments.arms import Training, read_arms

NAMED = {**ARM, "data": "cifar10:images"}


def read_arm(**changes):
    return read_arms({"dog": {**NAMED, **changes}})["dog"]


def test_a_training_per_seed_and_a_model_per_kept_epoch():
    arm = read_arm(epochs=30, keep=[10, 5], seeds=2, seed=4)
    assert arm.kept_epochs == [0, 5, 10, 30]
    assert [training.name for training in arm.trainings] == ["dog-s4", "dog-s5"]
    rows = arm.trainings[0].rows()
    assert [row.model for row in rows] == [f"dog-s4-e{n}" for n in ("000", "005", "010", "030")]
    assert rows[1].source == "file:results/experiments/dog-s4/epoch_005.safetensors"
    assert {(row.role, row.family) for row in rows} == {("classify", "dog")}


def test_settings_are_all_that_decides_a_training_but_its_seed():
    arm = read_arm()
    assert Training.read(arm.settings, 7).arm == read_arm(seeds=3)
    assert read_arm(seeds=5, seed=2).settings == arm.settings
    assert read_arm(start="dog").settings != arm.settings
    turned = dict(reversed(NAMED["network"]["arguments"].items()))
    assert read_arm(network={"arguments": turned, "name": "ConvMixer"}).settings == arm.settings


def test_images_that_tell_their_rotation_are_not_mirrored():
    assert read_arm().augmentation.hflip == 0.5
    assert read_arm(data="photographs:rotation").augmentation.hflip == 0


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"data": "mnist:x"}, ".data: unknown data 'mnist:x' (known: imagenet:PATH, "),
        ({"data": "folder:"}, ".data: unknown data 'folder:'"),
        ({"data": "photographs:depth"}, ".data: unknown data 'photographs:depth'"),
        ({"start": "gabor"}, ".start: unknown start 'gabor' (known: kaiming, dog, keys, file:"),
        ({"classes": 1}, ".classes: a network cannot learn to tell one class"),
        (
            {"network": {"name": "convnext_atto", "arguments": {"pretrained": True}}},
            ".network.arguments.pretrained: start and data decide this",
        ),
        ({"keep": [2, 9]}, ".keep: there is no epoch 9 among 3 epochs"),
        ({"warmup_epochs": 3}, ".warmup_epochs: 3 of 3 epochs leaves none after it"),
        ({"augmentation": {"scale": [1.0, 0.2]}}, ".augmentation.scale: 1.0 is more than 0.2"),
        ({"batch_size": 7, "augmentation": {"mixup": 1}}, ".batch_size: 7 is odd, and mixup"),
        (
            {"data": "photographs:rotation", "augmentation": {"hflip": 0.5}},
            ".augmentation.hflip: a mirrored image of photographs:rotation has another class",
        ),
    ],
)
def test_a_fault_is_one_line(changes, fault):
    with pytest.raises(AtlasError) as caught:
        read_arm(**changes)
    assert str(caught.value).startswith(f"config: experiments.dog{fault}")
    assert len(str(caught.value).splitlines()) == 1


def test_names_that_differ_by_case_alone_are_refused():
    with pytest.raises(AtlasError, match=r"experiments\.Dog: the same name as dog but for its"):
        read_arms({"dog": NAMED, "Dog": NAMED})


def test_the_defaults_of_the_schema_hold(repository):
    schema = yaml.safe_load((repository / "workflow/schemas/config.schema.yaml").read_text())
    (arm,) = schema["properties"]["experiments"]["patternProperties"].values()
    stated = {
        name: node["default"] for name, node in arm["properties"].items() if "default" in node
    }
    changes = arm["properties"]["augmentation"]["properties"]
    stated["augmentation"] = {name: node["default"] for name, node in changes.items()}
    given = {name: NAMED.get(name, "cifar10:images") for name in arm["required"]}
    assert read_arms({"a": given}) == read_arms({"a": {**given, **stated}})
