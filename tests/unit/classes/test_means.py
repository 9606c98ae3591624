"""Class means: a mean of directions over models, and how near the family's member is to it."""

import numpy as np
import pandas as pd
import pytest
from support.classes import classes_of

from kernel_atlas.classes.means import average_classes, read_means
from kernel_atlas.family import functions
from kernel_atlas.family.fit import PARAMETERS, fit_members

COLUMNS = ["class", "axis", "n_kernels", "percent", "correlation", "member", *PARAMETERS]


@pytest.fixture
def average(tmp_path, write_group):
    """A function that averages models, each given by its kernels and its table of classes.

    The table of means is in `tmp_path`/means.tsv.
    """

    def run(**models):
        groups, paths = [], []
        for name, (kernels, classes) in models.items():
            groups.append(write_group(name, [("a", kernels)]))
            paths.append(tmp_path / f"{name}.parquet")
            classes.to_parquet(paths[-1])
        out = tmp_path / "means.tsv", tmp_path / "means.npz"
        average_classes(groups, paths, kernels.shape[-1], *out)
        return read_means(out[1])

    return run


def unit(kernels):
    centred = kernels - kernels.mean(axis=(1, 2), keepdims=True)
    return centred / np.linalg.norm(centred, axis=(1, 2), keepdims=True)


def noisy(kernel, n, rng):
    """Kernels near one, of all norms and offsets."""
    kernels = kernel + rng.normal(0, 0.05, (n, *kernel.shape))
    scale, offset = rng.uniform(0.1, 9, (2, n, 1, 1))
    return (scale * kernels + offset).astype(np.float32)


def test_means_over_models_are_those_of_unit_directions(average, rng):
    centres, crosses = (
        noisy(kernel, 9, rng)
        for kernel in (functions.difference_of_gaussians(7, 1), functions.cross(7, 0.5))
    )
    others = np.concatenate([rng.normal(size=(2, 7, 7)), np.zeros((1, 7, 7))])
    first = np.concatenate([crosses[:2], others, centres[:5]])
    second = np.concatenate([centres[5:], crosses[2:]])
    cross, centre = "on_cross ", "on_centre "
    found = average(
        a=(first, classes_of(x=2 * cross + "other other dead " + 5 * centre)),
        b=(second, classes_of(x=4 * centre + 7 * cross)),
        without=(first[:0], classes_of()),
    )
    assert [mean.label for mean in found] == ["on_centre", "on_cross"]
    for mean, kernels in zip(found, (centres, crosses), strict=True):
        assert (mean.axis, mean.n_kernels, mean.percent) == ("", 9, 50)
        np.testing.assert_allclose(mean.mean, unit(kernels).mean(axis=0), atol=1e-6)


def test_second_derivatives_are_averaged_by_the_axis_along_which_they_vary(average, rng):
    degrees = [0, 30, 40, 50, 90, 130, 140, 170]
    kernels = np.concatenate(
        [noisy(functions.second_derivative(7, 1, np.deg2rad(angle)), 1, rng) for angle in degrees]
    )
    along_x, along_y = average(a=(-kernels, classes_of(x="off_second_derivative " * 8)))
    for mean, axis, rows in ((along_x, "x", [0, 1, 2, 6, 7]), (along_y, "y", [3, 4, 5])):
        assert (mean.label, mean.axis) == ("off_second_derivative", axis)
        assert (mean.n_kernels, mean.percent) == (len(rows), 100 * len(rows) / 8)
        np.testing.assert_allclose(mean.mean, unit(-kernels[rows]).mean(axis=0), atol=1e-6)


def test_few_bars_along_one_axis_count_with_the_many_along_the_other(average, rng):
    bars = [noisy(functions.second_derivative(7, 1, angle), 10, rng) for angle in (0, np.pi / 2)]
    kernels = np.concatenate([bars[0], bars[1][:1]])
    classes = classes_of(x="on_second_derivative " * 11)
    (mean,) = average(a=(kernels, classes))
    assert (mean.axis, mean.n_kernels, mean.percent) == ("x", 11, 100)
    np.testing.assert_allclose(mean.mean, unit(kernels).mean(axis=0), atol=1e-6)
    assert [mean.n_kernels for mean in average(a=(kernels[1:], classes[1:]))] == [9, 1]


def test_other_classes_have_no_axis(average, rng):
    bars = np.array([functions.second_derivative(5, 1, angle) for angle in (0, np.pi / 2)])
    (mean,) = average(a=(bars, classes_of(x="stripe stripe")))
    assert (mean.label, mean.axis, mean.n_kernels) == ("stripe", "", 2)
    # without regard to its name, or to that of its kernels' members
    table = fit_members(mean.mean[None])
    assert mean.correlation == pytest.approx(1 - table["residual"].item(), abs=1e-5)


def test_classes_are_in_the_order_of_tables(average, rng):
    words = "mine off_square first_derivative_up on_centre on_cross"
    found = average(a=(rng.normal(size=(5, 5, 5)), classes_of(x=words)))
    expected = "on_centre on_cross first_derivative_up off_square mine"
    assert " ".join(mean.label for mean in found) == expected


def test_the_correlation_is_that_of_the_mean_and_the_nearest_member_of_any_class(average, rng):
    words = "on_centre on_cross off_second_derivative first_derivative_down mine "
    found = average(a=(rng.normal(size=(25, 7, 7)), classes_of(x=5 * words)))
    assert {mean.label for mean in found} == set(words.split())
    for mean in found:
        by_hand = np.corrcoef(mean.mean.ravel(), mean.member.ravel())[0, 1]
        assert mean.correlation == pytest.approx(by_hand, abs=1e-5)
        assert mean.correlation < 0.99
        np.testing.assert_allclose(np.linalg.norm(mean.member), 1)
        nearest = fit_members(mean.mean[None])
        assert 1 - nearest["residual"].item() == pytest.approx(mean.correlation, abs=1e-5)


def test_a_mean_that_is_not_what_its_name_says_shows_it(average, tmp_path):
    average(a=(functions.cross(7, 0.5)[None], classes_of(x="on_centre")))
    (row,) = pd.read_csv(tmp_path / "means.tsv", sep="\t").to_dict("records")
    assert (row["class"], row["member"]) == ("on_centre", "on_cross")


@pytest.mark.parametrize("words", ["other dead other", ""])
def test_without_clustered_kernels_there_are_no_means(average, tmp_path, words, rng):
    assert average(a=(rng.normal(size=(len(words.split()), 5, 5)), classes_of(x=words))) == []
    assert (tmp_path / "means.tsv").read_text() == "\t".join(COLUMNS) + "\n"


def test_the_table_has_one_row_per_mean_with_its_member(average, tmp_path):
    kernels = [functions.difference_of_gaussians(7, 1.25, 3.0, (0.25, -0.5))] * 3
    kernels += [-functions.second_derivative(7, 1.5, np.pi / 2, 1.5)]
    words = "on_centre on_centre on_centre off_second_derivative"
    average(a=(np.array(kernels), classes_of(x=words)))
    found = pd.read_csv(tmp_path / "means.tsv", sep="\t", keep_default_na=False)
    assert list(found) == COLUMNS
    centre, bar = found.to_dict("records")
    facts = {"class": "on_centre", "axis": "", "n_kernels": 3, "percent": 75, "correlation": 1}
    facts |= {"member": "on_centre", "direction": "", "aspect": ""}
    assert {name: centre[name] for name in facts} == facts
    numbers = [float(centre[name]) for name in ("sigma", "ratio", "shift_x", "shift_y")]
    assert numbers == pytest.approx([1.25, 3, 0.25, -0.5], abs=1e-3)
    facts = {"class": "off_second_derivative", "axis": "y", "n_kernels": 1, "ratio": ""}
    assert {name: bar[name] for name in facts} == facts
    numbers = [float(bar[name]) for name in ("sigma", "direction", "aspect")]
    assert numbers == pytest.approx([1.5, 90, 1.5], abs=1e-2)
