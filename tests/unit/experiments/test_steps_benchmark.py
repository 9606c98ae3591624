"""The benchmark of steps, which says how long the trainings of a configuration will take."""

import runpy

import pytest
import yaml
from support.images import ARM


@pytest.fixture
def measure(repository, tmp_path):
    """A function that measures the steps of one arm with these settings."""
    main = runpy.run_path(str(repository / "benchmarks/steps.py"))["main"]

    def measure(batch_size=0, images=0, **changed):
        arm = {**ARM, "data": "imagenet:nowhere", **changed}
        path = tmp_path / "arms.yaml"
        path.write_text(yaml.safe_dump({"experiments": {"arm": arm}}))
        main(path, 2, [], batch_size, images)

    return measure


def row_of(capsys):
    lines = capsys.readouterr().out.splitlines()
    (row,) = (line for line in lines if line.startswith("| `arm` |"))
    _, trainings, batch, seconds, per_second, hours, in_all = row.strip("| ").split(" | ")
    return int(trainings), int(batch), *map(float, (seconds, per_second, hours, in_all))


def test_hours_follow_from_the_steps_of_all_epochs_and_seeds(measure, capsys):
    measure(epochs=4, seeds=3, augmentation={"mixup": 0.5})
    trainings, batch, seconds, per_second, hours, in_all = row_of(capsys)
    assert (trainings, batch) == (3, 8)
    assert per_second == pytest.approx(8 / seconds, rel=0.02)
    assert hours == pytest.approx(4 * (1_281_167 // 8) * seconds / 3600, rel=0.02)
    assert in_all == pytest.approx(3 * hours, rel=0.02)


def test_ten_classes_have_fewer_images_and_other_data_any_number(measure, capsys):
    measure(classes=10, epochs=1)
    _, batch, seconds, _, hours, _ = row_of(capsys)
    assert hours == pytest.approx(12_811 // batch * seconds / 3600, rel=0.02)
    measure(data="folder:nowhere", images=800, epochs=1, batch_size=4)
    _, batch, seconds, _, hours, _ = row_of(capsys)
    assert batch == 4
    assert hours == pytest.approx(200 * seconds / 3600, rel=0.02)
    with pytest.raises(SystemExit, match="arm: folder:nowhere may have any number of images; give"):
        measure(data="folder:nowhere")
