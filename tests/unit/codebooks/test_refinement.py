"""The refinement of the decoder: sums of kernels stand for the kernels, codes for the curve."""

import pytest
import torch
from torch.nn.functional import normalize

from kernel_atlas.codebooks.autoencoder import Autoencoder
from kernel_atlas.codebooks.curve import draw_curve
from kernel_atlas.codebooks.refinement import (
    CODES,
    compare_curve,
    draw_codes,
    gather_kernels,
)
from kernel_atlas.codebooks.training import mean_loss

MIDDLES = (torch.arange(CODES) + 0.5) / CODES


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Autoencoder(24, (16, 8))


def test_sums_of_kernels_give_the_loss_of_each_kernel_at_its_nearest_code(model, generator):
    kernels = normalize(torch.randn(3000, 24, generator=generator), dim=1)
    curve = draw_curve(model, MIDDLES).detach()
    loss, _ = compare_curve(curve, gather_kernels(model, kernels))
    nearest = (kernels @ curve.T).argmax(dim=1)
    torch.testing.assert_close(loss, mean_loss(curve[nearest], kernels), rtol=1e-5, atol=1e-6)


def test_each_kernel_counts_for_its_own_code(model):
    sums = gather_kernels(model, draw_curve(model, MIDDLES[[7, 300, 300]]).detach())
    assert sums.norm(dim=1).nonzero().flatten().tolist() == [7, 300]
    torch.testing.assert_close(sums[300], draw_curve(model, MIDDLES[[300]])[0].detach() * 2 / 3)


def test_codes_are_evenly_apart_and_differ_from_step_to_step(generator):
    codes = draw_codes(generator)
    assert 0 <= codes.min() < codes.max() <= 1
    torch.testing.assert_close(codes.diff(dim=1), torch.full_like(codes[:, 1:], 1 / CODES))
    assert codes[:, 0].unique().numel() == len(codes)


def test_the_length_is_that_of_the_curve():
    angles = 3 * MIDDLES  # an arc of three radians
    curve = torch.stack([angles.cos(), angles.sin()], dim=1)
    _, length = compare_curve(curve, torch.zeros_like(curve))
    assert length.item() == pytest.approx(3, rel=1e-4)


def test_seeds_side_by_side_are_compared_each_on_its_own(model, generator):
    curves = torch.stack([draw_curve(model, codes) for codes in draw_codes(generator)[:3]])
    sums = torch.randn(curves.shape, generator=generator)
    together = compare_curve(curves, sums)
    alone = [compare_curve(*each) for each in zip(curves, sums, strict=True)]
    for found, expected in zip(together, zip(*alone, strict=True), strict=True):
        torch.testing.assert_close(found, torch.stack(expected))
