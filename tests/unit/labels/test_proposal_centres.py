"""Label proposals for centres of k-means, which have no order along the code."""

import numpy as np
import pytest

from kernel_atlas.codebooks.codebook import nearest_codes
from kernel_atlas.codebooks.kmeans import min_max_scale, nearest_centres
from kernel_atlas.family.templates import make_templates
from kernel_atlas.labels import proposal
from kernel_atlas.labels.proposal import match_classes, propose_labels
from kernel_atlas.labels.table import label_rows
from kernel_atlas.sphere import to_sphere

MEMBERS = dict(make_templates(5))  # a 5x5 kernel of each class


@pytest.mark.parametrize("n_codes", [1, 2, 10])
def test_a_few_centres_each_keep_their_class(n_codes):
    names = list(MEMBERS)[:n_codes]
    codebook = np.array([MEMBERS[name] for name in names])
    found = propose_labels(codebook, codebook[:0], is_kmeans=True)
    assert label_rows(found, codebook).tolist() == names


@pytest.mark.parametrize("n_codes", [10, 100, 1000])
def test_centres_are_not_outvoted_by_the_kernels_of_others(rng, n_codes):
    """Centres of k-means have no order: neighbours have nothing in common."""
    names = rng.permutation(list(MEMBERS)[:10] * (n_codes // 10)).tolist()
    kernels = np.array([MEMBERS[name] for name in names])
    codebook = min_max_scale(kernels).reshape(kernels.shape)
    voting = kernels[rng.choice(n_codes, 2000, p=rng.dirichlet(np.full(n_codes, 0.1)))]
    found = propose_labels(codebook, voting, is_kmeans=True)
    assert label_rows(found, codebook).tolist() == names


def test_kernels_vote_at_the_centre_that_they_are_classified_to(rng):
    """k-means' own metric and the cosine do not always name the same centre."""
    kernels = rng.normal(size=(2000, 3, 3)).astype(np.float32)
    centres = min_max_scale(kernels[:2]).reshape(2, 3, 3)
    belongs = nearest_centres(kernels, centres)[0]
    assert (belongs != nearest_codes(to_sphere(kernels), centres)[0]).any()
    voting = kernels[nearest_centres(kernels, centres)[1] < proposal.MAX_DISSIMILARITY]
    match = match_classes(voting)[1]
    found = propose_labels(centres, kernels, is_kmeans=True)
    own = match[nearest_centres(voting, centres)[0] == 0]
    label = found[0].label
    classes = match_classes(voting)[0]
    expected = own.max(axis=1) if label == "other" else own[:, classes.index(label)]
    assert found[0].match == pytest.approx(expected.mean(), abs=1e-4)
