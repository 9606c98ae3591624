"""Networks compared by their kernels."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file
from support.figures import texts_of

from kernel_atlas.atlas import Atlas
from kernel_atlas.cli import cli
from kernel_atlas.comparison import chance_divergence, compare, divergence_of
from kernel_atlas.errors import AtlasError
from kernel_atlas.family.functions import difference_of_gaussians, first_derivative
from kernel_atlas.family.keys import read_keys
from kernel_atlas.section import Section

ATLAS = Atlas({7: Section.without_codes(7, 0.3, {"matched": 0.0})})
ON = difference_of_gaussians(7, 0.8)
EDGE = first_derivative(7, 1.2, 0)


def layers(rng, *kinds, n=12):
    """A state dict with a layer of n noisy kernels of each of these shapes."""
    return {
        f"{i:02}.dw.weight": (
            shape + 0.02 * rng.normal(size=(n, 1, 7, 7)) * rng.choice([-1, 1])
        ).astype(np.float32)
        for i, shape in enumerate(kinds)
    }


@pytest.fixture(scope="module")
def found():
    rng = np.random.default_rng(0)
    centres = layers(rng, *[ON] * 6)
    mixed = layers(rng, ON, ON, ON, EDGE, EDGE, EDGE)
    noise = {name: rng.normal(size=w.shape).astype(np.float32) for name, w in centres.items()}
    return compare([centres, mixed, noise], ATLAS)


def test_every_network_has_a_name_and_its_shares(found):
    names = ["state dict", "state dict (2)", "state dict (3)"]
    assert found.shares["network"].tolist() == names
    assert found.shares["matched_percent"].tolist() == [100, 100, 0]
    on = found.classes[found.classes["class"] == "on_centre"].set_index("network")
    assert on["percent"].tolist() == [100, 50, 0]
    assert on["low_percent"].iloc[1] < 50 < on["high_percent"].iloc[1]


def test_divergence_is_by_stage_and_beside_chance(found):
    pair = found.pairs[found.pairs["other_network"] == "state dict (2)"].set_index("stage")
    # all of one class, and half of each of two
    assert pair["divergence"]["all"] == pytest.approx(0.3113, abs=1e-4)
    assert pair["divergence"]["1"] == 0
    assert pair["divergence"]["5"] == 1
    assert 0 < pair["chance"]["all"] < 0.05
    assert pair["n_kernels"]["all"] == pair["n_kernels"].drop("all").sum() == 72
    similarity = found.pairs.query("stage == 'all'").set_index(["network", "other_network"])
    assert similarity["similarity"].iloc[0] > 0.5 > 0.3 > similarity["similarity"].iloc[1:].max()
    assert found.pairs.query("stage != 'all'")["similarity"].isna().all()


def test_the_figure_has_a_bar_for_each_network(found):
    texts = texts_of(found.plot())
    assert {"state dict", "state dict (2)", "state dict (3)"} <= set(texts)


def test_keys_are_there_if_they_describe_a_percent(rng):
    keys = read_keys()
    first = compare([layers(rng, *keys[:3]), layers(rng, *keys[1:5])], ATLAS).keys
    has = first[first["bank"] == "keys"].pivot_table(
        index="network", columns="key", values="is_there"
    )
    assert [*has.columns[has.loc["state dict"] > 0]] == [1, 2, 3]
    assert [*has.columns[has.loc["state dict (2)"] > 0]] == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([5, 5], [50, 50], 0),
        ([3, 0], [0, 9], 1),
        ([1, 1, 0], [0, 1, 1], 0.5),
        ([0, 0], [1, 1], np.nan),
    ],
)
def test_divergence_of_counts(first, second, expected):
    found = divergence_of(np.array(first), np.array(second))
    assert found == pytest.approx(expected, nan_ok=True, abs=1e-12)


def test_few_kernels_differ_more_by_chance():
    few, many = (chance_divergence(*2 * [n * np.array([1, 2, 3])]) for n in (3, 300))
    assert 10 * many < few < 0.2


def test_one_network_alone_is_refused(rng):
    with pytest.raises(AtlasError, match="give two or more"):
        compare([layers(rng, ON)], ATLAS)


def test_the_command_prints_text_or_json(rng, tmp_path):
    for name, shapes in (("a", [ON, EDGE]), ("b", [ON, ON])):
        save_file(layers(rng, *shapes, n=4), tmp_path / f"{name}.safetensors")
    paths = [str(tmp_path / f"{name}.safetensors") for name in "ab"]
    said = CliRunner().invoke(cli, ["compare", *paths], catch_exceptions=False).output
    assert "1  " in said
    assert "master keys, percent of live kernels" in said
    assert "similarity" in said
    csv = tmp_path / "classes.csv"
    done = CliRunner().invoke(cli, ["compare", *paths, "--json", "--csv", str(csv)])
    content = SimpleNamespace(**json.loads(done.output))
    assert [row["network"] for row in content.shares] == [f"file:{path}" for path in paths]
    assert len(csv.read_text().splitlines()) == 1 + len(content.classes)
