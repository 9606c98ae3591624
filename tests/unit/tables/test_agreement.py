"""The table of agreement, counted by hand."""

from support.classes import classes_of

from kernel_atlas.classes.table import ClassTable
from kernel_atlas.tables.agreement import COLUMNS, count_pairs, tabulate_agreement


def rows_of(*tables):
    found = tabulate_agreement(
        (size, count_pairs(ClassTable.of(classes))) for size, classes in tables
    )
    assert list(found) == COLUMNS
    return found.to_numpy().tolist()


def test_pairs_are_pooled_over_models_by_size():
    a = classes_of(x="on_cross on_cross on_cross/on_centre dead", y="other mine")
    b = classes_of(z="on_cross/on_centre on_cross/on_centre other/on_square")
    assert rows_of((5, a), (7, classes_of(x="on_cross")), (5, b)) == [
        [5, "on_cross", "on_centre", 3, 60],
        [5, "on_cross", "on_cross", 2, 40],
        [5, "mine", "on_centre", 1, 100],
        [5, "other", "on_square", 1, 50],
        [5, "other", "unmatched", 1, 50],
        [5, "dead", "dead", 1, 100],
        [7, "on_cross", "on_cross", 1, 100],
    ]


def test_without_a_codebook_the_class_is_none():
    assert rows_of((9, classes_of(x="-/on_cross -/~on_cross dead -/on_cross"))) == [
        [9, "none", "on_cross", 2, 100 * 2 / 3],
        [9, "none", "unmatched", 1, 100 / 3],
        [9, "dead", "dead", 1, 100],
    ]


def test_without_kernels_it_is_empty():
    assert rows_of() == []
