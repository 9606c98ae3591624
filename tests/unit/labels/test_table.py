"""Label tables: which code has which class, and what is accepted from a user."""

import numpy as np
import pytest

from kernel_atlas.codebooks.codebook import Codebook
from kernel_atlas.errors import AtlasError
from kernel_atlas.family.names import order_classes
from kernel_atlas.labels.table import Interval, label_rows, read_labels, write_labels


def test_gaps_are_other_and_the_last_code_belongs_to_the_last_interval():
    codebook = Codebook(np.zeros((9, 3, 3)))  # codes 0, 1/8, ... 1
    intervals = [Interval(0.25, 0.5, "a"), Interval(0.5, 0.75, "b"), Interval(0.8, 1, "c")]
    expected = ["other"] * 2 + ["a"] * 2 + ["b"] * 2 + ["other"] + ["c"] * 2
    assert label_rows(intervals, codebook).tolist() == expected
    assert label_rows([Interval(0, 0.95, "a")], codebook)[-1] == "other"
    assert label_rows([], Codebook(np.zeros((0, 3, 3)))).shape == (0,)


HEAD = "start\tstop\tclass"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([""], "column 'start' is missing"),
        (["start\tstop", "0\t1"], "column 'class' is missing"),
        (["start,stop,class", "0,1,a"], "column 'start' is missing"),
        ([HEAD, "0\t0.5\ta", "x\t1\tb"], ", line 3, column start: 'x' is not a number"),
        ([HEAD, "0\t\ta"], ", line 2, column stop: '' is not a number"),
        ([HEAD, "0"], ", line 2, column stop: None is not a number"),
        ([HEAD, "-0.1\t1\ta"], ", line 2, column start: code -0.1 is not within"),
        ([HEAD, "0\t1.1\ta"], ", line 2, column stop: code 1.1 is not within"),
        ([HEAD, "nan\t1\ta"], ", line 2, column start: code nan is not within"),
        ([HEAD, "0.5\t0.5\ta"], ", line 2, column stop: 0.5 is not above"),
        ([HEAD, "0\t1\t"], ", line 2, column class: '' is not a class name"),
        ([HEAD, "0\t1\tmy class"], ", line 2, column class: 'my class' is not a class name"),
        ([HEAD, "0\t1\tdead"], ", line 2, column class: 'dead' is not a class name"),
        ([f"{HEAD}\tmatch", "0\t1\ta\tgood"], ", line 2, column match: 'good'"),
        ([f"{HEAD}\tpurity", "0\t1\ta\tall"], ", line 2, column purity: 'all'"),
        ([HEAD, "0.4\t1\tb", "0\t0.5\ta"], "0.4 to 1 (b) overlaps 0 to 0.5 (a)"),
    ],
)
def test_a_malformed_table_names_file_line_and_column(tmp_path, lines, message):
    path = tmp_path / "own.tsv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(AtlasError) as caught:
        read_labels(path)
    assert str(caught.value).startswith(f"label table {path}")
    assert message in str(caught.value)


@pytest.mark.parametrize("content", [None, "start\tstop\tclass\n0\t1\tgrün\n".encode("latin-1")])
def test_an_unreadable_table_is_named(tmp_path, content):
    path = tmp_path / "own.tsv"
    if content:
        path.write_bytes(content)
    with pytest.raises(AtlasError, match=r"own\.tsv: cannot be read"):
        read_labels(path)


def test_classes_are_ordered_as_the_family_then_own_then_other_and_dead():
    found = order_classes({"dead", "zebra", "off_square", "other", "on_centre", "ape"})
    assert found == ["on_centre", "off_square", "ape", "zebra", "other", "dead"]


def test_a_table_round_trips_and_says_what_is_in_doubt(tmp_path):
    intervals = [
        Interval(0, 0.125, "on_centre", 0.875, 0.75, 0.75, "on_centre"),
        Interval(
            0.125, 0.25, "on_square", 0.75, 1, 0.625, "on_square"
        ),  # a smaller share was asked
        Interval(0.25, 0.375, "other", 0.5, 0.25, 0.5, "off_cross"),
        Interval(0.375, 0.5, "other", 0.5, 0.25, 0.75, "off_cross"),
        Interval(0.5, 1, "mine"),
    ]
    write_labels(intervals, tmp_path / "labels.tsv")
    lines = [line.split("\t") for line in (tmp_path / "labels.tsv").read_text().splitlines()]
    assert lines[0] == ["start", "stop", "class", "match", "matched", "purity", "mostly", "note"]
    assert [line[-1] for line in lines[1:]] == ["", "mixed", "mixed", "unmatched", ""]
    assert lines[-1] == ["0.5", "1", "mine", "", "", "", "", ""]
    *found, own = read_labels(tmp_path / "labels.tsv")
    assert found == intervals[:-1]
    assert (own.start, own.stop, own.label, own.mostly, own.note) == (0.5, 1, "mine", "", "")
    assert np.isnan([own.match, own.matched, own.purity]).all()


def test_a_table_made_by_hand_needs_three_columns_in_any_order(tmp_path):
    (tmp_path / "own.tsv").write_text("class\tstop\tstart\nspot\t0.5\t0.25\n")
    (own,) = read_labels(tmp_path / "own.tsv")
    assert (own.start, own.stop, own.label, own.note) == (0.25, 0.5, "spot", "")
