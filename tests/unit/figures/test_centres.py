"""The figure of k-means centres: each with its share, and kernels that belong to it."""

import numpy as np
import pytest
from support.classes import classes_of
from support.figures import colour_of, image_of, rectangles_of, texts_of

from kernel_atlas.checkpoints.layer import Layer
from kernel_atlas.codebooks.codebook import SKIPPED
from kernel_atlas.extraction.writing import write_model
from kernel_atlas.figures.centres import plot_centres
from kernel_atlas.figures.style import COLOURS
from kernel_atlas.labels.table import Interval, write_labels

# of two models: the centre of each kernel, or dead
MODELS = {"one": [0, 2, 0, None], "none": [], "two": [2, 0, 0, 0]}
N_CENTRES = 3


@pytest.fixture
def paths(tmp_path):
    """All that `plot_centres` reads. Each kernel is told by its upper right pixel."""
    groups, tables, number = [], [], 0
    for name, rows in MODELS.items():
        kernels = np.zeros((len(rows), 3, 3), np.float32)
        for kernel in kernels:
            number += 1
            kernel[0] = -10, 0, number
            kernel += 5
        layers = [Layer("a", kernels)] if rows else []
        write_model(tmp_path / name, layers, {"model": name})
        words = " ".join("dead" if row is None else "other" for row in rows)
        table = classes_of(a=words) if rows else classes_of()
        codes = [np.nan if row is None else row / (N_CENTRES - 1) for row in rows]
        table = table.assign(code=np.array(codes, np.float32))
        groups.append(tmp_path / name / "zarr.json")
        tables.append(tmp_path / f"{name}.parquet")
        table.to_parquet(tables[-1])
    codebook, labels = tmp_path / "kmeans/k3/codebook.npy", tmp_path / "k3.tsv"
    codebook.parent.mkdir(parents=True)
    centres = np.zeros((N_CENTRES, 3, 3))
    centres[0, 1, 1] = centres[2, 0] = 1
    centres[1] += 1
    centres[1, 1, 1] = 0
    np.save(codebook, centres)
    write_labels([Interval(0, 0.25, "on_centre"), Interval(0.25, 0.75, "off_centre")], labels)
    return groups, tables, codebook, labels


def kernels_of(figure):
    """The pixels of each place, in rows, less what is drawn for zero."""
    image = image_of(figure.axes[0]) - 0.5
    rows = [image[top : top + 3] for top in range(0, len(image), 4)]
    return [[row[:, left : left + 3] for left in range(0, row.shape[1], 4)] for row in rows]


def test_each_centre_has_its_kernels_of_all_models(paths):
    rows = kernels_of(plot_centres(*paths, 3, 8))
    found = []
    for _, gap, *samples in rows:
        assert np.isnan(gap).all()
        # as drawn, less its mean, up to the largest difference, that of the upper left pixel
        numbers = [
            round(10 * (kernel[0, 2] - kernel[1, 1]) / (kernel[1, 1] - kernel[0, 0]))
            for kernel in samples
            if not np.isnan(kernel).all()
        ]
        found.append(sorted(numbers))
    assert found == [[1, 3, 6, 7, 8], [], [2, 5]]


def test_centres_are_drawn_less_their_means(paths):
    centres = [row[0] for row in kernels_of(plot_centres(*paths, 3, 8))]
    for centre, sign in zip(centres, (1, -1), strict=False):
        assert centre[1, 1] == pytest.approx(sign * 0.5)
        assert (sign * centre < 0).sum() == 8


def test_each_centre_has_its_class_and_its_share_of_live_kernels(paths):
    figure = plot_centres(*paths, 3, 2)
    assert set(texts_of(figure)) == {
        "3x3: centres of k-means (left) and samples of 7 live kernels",
        "1: On centre  71.4 %",
        "2: Off centre  0.0 %",
        "3: Other  28.6 %",
    }
    colours = [colour_of(mark) for mark in rectangles_of(figure.axes[0])]
    assert colours == [COLOURS[name] for name in ("on_centre", "off_centre", "other")]
    # at most two of each, and none twice
    assert [
        sum(not np.isnan(kernel).all() for kernel in row[2:]) for row in kernels_of(figure)
    ] == [2, 0, 2]


def test_without_centres_there_is_a_notice(paths):
    np.save(paths[2], np.zeros((0, 3, 3)))
    assert texts_of(plot_centres(*paths, 3, 2)) == [f"3x3: {SKIPPED}"]
