"""Where figures and tables stand in the report: under the paper's numbers, in its order."""

import pytest
from support.report import FIGURES as OF_PAPER
from support.report import OF_EXPERIMENTS, numbers_in

from kernel_atlas.figures.registry import FIGURES, REPORT, number_in_paper, place_table


def test_each_figure_of_the_paper_has_a_line_in_the_registry():
    found = set().union(*(numbers_in(figure.paper) for figure in FIGURES.values()))
    assert sorted(found) == sorted(OF_PAPER + OF_EXPERIMENTS)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_stands_under_its_numbers(name):
    label = FIGURES[name].place["labels"]["paper"]
    numbers = numbers_in(FIGURES[name].paper)
    assert numbers_in(label) == numbers
    assert label.startswith("Figure") == bool(FIGURES[name].paper)


def test_labels_sort_as_the_paper_does_and_ours_come_last():
    papers = ["1", "7, 8, 33 to 38", "9", "10", "28", "Appendix N"]
    labels = [number_in_paper("Figure", paper) for paper in papers]
    labels += [place_table("", paper=paper)["labels"]["paper"] for paper in ("1", "3", "")]
    assert sorted(labels) == labels
    assert [" ".join(label.split()) for label in labels[1:4]] == [
        "Figure 7, 8, 33 to 38",
        "Figure 9",
        "Figure 10",
    ]


def test_sections_start_with_a_digit_of_their_own():
    """The report sorts them as texts."""
    sections = {category for category, _ in REPORT.values()}
    assert [name[:2] for name in sorted(sections)] == ["1.", "2.", "3.", "4.", "5."]
