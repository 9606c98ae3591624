"""The result of a classification: its tables agree, and sizes that an atlas lacks are listed."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from support.atlases import make_atlas

SIZES = {"a.dw": 5, "b.dw": 3, "c.dw": 5, "d.dw": 7}


@pytest.fixture
def result(rng):
    """Of a network with kernels of 3x3, 5x5 and 7x7; the atlas lacks 7x7."""
    torch = pytest.importorskip("torch")
    weights = {name: rng.normal(size=(12, 1, k, k)) for name, k in SIZES.items()}
    weights["a.dw"][3] = 0.5
    state = {f"{name}.weight": torch.tensor(array) for name, array in weights.items()}
    return make_atlas(rng).classify(state | {"head.weight": torch.ones(4, 12)})


def test_each_kernel_has_a_row(result):
    kernels = result.kernels
    assert list(kernels.columns) == ["kernel_size", *result.classes[5].columns]
    assert kernels["kernel_size"].tolist() == [3] * 12 + [5] * 24
    for size, table in result.classes.items():
        rows = kernels[kernels["kernel_size"] == size].drop(columns="kernel_size")
        pd.testing.assert_frame_equal(
            rows.astype(table.dtypes.to_dict()).reset_index(drop=True), table
        )
    assert [kernels[name].dtype.name for name in ("layer", "class", "member")] == ["category"] * 3


def test_the_summary_lists_every_size(result):
    summary = result.summary.set_index("kernel_size")
    assert summary["n_kernels"].to_dict() == {3: 12, 5: 24, 7: 12}
    assert summary["n_dead"].to_dict() == pytest.approx({3: 0, 5: 1, 7: np.nan}, nan_ok=True)
    assert summary["random_percent"].tolist()[:2] == [3.5, 0.25]
    assert summary.loc[7, "note"] == "not classified: the atlas has 3x3, 5x5 only"
    five = result.classes[5]["class"]
    n_clustered = (~five.isin(["other", "dead"])).sum()
    assert summary.loc[5, "n_clustered"] == n_clustered
    assert summary.loc[5, "clustered_percent"] == pytest.approx(100 * n_clustered / 23)


def test_layers_count_the_rows(result):
    layers = result.layers
    assert list(layers.columns[:4]) == ["kernel_size", "layer_index", "layer", "class"]
    assert layers.groupby("layer", observed=True)["n"].sum().to_dict() == {
        "a.dw": 12,
        "b.dw": 12,
        "c.dw": 12,
    }
    found = result.kernels.query("layer == 'a.dw'")["class"].value_counts()
    counts = layers.query("layer == 'a.dw'").set_index("class")["n"]
    assert {label: n for label, n in counts.items() if n} == found[found > 0].to_dict()


def test_the_inventory_has_all_candidates(result):
    inventory = result.inventory
    assert list(inventory.columns) == ["name", "shape", "counted", "in_doubt", "why"]
    assert set(inventory.loc[inventory["counted"], "name"]) == set(SIZES)


def test_the_plot_has_one_panel_per_size(result):
    titles = [axes.get_title("left") for axes in result.plot().axes]
    assert [title.partition(":")[0] for title in titles] == ["3x3", "5x5"]


@pytest.mark.parametrize("name", ["$x$", "$", "a\nb", "file:folder/net.pth"])
def test_any_name_is_a_title(result, name):
    figure = dataclasses.replace(result, name=name).plot()
    figure.canvas.draw()
    assert figure.get_suptitle().isprintable()


def test_a_network_of_other_sizes_gives_empty_tables(rng):
    result = make_atlas(rng).classify(rng.normal(size=(6, 7, 7)))
    assert result.classes == {}
    assert len(result.kernels) == len(result.layers) == 0
    assert result.summary["n_kernels"].tolist() == [6]
    assert result.plot().texts
