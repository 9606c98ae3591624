"""Colours of classes are told apart by everybody, as distances in CAM02-UCS say.

About 1 is the least difference that is seen side by side (Luo, Cui and Li 2006).
"""

from itertools import combinations, pairwise

import numpy as np
import pytest
from colorspacious import cspace_convert
from matplotlib.colors import to_rgb

from kernel_atlas.family.names import CLASSES, DEAD, OTHER
from kernel_atlas.figures import style

SEPARATE = [*CLASSES, OTHER, DEAD]
MERGED = style.order_merged(SEPARATE)  # as stacked bars show them
VISIONS = ("full", "deuteranomaly", "protanomaly")
LEAST = 14
LEAST_OWN = 12  # of classes that a user adds


def appearance(colours, vision="full"):
    """J', a', b' of colours as float64 of shape (n, 3); without cones of a kind, at worst."""
    seen = np.array([to_rgb(colour) for colour in colours])
    if vision != "full":
        deficient = {"name": "sRGB1+CVD", "cvd_type": vision, "severity": 100}
        seen = np.clip(cspace_convert(seen, deficient, "sRGB1"), 0, 1)
    return cspace_convert(seen, "sRGB1", "CAM02-UCS")


def closest(names, colours, vision):
    """The smallest distance of two colours, and their names."""
    places = dict(zip(names, appearance(colours, vision), strict=True))
    return min((np.linalg.norm(places[a] - places[b]), a, b) for a, b in combinations(names, 2))


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("names", [SEPARATE, MERGED], ids=["separate", "merged"])
def test_any_two_classes_are_told_apart(names, vision):
    distance, *pair = closest(names, [style.COLOURS[name] for name in names], vision)
    assert distance > LEAST, pair


@pytest.mark.parametrize("names", [SEPARATE, MERGED], ids=["separate", "merged"])
def test_neighbours_in_a_bar_are_told_apart_in_grey(names):
    """By lightness alone, not all classes are: there are 100 / 14 such steps."""
    lightness = appearance([style.COLOURS[name] for name in names])[:, 0]
    for (a, first), (b, second) in pairwise(zip(names, lightness, strict=True)):
        assert abs(first - second) > LEAST, (a, b)


@pytest.mark.parametrize("names", [SEPARATE, MERGED], ids=["separate", "merged"])
def test_any_two_classes_are_told_apart_in_grey_print_by_lightness_or_hatch(names):
    labels = [*names, *(f"mine{i}" for i in range(len(style.OWN_COLOURS)))]
    lightness = appearance([style.colour_of(label, labels) for label in labels])[:, 0]
    looks = [(style.hatch_of(label, labels), label) for label in labels]
    for (one, first), (two, second) in combinations(zip(looks, lightness, strict=True), 2):
        assert one[0] != two[0] or abs(first - second) > LEAST, (one, two)


@pytest.mark.parametrize("vision", VISIONS)
def test_classes_of_the_user_are_told_apart(vision):
    own = list(style.OWN_COLOURS)
    for known in (SEPARATE, MERGED):
        names = [*known, *own]
        distance, *pair = closest(names, [style.COLOURS.get(name, name) for name in names], vision)
        assert distance > LEAST_OWN, pair


@pytest.mark.parametrize("on", [name for name in CLASSES if name.startswith("on_")])
def test_off_is_the_lighter_one_of_a_pair(on):
    dark, light = appearance([style.COLOURS[on], style.COLOURS[on.replace("on_", "off_")]])
    assert light[0] > dark[0] + 2 * LEAST
