"""Networks that start from the DoG family or the master keys (paper, Appendix F)."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import kernel_atlas
from kernel_atlas.errors import AtlasError
from kernel_atlas.family import keys
from kernel_atlas.family.fit import find_matched, fit_members
from kernel_atlas.init import dog_, keys_

# of 80 kernels: 36 on-centre, 8 off-centre, 12 crosses, 16 first and 8 second derivatives
COUNTS = {
    "on_centre": 36,
    "off_centre": 8,
    "on_cross": 6,
    "off_cross": 6,
    **{f"first_derivative_{side}": 4 for side in ("right", "down", "left", "up")},
    "on_second_derivative": 4,
    "off_second_derivative": 4,
}


def depthwise(size, n=80, **options):
    return nn.Conv2d(n, n, size, groups=n, padding=size // 2, bias=False, **options)


def kernels_of(layer):
    return layer.weight.detach().numpy()[:, 0]


def members_of(layer):
    return fit_members(kernels_of(layer))


def count(members):
    counts = members["member"].value_counts()
    return counts[counts > 0].to_dict()


@pytest.mark.parametrize("size", [3, 5, 7, 9])
def test_the_family_finds_the_classes_of_appendix_f(size):
    layer = depthwise(size)
    assert kernel_atlas.init.dog_(layer) == 1
    members = members_of(layer)
    assert count(members) == COUNTS
    assert find_matched(members, 0.05).all()


def test_proportions_are_exact_in_each_layer_and_orders_differ():
    net = nn.Sequential(depthwise(5, 10), nn.Conv2d(10, 10, 3), depthwise(5, 10))
    assert dog_(net, {"off_cross": 0.55, "first_derivative_up": 0.45}) == 2
    first, second = (members_of(net[number])["member"] for number in (0, 2))
    # one of the halves is rounded up, drawn
    assert set(first) == set(second) == {"off_cross", "first_derivative_up"}
    assert (first == "off_cross").sum() in (5, 6)
    assert list(first) != list(second)


def test_what_a_layer_makes_of_noise_has_the_scale_of_torchs_start():
    for size in (3, 7):
        layer = depthwise(size, 128)
        noise = torch.randn(2, 128, 24, 24, generator=torch.Generator().manual_seed(0))
        weight, before = layer.weight.std().item(), layer(noise).std().item()
        for start in (dog_, keys_):
            start(layer)
            assert layer.weight.std().item() == pytest.approx(weight, rel=0.05)
            assert layer(noise).std().item() == pytest.approx(before, rel=0.1)


@pytest.mark.parametrize("start", [dog_, keys_])
def test_a_seed_repeats_on_any_number_of_threads(start):
    threads = torch.get_num_threads()
    weights = []
    try:
        for n, seed in ((1, 4), (2, 4), (2, 5)):
            torch.set_num_threads(n)
            start(layer := depthwise(7), seed=seed)
            weights.append(layer.weight.detach().clone())
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_only_depthwise_layers_of_odd_square_kernels_start_and_freeze():
    bars = nn.Conv2d(6, 6, (1, 7), groups=6)
    pointwise = nn.Conv2d(6, 6, 1, groups=6)
    net = nn.Sequential(depthwise(5, 6), bars, pointwise, depthwise(4, 6), nn.Conv2d(6, 6, 5))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    assert dog_(net, frozen=True) == 1
    changed = {name for name, value in net.state_dict().items() if not value.equal(before[name])}
    assert changed == {"0.weight"}
    assert [name for name, value in net.named_parameters() if not value.requires_grad] == [
        "0.weight"
    ]


def test_scales_come_from_members_that_are_given():
    trained = pd.DataFrame(
        {
            "member": ["on_centre", "on_centre", "off_cross", "on_centre"],
            "sigma": [0.8, 1.2, 0.7, 2.5],
            "ratio": [1.6, 1.6, 1.6, 1.6],
            "direction": np.nan,
            "aspect": np.nan,
            "matched": [True, True, True, False],
        }
    )
    dog_(layer := depthwise(7), scales=trained)
    members = members_of(layer)
    sigma = members["sigma"][members["member"] == "on_centre"].round(2)
    assert set(sigma) == {np.float32(0.8), np.float32(1.2)}
    assert set(members["sigma"][members["member"] == "off_cross"].round(2)) == {np.float32(0.7)}
    assert count(members) == COUNTS  # classes without a row have the usual scales


def test_scales_come_from_an_atlas():
    dog_(layer := depthwise(5), scales=kernel_atlas.Atlas.load(), seed=1)
    dog_(usual := depthwise(5), seed=1)
    members = members_of(layer)
    assert count(members) == COUNTS
    assert find_matched(members, 0.2).all()
    assert not torch.equal(layer.weight, usual.weight)


@pytest.mark.parametrize("size", [5, 7])
def test_keys_have_equal_parts(size):
    layer = depthwise(size)
    assert keys_(layer) == 1
    bank = keys.make_banks(size)["keys" if size == 7 else "ideal"]
    nearest = keys.find_nearest(kernels_of(layer), bank)
    np.testing.assert_allclose(nearest.cosine, 1, atol=1e-6)
    assert np.bincount(nearest.key).tolist() == [10] * 8


@pytest.mark.parametrize("start", [dog_, keys_])
def test_a_network_without_such_a_layer_is_named(start):
    with pytest.raises(AtlasError, match="Linear has no depthwise Conv2d layer"):
        start(nn.Linear(2, 2))


def test_weights_that_cannot_be_written_are_named():
    computed = nn.utils.parametrizations.weight_norm(depthwise(5))
    with pytest.raises(AtlasError, match=r"^0: the weight is computed from other parameters"):
        dog_(nn.Sequential(computed))
    with pytest.raises(AtlasError, match="on the meta device"):
        dog_(depthwise(5, device="meta"))


@pytest.mark.parametrize(
    ("proportions", "message"),
    [
        ({"on_center": 1}, "no class 'on_center' to start kernels from .known: .*on_centre"),
        ({"on_square": 1}, "no class 'on_square'"),
        ({"cross": 0.5}, "sum to 0.5, not to 1"),
        ({"cross": 1.5, "centre": -0.5}, "not negative"),
        ({}, "sum to 0"),
    ],
)
def test_proportions_that_are_none_are_refused(proportions, message):
    with pytest.raises(AtlasError, match=message):
        dog_(depthwise(5), proportions)


def test_members_without_their_parameters_are_refused():
    with pytest.raises(AtlasError, match="no column 'sigma'"):
        dog_(depthwise(5), scales=pd.DataFrame({"member": ["on_cross"]}))
