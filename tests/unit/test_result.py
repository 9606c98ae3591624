"""The result of a classification: its tables agree, and a size without a codebook has members."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from support.atlases import make_atlas

from kernel_atlas.result import summarise

SIZES = {"a.dw": 5, "b.dw": 3, "c.dw": 5, "d.dw": 7}


@pytest.fixture
def result(rng):
    """Of a network with kernels of 3x3, 5x5 and 7x7; the atlas has no codes of 7x7."""
    torch = pytest.importorskip("torch")
    weights = {name: rng.normal(size=(12, 1, k, k)) for name, k in SIZES.items()}
    weights["a.dw"][3] = 0.5
    state = {f"{name}.weight": torch.tensor(array) for name, array in weights.items()}
    return make_atlas(rng).classify(state | {"head.weight": torch.ones(4, 12)})


def test_each_kernel_has_a_row(result):
    kernels = result.kernels
    assert list(kernels.columns) == ["kernel_size", *result.classes[5].columns]
    assert kernels["kernel_size"].tolist() == [3] * 12 + [5] * 24 + [7] * 12
    for size, table in result.classes.items():
        rows = kernels[kernels["kernel_size"] == size].drop(columns="kernel_size")
        pd.testing.assert_frame_equal(
            rows.astype(table.dtypes.to_dict()).reset_index(drop=True), table
        )
    assert [kernels[name].dtype.name for name in ("layer", "class", "member")] == ["category"] * 3


def test_the_summary_lists_every_size(result):
    summary = result.summary.set_index("kernel_size")
    assert summary["n_kernels"].to_dict() == {3: 12, 5: 24, 7: 12}
    assert summary["n_dead"].to_dict() == {3: 0, 5: 1, 7: 0}
    for share, expected in (("near", [7, 0.5]), ("clustered", [3.5, 0.25])):
        assert summary[f"random_{share}_percent"].tolist()[:2] == expected
    assert summary["random_matched_percent"].tolist()[:2] == [10.5, 0.75]
    assert 0 <= summary.loc[7, "random_matched_percent"] <= 100
    assert summary.loc[5, "note"] == ""
    five = result.classes[5]
    n_clustered = (~five["class"].isin(["other", "dead"])).sum()
    facts = summary.loc[5]
    assert facts["n_near"] == five["near"].sum() == n_clustered
    assert facts["n_clustered"] == n_clustered
    assert facts["n_matched"] == five["matched"].sum()
    assert facts["near_percent"] == pytest.approx(100 * n_clustered / 24)
    assert facts["clustered_percent"] == pytest.approx(100 * n_clustered / 23)
    assert facts["matched_percent"] == pytest.approx(100 * five["matched"].sum() / 23)


def test_a_size_without_a_codebook_has_members_alone(result):
    facts = result.summary.set_index("kernel_size").loc[7]
    assert facts["note"] == "no codebook, matched only: the atlas has 3x3, 5x5 only"
    assert facts[["n_near", "n_clustered", "near_percent", "clustered_percent"]].isna().all()
    assert facts["n_matched"] == result.classes[7]["matched"].sum()
    assert not np.isnan(facts["matched_percent"])


def test_an_atlas_without_any_codes_says_so(result):
    summary = summarise({7: result.classes[7]}, {}, [])
    assert summary["note"].tolist() == ["no codebook, matched only: the atlas has none"]
    assert summary["n_kernels"].tolist() == [12]
    assert summary["random_matched_percent"].isna().all()


def test_layers_count_the_rows(result):
    layers = result.layers
    assert list(layers.columns[:4]) == ["kernel_size", "layer_index", "layer", "class"]
    sums = layers.groupby("layer", observed=True)[["n", "n_members"]].sum()
    assert sums["n"].to_dict() == {"a.dw": 12, "b.dw": 12, "c.dw": 12, "d.dw": 0}
    assert sums["n_members"].to_dict() == dict.fromkeys(SIZES, 12)
    found = result.kernels.query("layer == 'a.dw'")["class"].value_counts()
    counts = layers.query("layer == 'a.dw'").set_index("class")["n"]
    assert {label: n for label, n in counts.items() if n} == found[found > 0].to_dict()


def test_the_inventory_has_all_candidates(result):
    inventory = result.inventory
    assert list(inventory.columns) == ["name", "shape", "counted", "in_doubt", "why"]
    assert set(inventory.loc[inventory["counted"], "name"]) == set(SIZES)


def test_the_plot_has_panels_by_either_ruler(result):
    titles = [axes.get_title("left").partition(":")[0] for axes in result.plot().axes]
    assert titles == [
        "3x3, nearest code",
        "3x3, nearest member",
        "5x5, nearest code",
        "5x5, nearest member",
        "7x7, nearest member",
    ]


@pytest.mark.parametrize("name", ["$x$", "$", "a\nb", "file:folder/net.pth"])
def test_any_name_is_a_title(result, name):
    figure = dataclasses.replace(result, name=name).plot()
    figure.canvas.draw()
    assert figure.get_suptitle().isprintable()
