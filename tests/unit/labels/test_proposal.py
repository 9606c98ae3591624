"""Label proposals: an interval's class is what the kernels near it are by the family's ruler."""

from itertools import pairwise

import numpy as np
import pytest

from kernel_atlas.codebooks.codebook import Centres, Codebook, min_max_scale
from kernel_atlas.family import functions
from kernel_atlas.family.fit import fit_members
from kernel_atlas.family.names import CLASSES
from kernel_atlas.labels import proposal
from kernel_atlas.labels.proposal import propose_labels
from kernel_atlas.labels.table import label_rows

CENTRE = functions.difference_of_gaussians(7, 0.8)
CROSS = functions.cross(7, 0.5)
EDGE = functions.first_derivative(7, 1.0, 0.0)
CHECKERBOARD = np.indices((7, 7)).sum(axis=0) % 2 - 0.5
ASIDE = CHECKERBOARD / np.linalg.norm(CHECKERBOARD)
MEMBERS = {
    "on_centre": CENTRE,
    "off_centre": -CENTRE,
    "on_cross": CROSS,
    "off_cross": -CROSS,
    "first_derivative_right": EDGE,
    "first_derivative_up": functions.first_derivative(7, 1.0, -np.pi / 2),
    "on_second_derivative": functions.second_derivative(7, 1.0, 0.0, 2.0),
}
NONE = np.zeros((0, 7, 7))


def mix(share):
    """A kernel between `CENTRE` and `CROSS`."""
    return (1 - share) * CENTRE + share * CROSS


def propose(codes, kernels=NONE, threshold=0.45, **options):
    """The intervals proposed for kernels, or for the codes where there are none."""
    kernels = np.array(kernels)
    codebook = Codebook(np.array(codes))
    return propose_labels(codebook, kernels, fit_members(kernels), threshold, **options)


def labels_of(codes, kernels=NONE, **options):
    """The proposed class of each code."""
    return label_rows(propose(codes, kernels, **options), Codebook(np.array(codes))).tolist()


def test_codes_decide_where_no_kernel_is():
    names = np.repeat([*MEMBERS], 50)
    intervals = propose([MEMBERS[name] for name in names])
    assert [row.label for row in intervals] == [row.mostly for row in intervals] == [*MEMBERS]
    assert all(row.match > 0.999 for row in intervals)
    assert [row.purity for row in intervals] == pytest.approx([1] * len(MEMBERS))
    assert labels_of([MEMBERS[name] for name in names]) == names.tolist()


@pytest.mark.parametrize("n_kernels", [0, 300])
def test_intervals_cover_all_codes_without_gaps(rng, n_kernels):
    codes = np.repeat([MEMBERS[name] for name in rng.choice([*MEMBERS], 8)], 30, axis=0)
    codes += rng.normal(0, 0.05, codes.shape)
    kernels = codes[rng.integers(len(codes), size=n_kernels)]
    intervals = propose(codes, kernels + rng.normal(0, 0.05, kernels.shape))
    assert (intervals[0].start, intervals[-1].stop) == (0, 1)
    assert len(intervals) > 4
    for left, right in pairwise(intervals):
        assert left.start < left.stop == right.start < right.stop
    for interval in intervals:
        assert 0 < interval.match <= 1
        assert 0 <= interval.purity <= 1 + 1e-9
        assert interval.mostly in CLASSES


def test_kernels_outvote_what_the_decoder_drew():
    codes = [CENTRE, EDGE]
    assert labels_of(codes, [CROSS]) == ["on_cross", "first_derivative_right"]
    assert labels_of(codes, [7 - 3 * CROSS]) == ["on_centre", "first_derivative_right"]


@pytest.mark.parametrize(("threshold", "expected"), [(0.45, "on_cross"), (0.35, "on_centre")])
def test_kernels_that_are_not_near_do_not_vote(threshold, expected):
    assert 0.35 < 1 - (CENTRE * CROSS).sum() < 0.45
    (interval,) = propose([CENTRE], [CROSS] * 9, threshold)
    assert interval.label == expected


@pytest.mark.parametrize(
    ("n_centres", "label", "note"), [(7, "on_centre", ""), (6, "other", "mixed")]
)
def test_below_70_percent_of_one_class_an_interval_is_mixed(n_centres, label, note):
    kernels = [CENTRE] * n_centres + [CROSS] * (10 - n_centres)
    (interval,) = propose([CENTRE], kernels)
    # the code itself has next to no vote
    assert interval.purity == pytest.approx(n_centres / 10, abs=1e-5)
    assert (interval.label, interval.mostly, interval.note) == (label, "on_centre", note)


@pytest.mark.parametrize(
    ("min_purity", "label"), [(0, "on_centre"), (0.59, "on_centre"), (0.61, "other")]
)
def test_how_pure_an_interval_must_be_can_be_set(min_purity, label):
    (interval,) = propose([CENTRE], [CENTRE] * 6 + [CROSS] * 4, min_purity=min_purity)
    assert (interval.label, interval.mostly, interval.note) == (label, "on_centre", "mixed")


@pytest.mark.parametrize(("n_far", "label"), [(2, "on_centre"), (4, "other"), (9, "other")])
def test_where_most_kernels_match_no_class_there_is_none(n_far, label):
    """They are near the code and members of its class, but too far from the family."""
    far = CENTRE + 0.95 * ASIDE
    codes = [CENTRE + 0.5 * ASIDE]
    found = fit_members(far[None])
    assert (found["member"].item(), found["residual"].item() > 0.25) == ("on_centre", True)
    assert labels_of(codes, threshold=0.25) == ["on_centre"]
    (interval,) = propose(codes, [far] * n_far + [CENTRE] * 3, 0.25)
    assert interval.matched == pytest.approx(3 / (3 + n_far), abs=1e-5)
    assert (interval.label, interval.mostly) == (label, "on_centre")
    assert (interval.note == "unmatched") == (label == "other")
    assert interval.purity == pytest.approx(1)


def test_an_interval_ends_where_most_kernels_match_no_class():
    codes = np.repeat([CENTRE, CENTRE + 0.5 * ASIDE], 500, axis=0)
    kernels = [CENTRE] * 9 + [CENTRE + 0.95 * ASIDE] * 9  # each nearest to the first such code
    intervals = propose(codes, kernels, 0.25)
    assert [row.label for row in intervals[:2]] == ["on_centre", "other"]
    assert [row.mostly for row in intervals[:2]] == ["on_centre"] * 2
    assert intervals[0].stop == pytest.approx(0.5, abs=0.015)


def test_match_and_purity_are_those_of_the_near_kernels_of_the_interval():
    near = np.array([mix(0.02), mix(0.2), CENTRE, CROSS, mix(0.1)])
    edges = np.array([EDGE, functions.first_derivative(7, 1.2, 0.2)])
    kernels = [CHECKERBOARD, edges[0], *near, edges[1]]  # the first is near no code
    centre, edge, cross = propose([CENTRE, mix(0.15), EDGE, -CROSS], kernels)
    labels = ["on_centre", "first_derivative_right", "off_cross"]
    assert [row.label for row in (centre, edge, cross)] == labels
    found = fit_members(near)
    n_centres = (found["member"] == "on_centre").sum()
    assert centre.purity == pytest.approx(n_centres / 5, abs=1e-5)
    assert 0.7 < centre.purity < 1
    assert centre.match == pytest.approx(1 - found["residual"].mean(), abs=1e-5)
    assert edge.purity == pytest.approx(1)
    assert edge.match == pytest.approx(1 - fit_members(edges)["residual"].mean(), abs=1e-5)
    assert (cross.purity, cross.match) == pytest.approx((1, 1), abs=1e-3)  # of its code


def test_codes_are_outvoted_by_their_neighbours(monkeypatch):
    monkeypatch.setattr(proposal, "MIN_LENGTH", 0)  # they would not be merged as a sliver
    codes = np.repeat([CENTRE], 1000, axis=0)
    codes[500] = CROSS
    (interval,) = propose(codes)
    assert interval.label == "on_centre"
    assert interval.purity == pytest.approx(1 - 1 / 1000)
    codes[500:530] = CROSS
    assert [row.label for row in propose(codes)] == ["on_centre", "on_cross", "on_centre"]


def test_a_kernel_votes_for_the_codes_beside_its_own_too():
    found = labels_of(np.repeat([CENTRE, EDGE], 500, axis=0), [CROSS])
    assert set(found[:3]) == {"on_cross"}
    assert found[30:] == ["on_centre"] * 470 + ["first_derivative_right"] * 500


def test_what_matches_no_class_is_other(rng):
    for min_purity in (0, 0.7):
        (interval,) = propose([CHECKERBOARD], threshold=0.3, min_purity=min_purity)
        assert (interval.label, interval.matched) == ("other", 0)
    noise = rng.normal(size=(300, 7, 7))
    intervals = propose(np.concatenate([np.repeat([CENTRE], 300, axis=0), noise]), threshold=0.3)
    assert [row.label for row in intervals] == ["on_centre", "other"]
    assert intervals[1].match < 0.7
    assert intervals[1].note in ("mixed", "unmatched")


def test_a_sliver_goes_to_its_longer_neighbour(monkeypatch):
    monkeypatch.setattr(proposal, "MIN_LENGTH", 0.05)
    names = ["on_centre"] * 40 + ["on_cross"] * 4 + ["off_centre"] * 56
    codes = [MEMBERS[name] for name in names]
    assert labels_of(codes) == ["on_centre"] * 40 + ["off_centre"] * 60
    assert propose(codes)[1].purity == pytest.approx(56 / 60)
    names = ["on_centre"] * 40 + ["on_cross"] * 5 + ["off_centre"] * 55
    assert labels_of([MEMBERS[name] for name in names]) == names


def test_slivers_side_by_side_leave_no_sliver(monkeypatch):
    monkeypatch.setattr(proposal, "MIN_LENGTH", 0.1)
    names = [*MEMBERS, *["on_centre"] * 31, *["off_centre"] * 62]
    intervals = propose([MEMBERS[name] for name in names])
    assert [row.label for row in intervals] == ["on_centre", "off_centre"]


def test_an_empty_codebook_has_no_intervals():
    assert propose(NONE) == propose(NONE, [CENTRE]) == []


@pytest.mark.parametrize("n_codes", [1, 10, 200])
def test_centres_of_k_means_are_labelled_each_on_its_own(rng, n_codes):
    names = rng.permutation([*MEMBERS] * 30).tolist()[:n_codes]
    kernels = np.array([MEMBERS[name] for name in names])
    centres = Centres(min_max_scale(kernels).reshape(kernels.shape))
    voting = kernels[rng.choice(n_codes, 300, p=rng.dirichlet(np.full(n_codes, 0.1)))]
    for votes in (voting, voting[:0]):
        found = propose_labels(centres, votes, fit_members(votes), 0.2)
        assert label_rows(found, centres).tolist() == names


@pytest.mark.parametrize(
    ("n_crosses", "min_purity", "label"),
    [(3, 0.7, "on_centre"), (4, 0.7, "other"), (4, 0.6, "on_centre")],
)
def test_a_centre_of_k_means_must_be_as_pure_as_an_interval(n_crosses, min_purity, label):
    centres = Centres(min_max_scale(CENTRE[None]).reshape(1, 7, 7))
    kernels = np.array([CENTRE] * (10 - n_crosses) + [CROSS] * n_crosses)
    members = fit_members(kernels)
    (interval,) = propose_labels(centres, kernels, members, 0.45, min_purity)
    assert interval.purity == pytest.approx(1 - n_crosses / 10, abs=1e-5)
    assert (interval.label, interval.mostly) == (label, "on_centre")


def test_kernels_vote_at_the_centre_that_they_belong_to(rng):
    """k-means' own metric and the cosine do not always name the same centre."""
    drawn = np.array([functions.cross(3, 0.5), functions.first_derivative(3, 0.8, 0.0)])
    kernels = drawn[rng.integers(2, size=300)] + rng.normal(0, 0.3, (300, 3, 3))
    centres = Centres(min_max_scale(drawn).reshape(2, 3, 3))
    rows, dissimilarity = centres.nearest(kernels)
    assert (rows != Codebook(centres.kernels).nearest(kernels)[0]).any()
    members = fit_members(kernels)
    intervals = propose_labels(centres, kernels, members, 0.5)
    for row, interval in enumerate(intervals):
        own = members["residual"][(rows == row) & (dissimilarity < 0.5)]
        assert interval.match == pytest.approx(1 - own.mean(), abs=1e-4)
    assert len(intervals) == 2
