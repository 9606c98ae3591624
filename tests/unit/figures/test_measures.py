"""The figure of measures: layers by depth, their means, and the controls."""

import numpy as np
import pandas as pd
from support.figures import texts_of

from kernel_atlas.figures.measures import MEASURES, draw_measures
from kernel_atlas.figures.style import NO_MODEL
from kernel_atlas.tables.measures import COLUMNS, LAYER_COLUMNS


def layers_of(n=10, size=5, **cells):
    rows = {"model": "net", "kernel_size": size, "layer_index": range(n), "n_kernels": 8}
    values = {"n_dead": 0, "variance_entropy": np.linspace(0.5, 0.95, n), "effective_rank": 12.0}
    table = pd.DataFrame(rows | values | {"spread_x": 1.0, "spread_y": 2.0} | cells)
    return table.reindex(columns=LAYER_COLUMNS)


def models_of(size=5):
    rows = {"model": "net", "kernel_size": size, "kernels": ["own", "random", "shuffled"]}
    values = {"n_kernels": 80, "n_dead": 0, "variance_entropy": [0.7, 1.0, 0.9]}
    return pd.DataFrame(rows | values).reindex(columns=COLUMNS)


def test_a_dot_per_layer_lies_at_its_depth_and_the_line_at_the_means_of_fifths():
    first, *_ = draw_measures(models_of(), layers_of()).axes
    (dots,) = first.collections
    expected = np.column_stack([np.arange(10) / 10 + 0.05, np.linspace(0.5, 0.95, 10)])
    np.testing.assert_allclose(dots.get_offsets(), expected)
    lines = {line.get_label(): np.asarray(line.get_xydata()) for line in first.lines}
    np.testing.assert_allclose(lines["mean of a fifth"][:, 0], [0.1, 0.3, 0.5, 0.7, 0.9])
    np.testing.assert_allclose(lines["mean of a fifth"][:, 1], [0.525, 0.625, 0.725, 0.825, 0.925])
    assert lines["random directions"][:, 1].tolist() == [1.0, 1.0]
    assert lines["their pixels shuffled"][:, 1].tolist() == [0.9, 0.9]


def test_every_size_has_a_column_and_what_is_not_known_is_said():
    measures = pd.concat([models_of(3), models_of(5)])
    figure = draw_measures(measures, pd.concat([layers_of(4, 3), layers_of(4, 5, model="other")]))
    assert len(figure.axes) == 2 * len(MEASURES)
    assert [axes.get_title("left") for axes in figure.axes[:2]] == ["3x3", "5x5"]
    assert texts_of(figure).count("not known") == 4  # orthogonality, and keys' models
    (legend,) = figure.legends
    assert len(legend.get_texts()) == 4
    half = figure.axes[2 * list(MEASURES).index("rank_share") + 1].collections[0].get_offsets()
    assert set(half[:, 1]) == {0.5}


def test_layers_of_dead_kernels_are_left_out():
    first, *_ = draw_measures(models_of(), layers_of(n_dead=[8, *[0] * 9])).axes
    assert len(first.collections[0].get_offsets()) == 9
    figure = draw_measures(models_of(), layers_of(n_dead=8))
    assert NO_MODEL in texts_of(figure)
