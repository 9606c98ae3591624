"""Label proposals: kernels vote for the class of their code; codes vote where no kernel is."""

from itertools import pairwise

import numpy as np
import pytest

from kernel_atlas.codebooks.codebook import Centres, Codebook, min_max_scale
from kernel_atlas.family import functions
from kernel_atlas.family.names import CLASSES
from kernel_atlas.family.templates import make_templates
from kernel_atlas.labels import proposal
from kernel_atlas.labels.proposal import match_classes, propose_labels
from kernel_atlas.labels.table import label_rows

ROWS = 50  # of each member in the codebooks made here
MEMBERS = dict(make_templates(5))  # a 5x5 kernel of each class
CENTRE = functions.difference_of_gaussians(7, 0.8)
CROSS = functions.cross(7, 0.5)
EDGE = functions.first_derivative(7, 1.0, 0.0)
CHECKERBOARD = np.indices((7, 7)).sum(axis=0) % 2 - 0.5
NONE = np.zeros((0, 7, 7), np.float32)


def mix(share):
    """A kernel between `CENTRE` and `CROSS`; with less than a half the centre is nearer."""
    return (1 - share) * CENTRE + share * CROSS


def propose(codes, kernels=None, **options):
    """The intervals proposed for kernels, or for the codes where there are none."""
    codes = np.array(codes)
    kernels = codes[:0] if kernels is None else np.array(kernels)
    return propose_labels(Codebook(codes), kernels, **options)


def labels_of(codes, kernels=None):
    """The proposed class of each code."""
    return label_rows(propose(codes, kernels), Codebook(np.array(codes))).tolist()


def best_cosine(kernels, label):
    """The largest cosine of each kernel with a template of the class, by hand."""
    bank = [template.ravel() for name, template in make_templates(7) if name == label]
    flat = [np.ravel(kernel) for kernel in kernels]
    return np.corrcoef(flat, bank)[: len(flat), len(flat) :].max(axis=1)


def test_members_of_the_family_get_their_classes():
    names = np.repeat(CLASSES, ROWS)
    codes = np.array([MEMBERS[name] for name in names])
    intervals = propose(codes)
    assert [interval.label for interval in intervals] == list(CLASSES)
    assert all(interval.match > 0.999 for interval in intervals)
    assert [interval.margin for interval in intervals] == pytest.approx([1] * len(CLASSES))
    assert label_rows(intervals, Codebook(codes)).tolist() == names.tolist()


@pytest.mark.parametrize("n_kernels", [0, 1000])
def test_intervals_cover_all_codes_without_gaps(rng, n_kernels):
    codes = np.repeat([MEMBERS[name] for name in rng.choice(CLASSES, 12)], ROWS, axis=0)
    codes += rng.normal(0, 0.1, codes.shape)
    kernels = codes[rng.integers(len(codes), size=n_kernels)]
    intervals = propose(codes, kernels + rng.normal(0, 0.1, kernels.shape))
    assert (intervals[0].start, intervals[-1].stop) == (0, 1)
    assert len(intervals) > 4
    for left, right in pairwise(intervals):
        assert left.start < left.stop == right.start < right.stop
        assert left.label != right.label
    for interval in intervals:
        assert 0 < interval.match < 1 + 1e-6
        assert abs(interval.margin) < 1 + 1e-6


def test_kernels_outvote_what_the_decoder_drew():
    codes = [mix(0.35), EDGE]
    assert labels_of(codes) == ["on_centre", "first_derivative_right"]
    assert labels_of(codes, [CROSS]) == ["on_cross", "first_derivative_right"]
    assert labels_of(codes, [7 - 3 * CROSS]) == ["on_centre", "first_derivative_right"]


@pytest.mark.parametrize(("max_dissimilarity", "expected"), [(0.2, "on_cross"), (0.1, "on_centre")])
def test_kernels_far_from_all_codes_do_not_vote(monkeypatch, max_dissimilarity, expected):
    """`CROSS` is 0.18 from the only code."""
    monkeypatch.setattr(proposal, "MAX_DISSIMILARITY", max_dissimilarity)
    (interval,) = propose([mix(0.35)], [CROSS] * 9, threshold=max_dissimilarity)
    assert interval.label == expected


@pytest.mark.parametrize(("threshold", "expected"), [(0.2, "other"), (0.1, "on_centre")])
def test_an_interval_whose_clustered_kernels_are_unlike_its_name_is_dropped(
    monkeypatch, threshold, expected
):
    """The crosses do not vote at the centre's code; the larger threshold clusters them there."""
    monkeypatch.setattr(proposal, "MAX_DISSIMILARITY", 0.1)
    (interval,) = propose([mix(0.35)], [CROSS] * 9, threshold=threshold)
    assert interval.label == expected


def test_margin_and_match_are_those_of_the_kernels_of_the_interval():
    """Four of five kernels, on two codes that make one interval, vote for the centre."""
    near = [mix(0.02), mix(0.33), CROSS, CENTRE, mix(0.36)]
    edges = [EDGE, functions.first_derivative(7, 1.2, 0.2)]
    kernels = [CHECKERBOARD, edges[0], *near, edges[1]]  # the first is far from all codes
    centre, edge, cross = propose([CENTRE, mix(0.35), EDGE, -CROSS], kernels)
    labels = ["on_centre", "first_derivative_right", "off_cross"]
    assert [row.label for row in (centre, edge, cross)] == labels
    assert centre.margin == pytest.approx(4 / 5 - 1 / 5, abs=1e-5)
    assert centre.match == pytest.approx(best_cosine(near, "on_centre").mean(), abs=1e-5)
    assert edge.margin == pytest.approx(1, abs=1e-5)
    assert edge.match == pytest.approx(best_cosine(edges, labels[1]).mean(), abs=1e-5)
    # no kernel is there, so its code speaks for itself
    assert cross.margin == pytest.approx(1)
    assert cross.match == pytest.approx(best_cosine([-CROSS], "off_cross").item(), abs=1e-5)


@pytest.mark.parametrize(
    ("n_centres", "label", "margin"), [(2, "other", -2 / 5), (4, "on_centre", 4 / 7 - 2 / 7)]
)
def test_without_a_majority_a_code_is_other(monkeypatch, n_centres, label, margin):
    monkeypatch.setattr(proposal, "MAX_DISSIMILARITY", 0.3)
    bar = 0.3 * CENTRE + 0.7 * functions.second_derivative(7, 1.2, 0, 2)
    (interval,) = propose([CENTRE], [CENTRE] * n_centres + [mix(0.75)] * 2 + [bar])
    assert interval.label == label
    assert interval.margin == pytest.approx(margin, abs=1e-5)


def test_kernels_vote_for_other_too(monkeypatch):
    """The decoder draws a centre where most kernels match no class well."""
    monkeypatch.setattr(proposal, "MIN_MATCH", 0.9)
    aside = CHECKERBOARD / np.linalg.norm(CHECKERBOARD)
    codes = [CENTRE + 0.2 * aside]
    kernels = [CENTRE + 0.6 * aside, CENTRE + 0.7 * aside, CENTRE]
    assert labels_of(codes) == ["on_centre"]
    (interval,) = propose(codes, kernels)
    assert interval.label == "other"
    assert interval.margin == pytest.approx(2 / 3 - 1 / 3, abs=1e-5)
    best = np.max([best_cosine(kernels, name) for name in dict(make_templates(7))], axis=0)
    assert interval.match == pytest.approx(best.mean(), abs=1e-5)


def test_a_lone_dissenting_code_is_outvoted_by_its_neighbours(monkeypatch):
    monkeypatch.setattr(proposal, "MIN_LENGTH", 0)  # it would not be merged as a sliver
    codes = np.repeat([CENTRE], 2000, axis=0)
    codes[1000] = CROSS
    (interval,) = propose(codes)
    assert interval.label == "on_centre"
    assert interval.margin == pytest.approx(1 - 2 / 2000)
    codes[1000:1050] = CROSS
    assert [row.label for row in propose(codes)] == ["on_centre", "on_cross", "on_centre"]


def test_a_kernel_votes_for_the_codes_near_it_too():
    found = labels_of(np.repeat([mix(0.35), EDGE], 1000, axis=0), [CROSS])
    assert set(found[:5]) == {"on_cross"}
    assert found[50:] == ["on_centre"] * 950 + ["first_derivative_right"] * 1000


def test_what_matches_no_class_well_is_other(rng):
    assert labels_of([CHECKERBOARD]) == ["other"]
    noise = rng.normal(size=(1000, 7, 7))  # some of it is near a member by chance
    intervals = propose(np.concatenate([np.repeat([CENTRE], 1000, axis=0), noise]))
    assert [interval.label for interval in intervals] == ["on_centre", "other"]
    assert intervals[1].match < proposal.MIN_MATCH


def test_a_sliver_goes_to_its_longer_neighbour(monkeypatch):
    monkeypatch.setattr(proposal, "MIN_LENGTH", 0.05)
    names = ["on_centre"] * 40 + ["on_cross"] * 4 + ["off_centre"] * 56
    codes = [MEMBERS[name] for name in names]
    assert labels_of(codes) == ["on_centre"] * 40 + ["off_centre"] * 60
    assert propose(codes)[1].margin == pytest.approx((56 - 4) / 60)
    names = ["on_centre"] * 40 + ["on_cross"] * 5 + ["off_centre"] * 55
    assert labels_of([MEMBERS[name] for name in names]) == names


def test_slivers_side_by_side_leave_no_sliver(monkeypatch):
    monkeypatch.setattr(proposal, "MIN_LENGTH", 0.1)
    names = [*CLASSES[:8], *["on_centre"] * 30, *["off_centre"] * 62]
    intervals = propose([MEMBERS[name] for name in names])
    assert [interval.label for interval in intervals] == ["on_centre", "off_centre"]


def test_an_empty_codebook_has_no_intervals():
    assert propose(NONE) == propose(NONE, [CENTRE]) == []


def test_near_ties_go_to_the_simpler_shape():
    """A wide centre is nearly a second derivative, and an edge is no bar."""
    centre = functions.difference_of_gaussians(7, 1.2)
    bar = functions.second_derivative(7, 1.2, 0, 2)
    mixed = [(1 - share) * centre + share * bar for share in (0, 0.3, 0.5, 0.7, 1)]
    intervals = propose(np.repeat(mixed, ROWS, axis=0))
    assert [row.label for row in intervals] == ["on_centre", "on_second_derivative"]
    # without the handicaps the bar would get half of them
    assert intervals[0].stop > 0.5


@pytest.mark.parametrize("n_codes", [1, 10, 1000])
def test_centres_of_k_means_are_not_outvoted_by_their_neighbours(rng, n_codes):
    names = rng.permutation(list(MEMBERS)[:10] * 100).tolist()[:n_codes]
    kernels = np.array([MEMBERS[name] for name in names])
    centres = Centres(min_max_scale(kernels).reshape(kernels.shape))
    voting = kernels[rng.choice(n_codes, 2000, p=rng.dirichlet(np.full(n_codes, 0.1)))]
    for votes in (voting, voting[:0]):
        assert label_rows(propose_labels(centres, votes), centres).tolist() == names


def test_kernels_vote_at_the_centre_that_they_belong_to(rng):
    """k-means' own metric and the cosine do not always name the same centre."""
    kernels = rng.normal(size=(2000, 3, 3)).astype(np.float32)
    centres = Centres(min_max_scale(kernels[:2]).reshape(2, 3, 3))
    rows, dissimilarity = centres.nearest(kernels)
    assert (rows != Codebook(centres.kernels).nearest(kernels)[0]).any()
    classes, match = match_classes(kernels[(rows == 0) & (dissimilarity < 0.2)])
    first = propose_labels(centres, kernels)[0]
    own = match.max(axis=1) if first.label == "other" else match[:, classes.index(first.label)]
    assert first.match == pytest.approx(own.mean(), abs=1e-4)
