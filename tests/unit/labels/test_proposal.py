"""Label proposals: kernels vote for the class of their code, codes where no kernel is."""

from itertools import pairwise

import numpy as np
import pytest

from kernel_atlas.codebooks import training_set
from kernel_atlas.family import functions
from kernel_atlas.family.names import CLASSES
from kernel_atlas.family.templates import make_templates
from kernel_atlas.labels import proposal
from kernel_atlas.labels.proposal import label_codebook, propose_labels
from kernel_atlas.labels.table import label_rows, read_labels

ROWS = 50  # of each member in the codebooks made here
CENTRE = functions.difference_of_gaussians(7, 0.8)
CROSS = functions.cross(7, 0.5)
EDGE = functions.first_derivative(7, 1.0, 0.0)
CHECKERBOARD = np.indices((7, 7)).sum(axis=0) % 2 - 0.5
NONE = np.zeros((0, 7, 7), np.float32)


def mix(share):
    """A kernel between `CENTRE` and `CROSS`: below a half the centre is nearer."""
    return (1 - share) * CENTRE + share * CROSS


def best_cosine(kernels, label):
    """The largest cosine of each kernel with a template of the class, by hand."""
    bank = [template.ravel() for name, template in make_templates(7) if name == label]
    flat = [np.ravel(kernel) for kernel in kernels]
    return np.corrcoef(flat, bank)[: len(flat), len(flat) :].max(axis=1)


@pytest.fixture
def members():
    """One 5x5 kernel of each class, in the family's order."""
    bank = dict(make_templates(5))
    return {name: bank[name] for name in CLASSES}


def stack(kernels):
    """A codebook with each kernel on `ROWS` codes."""
    return np.repeat(np.array(kernels), ROWS, axis=0).astype(np.float32)


def propose_by_codes(codebook):
    """What the codes say when there is no kernel."""
    return propose_labels(codebook, np.zeros((0, *codebook.shape[1:]), np.float32))


def labels_of(codebook, kernels=NONE):
    """The proposed class of each code."""
    codebook = np.array(codebook)
    return label_rows(propose_labels(codebook, np.array(kernels)), codebook).tolist()


def test_members_of_the_family_get_their_classes(members):
    codebook = stack(list(members.values()))
    intervals = propose_by_codes(codebook)
    assert [interval.label for interval in intervals] == list(members)
    assert all(interval.match > 0.999 for interval in intervals)
    assert [interval.margin for interval in intervals] == pytest.approx([1] * len(members))
    assert label_rows(intervals, codebook).tolist() == np.repeat(list(members), ROWS).tolist()


@pytest.mark.parametrize("n_kernels", [0, 3000])
def test_intervals_cover_all_codes_without_gaps(members, rng, n_kernels):
    codebook = stack([members[name] for name in rng.choice(list(members), 12)])
    codebook += rng.normal(0, 0.1, codebook.shape).astype(np.float32)
    kernels = codebook[rng.integers(len(codebook), size=n_kernels)]
    intervals = propose_labels(codebook, kernels + rng.normal(0, 0.1, kernels.shape))
    assert (intervals[0].start, intervals[-1].stop) == (0, 1)
    assert len(intervals) > 4
    for left, right in pairwise(intervals):
        assert left.start < left.stop == right.start < right.stop
        assert left.label != right.label
    for interval in intervals:
        assert 0 < interval.match < 1 + 1e-6
        assert abs(interval.margin) < 1 + 1e-6


def test_kernels_outvote_what_the_decoder_drew():
    codebook = [mix(0.35), EDGE]
    assert labels_of(codebook) == ["on_centre", "first_derivative_right"]
    assert labels_of(codebook, [CROSS]) == ["on_cross", "first_derivative_right"]
    assert labels_of(codebook, [7 - 3 * CROSS]) == ["on_centre", "first_derivative_right"]


@pytest.mark.parametrize(
    ("max_dissimilarity", "expected"), [(0.3, "on_cross"), (0.2, "on_cross"), (0.1, "on_centre")]
)
def test_kernels_far_from_all_codes_do_not_vote(monkeypatch, max_dissimilarity, expected):
    """`CROSS` is 0.18 from the only code."""
    monkeypatch.setattr(proposal, "MAX_DISSIMILARITY", max_dissimilarity)
    codebook, kernels = np.array([mix(0.35)]), np.array([CROSS] * 9)
    (interval,) = propose_labels(codebook, kernels, threshold=max_dissimilarity)
    assert interval.label == expected


@pytest.mark.parametrize(("threshold", "expected"), [(0.2, "other"), (0.1, "on_centre")])
def test_an_interval_whose_clustered_kernels_are_unlike_its_name_is_given_up(
    monkeypatch, threshold, expected
):
    """The crosses do not vote at the centre's code; the larger threshold clusters them there."""
    monkeypatch.setattr(proposal, "MAX_DISSIMILARITY", 0.1)
    codebook, kernels = np.array([mix(0.35)]), np.array([CROSS] * 9)
    (interval,) = propose_labels(codebook, kernels, threshold)
    assert interval.label == expected


def test_margin_and_match_are_those_of_the_kernels_of_the_interval():
    """Four of five kernels, on two codes that make one interval, vote for the centre."""
    codebook = np.array([CENTRE, mix(0.35), EDGE, -CROSS])
    near = [mix(0.02), mix(0.33), CROSS, CENTRE, mix(0.36)]
    edges = [EDGE, functions.first_derivative(7, 1.2, 0.2)]
    kernels = np.array([CHECKERBOARD, edges[0], *near, edges[1]])  # the first is far from all
    centre, edge, cross = propose_labels(codebook, kernels)
    assert [row.label for row in (centre, edge, cross)] == [
        "on_centre", "first_derivative_right", "off_cross",
    ]  # fmt: skip
    assert centre.margin == pytest.approx(4 / 5 - 1 / 5, abs=1e-5)
    assert centre.match == pytest.approx(best_cosine(near, "on_centre").mean(), abs=1e-5)
    assert edge.margin == pytest.approx(1, abs=1e-5)
    expected = best_cosine(edges, "first_derivative_right").mean()
    assert edge.match == pytest.approx(expected, abs=1e-5)
    # no kernel is there: its code speaks for itself
    assert cross.margin == pytest.approx(1)
    assert cross.match == pytest.approx(best_cosine([-CROSS], "off_cross").item(), abs=1e-5)


def test_a_tie_has_no_margin():
    (interval,) = propose_labels(np.array([mix(0.35)]), np.array([CROSS, CENTRE]))
    assert interval.margin == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(
    ("n_centres", "label", "margin"), [(2, "other", -2 / 5), (4, "on_centre", 4 / 7 - 2 / 7)]
)
def test_without_a_majority_a_code_is_other(monkeypatch, n_centres, label, margin):
    monkeypatch.setattr(proposal, "MAX_DISSIMILARITY", 0.3)
    bar = 0.3 * CENTRE + 0.7 * functions.second_derivative(7, 1.2, 0, 2)
    kernels = np.array([CENTRE] * n_centres + [mix(0.75)] * 2 + [bar])
    (interval,) = propose_labels(np.array([CENTRE]), kernels)
    assert interval.label == label
    assert interval.margin == pytest.approx(margin, abs=1e-5)


def test_kernels_vote_for_other_too(monkeypatch):
    """The decoder draws a centre where most kernels match no class well."""
    monkeypatch.setattr(proposal, "MIN_MATCH", 0.9)
    aside = CHECKERBOARD / np.linalg.norm(CHECKERBOARD)
    kernels = np.array([CENTRE + 0.6 * aside, CENTRE + 0.7 * aside, CENTRE])
    codebook = np.array([CENTRE + 0.2 * aside])
    assert labels_of(codebook) == ["on_centre"]
    (interval,) = propose_labels(codebook, kernels)
    assert interval.label == "other"
    assert interval.margin == pytest.approx(2 / 3 - 1 / 3, abs=1e-5)
    best = np.max([best_cosine(kernels, name) for name in dict(make_templates(7))], axis=0)
    assert interval.match == pytest.approx(best.mean(), abs=1e-5)


def test_a_lone_dissenting_code_is_outvoted_by_its_neighbours(monkeypatch):
    monkeypatch.setattr(proposal, "MIN_LENGTH", 0)  # it would not be merged as a sliver
    codebook = np.repeat([CENTRE], 2000, axis=0)
    codebook[1000] = CROSS
    (interval,) = propose_by_codes(codebook)
    assert interval.label == "on_centre"
    assert interval.margin == pytest.approx(1 - 2 / 2000)
    codebook[1000:1050] = CROSS
    assert [row.label for row in propose_by_codes(codebook)] == [
        "on_centre", "on_cross", "on_centre",
    ]  # fmt: skip


def test_a_kernel_speaks_for_the_codes_about_it_too():
    found = labels_of(np.repeat([mix(0.35), EDGE], 1000, axis=0), [CROSS])
    assert set(found[:5]) == {"on_cross"}
    assert found[50:] == ["on_centre"] * 950 + ["first_derivative_right"] * 1000


def test_noise_is_other(rng):
    """Some of it is near a member by chance, and outvoted."""
    codebook = np.concatenate([np.repeat([CENTRE], 1000, axis=0), rng.normal(size=(1000, 7, 7))])
    intervals = propose_by_codes(codebook)
    assert [interval.label for interval in intervals] == ["on_centre", "other"]
    assert intervals[1].match < proposal.MIN_MATCH


def test_what_matches_no_class_well_is_other():
    assert labels_of([CHECKERBOARD]) == ["other"]


def test_a_sliver_goes_to_its_longer_neighbour(members, monkeypatch):
    monkeypatch.setattr(proposal, "MIN_LENGTH", 0.05)
    names = ["on_centre"] * 40 + ["on_cross"] * 4 + ["off_centre"] * 56
    codebook = np.array([members[name] for name in names])
    intervals = propose_by_codes(codebook)
    found = label_rows(intervals, codebook)
    assert found.tolist() == ["on_centre"] * 40 + ["off_centre"] * 60
    assert intervals[1].margin == pytest.approx((56 - 4) / 60)
    names = ["on_centre"] * 40 + ["on_cross"] * 5 + ["off_centre"] * 55
    codebook = np.array([members[name] for name in names])
    assert label_rows(propose_by_codes(codebook), codebook).tolist() == names


def test_slivers_side_by_side_leave_no_sliver(members, monkeypatch):
    monkeypatch.setattr(proposal, "MIN_LENGTH", 0.1)
    names = [*CLASSES[:8], *["on_centre"] * 30, *["off_centre"] * 62]
    codebook = np.array([members[name] for name in names])
    intervals = propose_by_codes(codebook)
    assert [interval.label for interval in intervals] == ["on_centre", "off_centre"]


def test_an_empty_codebook_has_no_intervals():
    assert propose_labels(NONE, NONE) == []
    assert propose_labels(NONE, CENTRE[None]) == []
    assert label_rows([], NONE).shape == (0,)


def test_near_ties_go_to_the_simpler_shape():
    """A wide centre is nearly a second derivative, and an edge is no bar."""
    centre, bar = (
        functions.difference_of_gaussians(7, 1.2),
        functions.second_derivative(7, 1.2, 0, 2),
    )
    mixed = [(1 - share) * centre + share * bar for share in (0, 0.3, 0.5, 0.7, 1)]
    intervals = propose_by_codes(np.repeat(mixed, ROWS, axis=0))
    assert [row.label for row in intervals] == ["on_centre", "on_second_derivative"]
    # a bank without rules of preference would give half of them to the bar
    assert intervals[0].stop > 0.5


@pytest.fixture
def label(tmp_path, write_group, members):
    """A function that labels a codebook of all `members` by noisy ones, and gives the table."""
    codebook = stack(list(members.values())).repeat(15, axis=0)  # about as long as a real one
    np.save(tmp_path / "codebook.npy", codebook)

    def run(kernels, own=None):
        groups = [
            write_group(f"net{i}", [("a", part)]) for i, part in enumerate(np.split(kernels, 2))
        ]
        label_codebook(tmp_path / "codebook.npy", groups, 0.2, False, own, tmp_path / "labels.tsv")
        return codebook, read_labels(tmp_path / "labels.tsv")

    return run


def test_the_table_holds_what_the_kernels_of_all_train_models_propose(tmp_path, label, rng):
    bank = np.array([template for _, template in make_templates(5)])
    kernels = (bank + rng.normal(0, 0.03, bank.shape)).astype(np.float32)[: len(bank) // 2 * 2]
    codebook, written = label(kernels)
    proposed = propose_labels(codebook, kernels)
    assert label_rows(written, codebook).tolist() == label_rows(proposed, codebook).tolist()
    for name in ("match", "margin"):
        expected = [getattr(row, name) for row in proposed]
        assert [getattr(row, name) for row in written] == pytest.approx(expected, abs=1e-3)
    by_codes = [row.match for row in propose_by_codes(codebook)]
    assert [row.match for row in written] != pytest.approx(by_codes, abs=1e-3)
    header = (tmp_path / "labels.tsv").read_text().splitlines()[0]
    assert header.split("\t") == ["start", "stop", "class", "match", "margin", "note"]


@pytest.mark.parametrize(("limit", "n_voting"), [(9, 9), (20, 20), (30, 20)])
def test_so_many_training_kernels_vote_at_most(label, members, monkeypatch, limit, n_voting):
    voting = []
    monkeypatch.setattr(training_set, "MAX_SAMPLE", limit)
    monkeypatch.setattr(
        proposal, "propose_labels", lambda _, kernels, *__: voting.append(kernels) or []
    )
    label(np.repeat([members["on_cross"]], 20, axis=0) * np.arange(1, 21).reshape(20, 1, 1))
    (kernels,) = voting
    assert kernels.shape == (n_voting, 5, 5)
    assert len(np.unique(kernels[:, 0, 0])) == n_voting  # none of them twice


def test_a_skipped_size_has_an_empty_table(tmp_path, write_group):
    group = write_group("net", [("a", CENTRE[None])])
    np.save(tmp_path / "codebook.npy", np.zeros((0, 9, 9), np.float32))
    label_codebook(tmp_path / "codebook.npy", [group], 0.2, False, None, tmp_path / "labels.tsv")
    assert read_labels(tmp_path / "labels.tsv") == []


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_an_own_table_takes_the_place_of_the_proposal(tmp_path, ending, encoding):
    np.save(tmp_path / "codebook.npy", np.zeros((11, 3, 3), np.float32))
    lines = ["class\tstart\tstop\tnote", "ring-2\t0.5\t1\tmine", "", "on_centre\t0\t0.25\t", ""]
    (tmp_path / "own.tsv").write_bytes(ending.join(lines).encode(encoding))
    label_codebook(
        tmp_path / "codebook.npy", [], 0.2, False, tmp_path / "own.tsv", tmp_path / "labels.tsv"
    )
    found = [(row.start, row.stop, row.label) for row in read_labels(tmp_path / "labels.tsv")]
    assert found == [(0, 0.25, "on_centre"), (0.5, 1, "ring-2")]
