"""Label tables: what is proposed for a codebook, and what is accepted from a person."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from kernel_atlas import family, proposal
from kernel_atlas.errors import AtlasError
from kernel_atlas.labels import (
    THIN_MARGIN,
    Interval,
    label_rows,
    order_classes,
    read_labels,
    write_labels,
)
from kernel_atlas.proposal import label_codebook, propose_labels

ROWS = 50  # of each member in the codebooks made here


@pytest.fixture
def members():
    """One kernel of each class, in the family's order."""
    bank = dict(family.templates(5))
    return {name: bank[name] for name in family.CLASSES}


def stack(kernels):
    """A codebook with each kernel on `ROWS` codes."""
    return np.repeat(np.array(kernels), ROWS, axis=0).astype(np.float32)


def test_members_of_the_family_get_their_classes(members):
    codebook = stack(list(members.values()))
    intervals = propose_labels(codebook)
    assert [interval.label for interval in intervals] == list(members)
    assert all(interval.match > 0.999 for interval in intervals)
    assert label_rows(intervals, codebook).tolist() == np.repeat(list(members), ROWS).tolist()


def test_intervals_cover_all_codes_without_gaps(members, rng):
    codebook = stack([members[name] for name in rng.choice(list(members), 12)])
    codebook += rng.normal(0, 0.15, codebook.shape).astype(np.float32)
    intervals = propose_labels(codebook)
    assert (intervals[0].start, intervals[-1].stop) == (0, 1)
    for left, right in pairwise(intervals):
        assert left.start < left.stop == right.start < right.stop
        assert left.label != right.label


def test_noise_is_other(rng):
    centre = stack([family.difference_of_gaussians(7, 1.0)])
    intervals = propose_labels(np.concatenate([centre, rng.normal(size=(ROWS, 7, 7))]))
    assert [interval.label for interval in intervals] == ["on_centre", "other"]
    assert intervals[1].match < proposal.MIN_MATCH


def test_a_sliver_goes_to_its_longer_neighbour(members, monkeypatch):
    monkeypatch.setattr(proposal, "MIN_LENGTH", 0.05)
    names = ["on_centre"] * 40 + ["on_cross"] * 4 + ["off_centre"] * 56
    codebook = np.array([members[name] for name in names])
    found = label_rows(propose_labels(codebook), codebook)
    assert found.tolist() == ["on_centre"] * 40 + ["off_centre"] * 60
    names = ["on_centre"] * 40 + ["on_cross"] * 5 + ["off_centre"] * 55
    codebook = np.array([members[name] for name in names])
    assert label_rows(propose_labels(codebook), codebook).tolist() == names


def test_slivers_side_by_side_leave_no_sliver(members, monkeypatch):
    monkeypatch.setattr(proposal, "MIN_LENGTH", 0.1)
    names = [*family.CLASSES[:8], *["on_centre"] * 30, *["off_centre"] * 62]
    codebook = np.array([members[name] for name in names])
    intervals = propose_labels(codebook)
    assert [interval.label for interval in intervals] == ["on_centre", "off_centre"]


@pytest.mark.parametrize("n_codes", [1, 2, 10])
def test_a_few_centres_each_keep_their_class(members, n_codes):
    names = list(members)[:n_codes]
    codebook = np.array([members[name] for name in names])
    assert label_rows(propose_labels(codebook), codebook).tolist() == names


def test_an_empty_codebook_has_no_intervals():
    none = np.zeros((0, 5, 5), np.float32)
    assert propose_labels(none) == []
    assert label_rows([], none).shape == (0,)


def test_gaps_are_other_and_the_last_code_belongs_to_the_last_interval():
    codebook = np.zeros((9, 3, 3))  # codes 0, 1/8, ... 1
    intervals = [Interval(0.25, 0.5, "a"), Interval(0.5, 0.75, "b"), Interval(0.8, 1, "c")]
    expected = ["other"] * 2 + ["a"] * 2 + ["b"] * 2 + ["other"] + ["c"] * 2
    assert label_rows(intervals, codebook).tolist() == expected
    assert label_rows([Interval(0, 0.95, "a")], codebook)[-1] == "other"


def test_the_proposed_table_round_trips(tmp_path, members):
    codebook = stack(list(members.values())).repeat(15, axis=0)  # about as long as a real one
    np.save(tmp_path / "codebook.npy", codebook)
    label_codebook(tmp_path / "codebook.npy", None, tmp_path / "labels.tsv")
    proposed, written = propose_labels(codebook), read_labels(tmp_path / "labels.tsv")
    assert label_rows(written, codebook).tolist() == label_rows(proposed, codebook).tolist()
    assert [row.match for row in written] == pytest.approx([r.match for r in proposed], abs=1e-3)
    header = (tmp_path / "labels.tsv").read_text().splitlines()[0]
    assert header.split("\t") == ["start", "stop", "class", "match", "margin", "note"]


def test_a_skipped_size_has_an_empty_table(tmp_path):
    np.save(tmp_path / "codebook.npy", np.zeros((0, 9, 9), np.float32))
    label_codebook(tmp_path / "codebook.npy", None, tmp_path / "labels.tsv")
    assert read_labels(tmp_path / "labels.tsv") == []


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_an_own_table_takes_the_place_of_the_proposal(tmp_path, ending, encoding):
    np.save(tmp_path / "codebook.npy", np.zeros((11, 3, 3), np.float32))
    lines = ["class\tstart\tstop\tnote", "ring-2\t0.5\t1\tmine", "", "on_centre\t0\t0.25\t", ""]
    (tmp_path / "own.tsv").write_bytes(ending.join(lines).encode(encoding))
    label_codebook(tmp_path / "codebook.npy", tmp_path / "own.tsv", tmp_path / "labels.tsv")
    found = [(row.start, row.stop, row.label) for row in read_labels(tmp_path / "labels.tsv")]
    assert found == [(0, 0.25, "on_centre"), (0.5, 1, "ring-2")]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([""], "column 'start' is missing"),
        (["start\tstop", "0\t1"], "column 'class' is missing"),
        (["start,stop,class", "0,1,a"], "column 'start' is missing"),
        (
            ["start\tstop\tclass", "0\t0.5\ta", "x\t1\tb"],
            ", line 3, column start: 'x' is no number",
        ),
        (["start\tstop\tclass", "0\t\ta"], ", line 2, column stop: '' is no number"),
        (["start\tstop\tclass", "0"], ", line 2, column stop: None is no number"),
        (["start\tstop\tclass", "-0.1\t1\ta"], ", line 2, column start: code -0.1 is not within"),
        (["start\tstop\tclass", "0\t1.1\ta"], ", line 2, column stop: code 1.1 is not within"),
        (["start\tstop\tclass", "nan\t1\ta"], ", line 2, column start: code nan is not within"),
        (["start\tstop\tclass", "0.5\t0.5\ta"], ", line 2, column stop: 0.5 is not above"),
        (["start\tstop\tclass", "0.6\t0.5\ta"], ", line 2, column stop: 0.5 is not above"),
        (["start\tstop\tclass", "0\t1\t"], ", line 2, column class: '' is no class name"),
        (["start\tstop\tclass", "0\t1\tmy class"], ", line 2, column class: 'my class' is no"),
        (["start\tstop\tclass", "0\t1\tdead"], ", line 2, column class: 'dead' is no class name"),
        (["start\tstop\tclass\tmatch", "0\t1\ta\tgood"], ", line 2, column match: 'good'"),
        (["start\tstop\tclass", "0.4\t1\tb", "0\t0.5\ta"], "0.4 to 1 (b) overlaps 0 to 0.5 (a)"),
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


def test_near_ties_go_to_the_simpler_shape():
    """A wide centre is nearly a second derivative, and an edge is no bar."""
    centre, bar = family.difference_of_gaussians(7, 1.2), family.second_derivative(7, 1.2, 0, 2)
    mixed = [(1 - share) * centre + share * bar for share in (0, 0.3, 0.5, 0.7, 1)]
    intervals = propose_labels(np.repeat(mixed, ROWS, axis=0))
    assert [row.label for row in intervals] == ["on_centre", "on_second_derivative"]
    # a bank without rules of preference would give half of them to the bar
    assert intervals[0].stop > 0.5


def test_a_margin_is_wide_for_a_member_and_thin_between_two(members, tmp_path):
    clear = members["on_centre"]
    codebook = np.repeat([clear], ROWS, axis=0)
    wide, *_ = propose_labels(codebook)
    assert wide.label == "on_centre"
    assert wide.margin > 0.5
    thin = Interval(0.5, 1, "on_square", 0.7, THIN_MARGIN / 2)
    write_labels([replace(wide, stop=0.5), thin], tmp_path / "labels.tsv")
    notes = [line.split("\t")[-1] for line in (tmp_path / "labels.tsv").read_text().splitlines()]
    assert notes == ["note", "", "thin margin"]
    assert read_labels(tmp_path / "labels.tsv")[1].margin == pytest.approx(THIN_MARGIN / 2)


def test_what_matches_no_class_well_is_other():
    checkerboard = np.indices((5, 5)).sum(axis=0) % 2 - 0.5
    (interval,) = propose_labels(np.repeat([checkerboard], ROWS, axis=0))
    assert interval.label == "other"
