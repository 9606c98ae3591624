"""What the figures of one model share: tables that are read once, and panels placed in inches."""

import os

import numpy as np
import pytest
from support.classes import classes_of

from kernel_atlas.extraction.store import read_kernels as read_store
from kernel_atlas.figures.model import new_column, read_classes, read_kernels


def test_a_table_is_read_again_once_it_has_changed(tmp_path):
    path, found = tmp_path / "k5.parquet", []
    for second, words in enumerate(("on_centre", "on_centre off_cross")):
        classes_of(a=words).to_parquet(path)
        os.utime(path, (second, second))
        found.append(len(read_classes([path], [5], {})[5]))
    assert found == [1, 2]


def test_a_missing_group_is_named_as_the_store_does(tmp_path):
    group = tmp_path / "kernels.zarr/net"
    with pytest.raises(Exception, match="net") as expected:
        read_store(group, 5)
    with pytest.raises(type(expected.value), match=str(expected.value)):
        read_kernels(group / "zarr.json", [5])


def test_panels_stand_below_each_other_where_they_are_asked_for():
    figure, all_axes = new_column("net", 8, [(0.5, 1), (0.25, 2)], left=1, right=0.5, below=0.75)
    width, height = figure.get_size_inches()
    boxes = [axes.get_position().bounds * np.array([width, height] * 2) for axes in all_axes]
    (x, y, w, h), lower = boxes
    assert (width, x, w, h) == pytest.approx((8, 1, 6.5, 1))
    assert lower == pytest.approx((1, 0.75, 6.5, 2))
    assert y == pytest.approx(0.75 + 2 + 0.25)
    assert height > y + h + 0.5  # for the name of the model
