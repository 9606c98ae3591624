"""The nearest members of the DoG family: parameters are recovered, and nothing is nearer."""

import numpy as np
import pandas as pd
import pytest

from kernel_atlas.checkpoints.depthwise import Depthwise
from kernel_atlas.checkpoints.read import read_checkpoint
from kernel_atlas.family import fit, functions
from kernel_atlas.family.fit import BOX, MAX_SHIFT, RATIOS, fit_members, make_members
from kernel_atlas.family.names import CLASSES, DEAD, OTHER
from kernel_atlas.family.templates import make_templates
from kernel_atlas.sources.local import LocalFile
from kernel_atlas.sphere import to_sphere

NUMBERS = ["sigma", "ratio", "direction", "aspect", "shift_x", "shift_y", "residual"]
DERIVATIVES = (functions.first_derivative, functions.second_derivative)


def draw(name, size, n, rng):
    """Members of a class with random parameters, as a table like that of `fit_members`."""
    maker = functions.MAKERS[name]
    upper = 0.9 if maker.function is functions.cross else max(0.8, size / 4)
    sigma = rng.uniform(0.6, upper, n)
    if maker.function is functions.square:
        sigma = rng.uniform(2, 3.5, n) / BOX
    has_ratio = maker.function in (functions.difference_of_gaussians, functions.cross)
    is_derivative = maker.function in DERIVATIVES
    degrees = np.rad2deg(maker.direction or 0) + rng.uniform(-15, 15, n)
    return pd.DataFrame(
        {
            "member": name,
            "sigma": sigma,
            "ratio": rng.choice(RATIOS, n) if has_ratio else np.nan,
            "direction": degrees if is_derivative else np.nan,
            "aspect": rng.uniform(1, 2, n) if is_derivative else np.nan,
            "shift_x": rng.uniform(-0.5, 0.5, n),
            "shift_y": rng.uniform(-0.5, 0.5, n),
        }
    )


def make(row, size):
    """The kernel that a row of the table describes."""
    maker = functions.MAKERS[row.member]
    shift = (row.shift_x, row.shift_y)
    if maker.function in DERIVATIVES:
        direction = np.deg2rad(row.direction)
        kernel = maker.function(size, row.sigma, direction, aspect=row.aspect, shift=shift)
    elif maker.function is functions.difference_of_gaussians:
        kernel = maker.function(size, row.sigma, row.ratio, shift)
    elif maker.function is functions.square:
        kernel = maker.function(size, row.sigma * np.sqrt(12), shift)
    else:
        kernel = maker.function(size, row.sigma, shift, row.ratio)
    return maker.sign * kernel


def make_all(table, size):
    return np.array([make(row, size) for row in table.itertuples()])


def dissimilarity(left, right):
    return 1 - np.einsum("ni,ni->n", to_sphere(left), to_sphere(right))


def assert_same(found, truth, shift, degrees, share):
    """Compare with tolerances in pixels, in degrees, and as a share of sigma and aspect."""
    np.testing.assert_array_equal(found["member"], truth["member"])
    np.testing.assert_array_equal(found["ratio"], np.float32(truth["ratio"]))
    for column in ("sigma", "aspect"):
        np.testing.assert_allclose(found[column], truth[column], rtol=share)
    for column in ("shift_x", "shift_y"):
        np.testing.assert_allclose(found[column], truth[column], atol=shift)
    period = 180 if "second" in truth["member"].iloc[0] else 360
    turn = (found["direction"] - truth["direction"] + period / 2) % period - period / 2
    assert not (turn.abs() > degrees).any()
    np.testing.assert_array_equal(turn.isna(), truth["direction"].isna())


@pytest.mark.parametrize("size", [5, 7])
@pytest.mark.parametrize("name", CLASSES)
def test_recovers_the_parameters_of_members(name, size, rng):
    truth = draw(name, size, 30, rng)
    kernels = 7 + 3 * make_all(truth, size)  # any scale and offset
    labels = np.full(30, name, object)
    found = fit_members(kernels, labels)
    assert found["residual"].max() < 1e-6
    assert_same(found, truth, shift=1e-3, degrees=0.1, share=1e-3)
    noisy = fit_members(kernels + rng.normal(0, 3 * 0.01 / size, kernels.shape), labels)
    assert noisy["residual"].between(0, 3e-4).all()
    clear = truth["sigma"] < size / 5  # a centre wider than that may have either ratio
    assert_same(noisy[clear], truth[clear], shift=0.06, degrees=2, share=0.1)


def test_parameters_stay_within_their_ranges(rng):
    names = np.repeat(CLASSES, 40)
    kernels = rng.normal(size=(len(names), 5, 5)).astype(np.float32)
    found = fit_members(kernels, names)
    assert list(found) == ["member", *NUMBERS]
    assert (found[NUMBERS].dtypes == np.float32).all()
    np.testing.assert_array_equal(found["member"], names)
    second = found["member"].isin(["on_second_derivative", "off_second_derivative"])
    first = found["member"].str.startswith("first")
    assert found.loc[second, "direction"].between(0, 180, inclusive="left").all()
    assert found.loc[first, "direction"].between(-180, 180, inclusive="right").all()
    for side, direction in functions.DIRECTIONS.items():
        degrees = found.loc[names == f"first_derivative_{side}", "direction"]
        turn = (degrees - np.rad2deg(direction) + 180) % 360 - 180
        assert turn.between(-45.01, 45.01).all()
        assert np.ptp(turn) > 45
    np.testing.assert_array_equal(found["direction"].notna(), first | second)
    np.testing.assert_array_equal(found["aspect"].notna(), first | second)
    low, high = fit.ASPECTS
    assert found.loc[first | second, "aspect"].between(low - 1e-4, high + 1e-4).all()
    has_ratio = found["member"].str.contains("centre|cross")
    np.testing.assert_array_equal(found["ratio"].notna(), has_ratio)
    assert found[["shift_x", "shift_y"]].abs().max(axis=None) <= MAX_SHIFT
    assert found["sigma"].between(0.28, 5.001).all()


@pytest.mark.parametrize("size", [2, 3, 5, 9])
def test_fitted_members_are_as_far_away_as_the_residual_says(size, rng):
    labels = np.array([*CLASSES, "mine", OTHER], object)
    kernels = rng.normal(size=(len(labels), size, size))
    found = fit_members(kernels, labels).set_index(labels)  # any index
    made = make_members(found, size)
    assert made.shape == kernels.shape
    assert np.isnan(made[-1]).all()
    np.testing.assert_allclose(np.linalg.norm(made[:-1], axis=(1, 2)), 1)
    expected = dissimilarity(kernels[:-1], made[:-1])
    np.testing.assert_allclose(found["residual"][:-1], expected, atol=2e-5)


def test_own_classes_get_the_nearest_of_the_whole_family(rng):
    names = [name for name in CLASSES for _ in range(5)]
    truth = pd.concat([draw(name, 5, 5, rng) for name in CLASSES])
    found = fit_members(make_all(truth, 5), np.full(len(names), "stripe", object))
    assert (found["residual"] < 1e-5).all()
    assert (found["member"] == names).mean() > 0.9  # some are members of two classes


def test_squares_describe_own_classes_of_5x5_alone(rng):
    truth = draw("on_square", 7, 5, rng)
    kernels = make_all(truth, 7)
    own = fit_members(kernels, np.full(5, "block", object))
    assert not own["member"].isin(["on_square", "off_square"]).any()
    named = fit_members(kernels, np.full(5, "on_square", object))
    assert (named["member"] == "on_square").all()


def test_what_is_not_clustered_has_no_member(rng):
    kernels = rng.normal(size=(4, 5, 5))
    kernels[2] = 0
    labels = np.array([OTHER, "on_centre", DEAD, "mine"], object)
    found = fit_members(kernels, labels)
    np.testing.assert_array_equal(found["member"].isna(), [True, False, True, False])
    assert found.loc[[0, 2]].isna().all(axis=None)
    assert found.loc[[1, 3], ["sigma", "shift_x", "shift_y", "residual"]].notna().all(axis=None)


def test_no_kernels_have_no_members():
    empty = fit_members(np.zeros((0, 7, 7), np.float32), np.array([], object))
    some = fit_members(np.eye(7)[np.newaxis], np.array(["on_centre"], object))
    assert len(empty) == len(make_members(empty, 7)) == 0
    pd.testing.assert_series_equal(empty.dtypes, some.dtypes)


def test_a_kernel_is_fitted_alike_in_any_company_and_order(rng):
    labels = rng.choice([*CLASSES, "mine", OTHER], 300)
    truth = pd.concat([draw(name, 5, 25, rng) for name in CLASSES])
    kernels = make_all(truth, 5) + rng.normal(0, 0.02, (300, 5, 5))
    found = fit_members(kernels, labels)
    order = rng.permutation(300)
    shuffled = fit_members(kernels[order], labels[order])
    alone = pd.concat([fit_members(kernels[[i]], labels[[i]]) for i in range(0, 300, 75)])
    for other, rows in ((shuffled, order), (alone, range(0, 300, 75))):
        expected = found.iloc[rows].reset_index(drop=True)
        close = {"rtol": 1e-3, "atol": 1e-3}
        pd.testing.assert_frame_equal(other.reset_index(drop=True), expected, **close)


@pytest.mark.parametrize("size", [2, 3, 5, 31])
def test_one_bright_pixel_is_as_narrow_as_can_be(size):
    kernels = np.zeros((2, size, size))
    kernels[:, size // 2, size // 2] = 1, -1
    found = fit_members(kernels, np.array(["on_centre", "off_centre"], object))
    assert found["residual"].max() < 1e-2
    if size > 3:  # on a smaller grid a wider one may lack its surround
        assert found["sigma"].max() < 0.31


def test_real_kernels_are_nearer_to_their_member_than_to_any_template(real_weights):
    layers = read_checkpoint(LocalFile(real_weights("fastvit_t8_int8")), Depthwise()).layers
    kernels = np.concatenate([a.kernels for a in layers if a.kernels.shape[-1] == 7])[::3]
    names, bank = zip(*make_templates(7), strict=True)
    cosine = to_sphere(kernels) @ to_sphere(np.array(bank)).T
    nearest = 1 - cosine.max(axis=1)
    labels = np.where(nearest < 0.3, np.array(names, object)[cosine.argmax(axis=1)], OTHER)
    found = fit_members(kernels, labels).assign(nearest=nearest)[labels != OTHER]
    assert len(found) > 400
    assert (found["residual"] <= found["nearest"] + 0.01).all()
    assert found["residual"].median() < 0.8 * found["nearest"].median()
    assert found["sigma"].median() < 1.5
