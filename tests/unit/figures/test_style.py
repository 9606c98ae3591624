"""What all figures share: colours and merged classes."""

from kernel_atlas.family.names import CLASSES
from kernel_atlas.figures import style


def test_every_class_has_a_colour_of_its_own():
    labels = [*CLASSES, "other", "dead"]
    assert len({style.colour_of(label, labels) for label in labels}) == len(labels)
    own = [f"mine{i}" for i in range(3)]
    colours = {style.colour_of(label, [*labels, *own]) for label in own}
    assert len(colours) == 3
    assert not colours & set(style.COLOURS.values())
    assert style.colour_of("mine9", [f"mine{i}" for i in range(40)]).startswith("#")


def test_only_the_four_directions_are_merged():
    labels = ["first_derivative_up", "first_derivative_diagonal", "first_derivative"]
    assert [style.merge_first_derivatives(label) for label in labels] == [
        "first_derivative", "first_derivative_diagonal", "first_derivative",
    ]  # fmt: skip
