"""The configurations in experiments/ fit the schema, and have what the paper says of its arms."""

import pytest
import yaml

from kernel_atlas.config import check_config
from kernel_atlas.experiments.arms import read_arms


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.fixture(params=["small", "paper"])
def configuration(request, repository):
    return read(repository / f"experiments/{request.param}.yaml")


def test_they_fit_the_schema(configuration, repository):
    schema = read(repository / "workflow/schemas/config.schema.yaml")
    check_config(read(repository / "config.yaml") | configuration, schema)


def test_the_arms_are_those_of_the_paper(repository):
    arms = read_arms(read(repository / "experiments/paper.yaml")["experiments"])
    kaiming, dog = arms["kaiming"], arms["dog"]
    # Appendices F and G: the same conditions but for the start
    assert kaiming.settings.replace("kaiming", "dog") == dog.settings
    assert kaiming.kept_epochs == [0, 5, 10, 25, 50]
    # Appendix D
    assert (len(arms["efficientnet_b4"].trainings), arms["efficientnet_b4"].epochs) == (2, 50)
    # Appendix H
    memorise, control = arms["memorise"], arms["memorise_labels"]
    assert (memorise.classes, memorise.epochs, memorise.regularise) == (10, 200, False)
    assert (control.classes, control.epochs, control.shuffle) == (10, 200, "labels")
    assert arms["cifar10"].network == memorise.network == kaiming.network
