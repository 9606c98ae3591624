"""The figure of classes: a row per class, filled from the kernels of all models."""

import numpy as np
import pandas as pd
import pytest
from support.classes import classes_of
from support.figures import image_of, pixels_of, texts_of

from kernel_atlas.checkpoints.layer import Layer
from kernel_atlas.extraction.writing import write_model
from kernel_atlas.figures.classes import plot_classes

MODELS = {
    "one": "on_centre dead mine",
    "none": "",
    "two": "on_centre on_centre other/on_cross on_centre dead on_centre",
}


@pytest.fixture
def paths(tmp_path):
    """Groups and tables of `MODELS`; each kernel is told by its one grey pixel."""
    groups, tables, number = [], [], 0
    for name, words in MODELS.items():
        classes = classes_of(a=words) if words else classes_of()
        kernels = np.zeros((len(classes), 5, 5), np.float32)
        for kernel in kernels:
            kernel[0, 0], kernel[2, 2] = 1, number / 10 + 0.05
            number += 1
        layers = [Layer("a", kernels)] if len(kernels) else []
        write_model(tmp_path / name, layers, {"model": name})
        classes.to_parquet(tmp_path / f"{name}.parquet")
        groups.append(tmp_path / name / "zarr.json")
        tables.append(tmp_path / f"{name}.parquet")
    return groups, tables


def rows_of(figure):
    """The numbers of the kernels in each row."""
    (axes,) = figure.axes
    rows = 2 * image_of(axes)[2::6, 2::6] - 1  # zero is drawn halfway between 0 and 1
    return [np.round(row[~np.isnan(row)] * 10 - 0.5).astype(int).tolist() for row in rows]


def test_each_row_has_the_kernels_of_its_class_from_all_models(paths):
    figure = plot_classes(*paths, 5, "paper", 8)
    assert [set(row) for row in rows_of(figure)] == [{0, 3, 4, 6, 8}, {2}, {5}]
    assert set(texts_of(figure)) == {
        "5x5: samples of 7 live kernels of all models, by the paper's ruler",
        "On centre  55.6 %",
        "Mine  11.1 %",
        "Other  11.1 %",
    }


def test_the_ruler_says_what_class_a_kernel_has(paths):
    figure = plot_classes(*paths, 5, "family", 8)
    assert [set(row) for row in rows_of(figure)] == [{0, 2, 3, 4, 6, 8}, {5}]
    assert "On cross  11.1 %" in texts_of(figure)


def test_at_most_so_many_are_drawn_and_none_twice(paths):
    figure = plot_classes(*paths, 5, "paper", 3)
    rows = rows_of(figure)
    assert [len(row) for row in rows] == [3, 1, 1]
    assert len(set(rows[0])) == 3
    assert len(pixels_of(figure)) == 5 * 25
    assert rows_of(plot_classes(*paths, 5, "paper", 3)) == rows


def test_tables_may_differ_in_their_categories_and_lack_a_codebook(paths):
    groups, tables = paths
    table = pd.read_parquet(tables[0])
    table = table.assign(near=pd.array([None] * 3, "boolean"))
    table["class"] = pd.Categorical([None, "dead", None], ["dead"])
    table.to_parquet(tables[0])
    figure = plot_classes(groups[:1], tables[:1], 5, "paper", 3)
    assert any("by the family's ruler" in text for text in texts_of(figure))
    assert [set(row) for row in rows_of(figure)] == [{0, 2}]


def test_without_live_kernels_there_is_a_notice(paths):
    groups, tables = paths
    classes_of(a="dead dead dead").to_parquet(tables[0])
    for models in (slice(0, 1), slice(1, 2)):
        (text,) = texts_of(plot_classes(groups[models], tables[models], 5, "paper", 3))
        assert text == "5x5: no model has live kernels of this size"
