"""Merging classes in tables of arrays (Appendix J.2)."""

import pytest
from support.classes import classes_of

from kernel_atlas.classes.table import ClassTable, Labels


def words(labels: Labels) -> str:
    return " ".join(labels.names[code] if code >= 0 else "-" for code in labels.codes)


def test_merged_classes_count_as_others():
    table = ClassTable.of(
        classes_of(a="on_cross off_square mine", b="dead other off_cross on_centre mine")
    )
    before = words(table.own), words(table.member)
    merged = table.merged({"on_cross": "on_centre", "mine": "off_cross"})
    assert words(merged.own) == (
        "on_centre off_square off_cross dead other off_cross on_centre off_cross"
    )
    assert merged.own.names == ["on_centre", "off_cross", "off_square", "other", "dead"]
    assert words(merged.member) == (
        "on_centre off_square on_centre - on_centre off_cross on_centre on_centre"
    )
    assert (words(table.own), words(table.member)) == before
    assert words(table.merged({}).own) == before[0]


def test_what_a_class_is_merged_into_is_not_merged_again():
    table = ClassTable.of(classes_of(a="on_cross on_centre mine"))
    assert words(table.merged({"on_cross": "on_centre", "on_centre": "mine"}).own) == (
        "on_centre mine mine"
    )


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("off_square", "off_cross off_square mine other dead"),
        ("blob", "off_cross blob mine other dead"),
    ],
)
def test_a_class_that_first_occurs_by_merging_is_put_in_order(target, names):
    merged = ClassTable.of(classes_of(a="on_cross off_cross mine")).merged({"on_cross": target})
    assert words(merged.own) == f"{target} off_cross mine"
    assert " ".join(merged.own.names) == names
