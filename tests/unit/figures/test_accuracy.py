"""The figure of accuracy: each checkpoint with a published accuracy is a dot at its numbers."""

import numpy as np
import pandas as pd
import pytest
from support.figures import legend_of, texts_of

from kernel_atlas.figures.accuracy import draw_accuracy, name_source, read_published
from kernel_atlas.figures.style import NO_MODEL
from kernel_atlas.sheet import read_sheets

MODELS = pd.DataFrame(
    {
        "model": ["a", "b", "twin", "unknown"],
        "source": ["timm:one.in1k", "hf:timm/two.in1k", "timm:one.in1k", "file:x.pth"],
        "duplicate_of": ["", "", "a", ""],
    }
)
PUBLISHED = pd.DataFrame(
    {
        "source": ["timm:two.in1k", "timm:one.in1k", "timm:three.in1k"],
        "top1_percent": [81.5, 77.0, 60.0],
        "parameters_millions": [20.0, 5.0, 1.0],
    }
)
CLUSTERED = pd.DataFrame(
    {
        "model": ["a", "b", "twin", "unknown"],
        "family": ["One", None, "One", "One"],
        "kernel_size": 5,
        "clustered_percent": [60.0, 70.0, 60.0, 10.0],
        "matched_percent": [65.0, 55.0, 65.0, 12.0],
    }
)


def dots_of(axes):
    return sorted(tuple(map(float, dot)) for line in axes.lines for dot in line.get_xydata())


@pytest.mark.parametrize("ruler", ["paper", "family"])
def test_each_checkpoint_with_published_numbers_is_one_dot(ruler):
    figure = draw_accuracy(CLUSTERED, MODELS, PUBLISHED, ruler)
    panels = {}
    for left, right in np.reshape(figure.axes, (-1, 2)):
        panels[left.get_ylabel()] = [dots_of(left), dots_of(right)]
    expected = {
        "5x5: clustered (%)": [[(77, 60), (81.5, 70)], [(5, 60), (20, 70)]],
        "5x5: matched (%)": [[(77, 65), (81.5, 55)], [(5, 65), (20, 55)]],
    }
    assert panels == expected
    assert [*panels] == [*expected][:: 1 if ruler == "paper" else -1]
    assert [*legend_of(figure)] == ["One", "no family"]


def test_the_title_counts_those_that_are_left_out():
    texts = texts_of(draw_accuracy(CLUSTERED, MODELS, PUBLISHED))
    assert "2 of 3 models have a published accuracy" in texts
    nothing = texts_of(draw_accuracy(CLUSTERED, MODELS, PUBLISHED[:0]))
    assert nothing == ["none of the 3 models has a published accuracy"]
    for none in (CLUSTERED[:0], CLUSTERED.assign(clustered_percent=None, matched_percent=None)):
        assert texts_of(draw_accuracy(none, MODELS, PUBLISHED)) == [NO_MODEL]


def test_a_model_that_failed_does_not_count():
    table = CLUSTERED.assign(
        clustered_percent=[60.0, 70.0, 60.0, np.nan], matched_percent=[65.0, 55.0, 65.0, np.nan]
    )
    texts = texts_of(draw_accuracy(table, MODELS, PUBLISHED))
    assert "2 of 2 models have a published accuracy" in texts


def test_a_size_without_a_codebook_has_the_family_s_ruler_alone():
    table = CLUSTERED.assign(clustered_percent=np.nan)
    figure = draw_accuracy(table, MODELS, PUBLISHED)
    assert [axes.get_ylabel() for axes in figure.axes] == ["5x5: matched (%)", ""]


def test_the_rank_correlation_is_that_of_the_dots():
    names = [f"m{i}" for i in range(6)]
    models = pd.DataFrame({"model": names, "source": names, "duplicate_of": ""})
    published = pd.DataFrame({"source": names, "top1_percent": [1, 2, 4, 8, 16, 99]})
    published["parameters_millions"] = [6, 5, 4, 3, 2, 1]
    table = pd.DataFrame({"model": names, "family": "F", "kernel_size": 7})
    table["clustered_percent"] = table["matched_percent"] = [5, 6, 7, 8, 9, 10]
    titles = [axes.get_title("left") for axes in draw_accuracy(table, models, published).axes]
    assert titles == ["rank correlation 1.00", "rank correlation -1.00"] * 2


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("timm:convnext_tiny.fb_in1k", "timm:convnext_tiny.fb_in1k"),
        ("hf:timm/convnext_tiny.fb_in1k", "timm:convnext_tiny.fb_in1k"),
        ("hf:timm/convnext_tiny.fb_in1k@main:model.safetensors", "timm:convnext_tiny.fb_in1k"),
        ("hf:other/convnext_tiny.fb_in1k", "hf:other/convnext_tiny.fb_in1k"),
    ],
)
def test_a_file_of_timm_on_the_hub_has_timm_s_name(source, name):
    assert name_source(source) == name


def test_published_numbers_are_of_rows_of_the_sheets_and_plausible(repository):
    """All that is clustered and that timm lists: not models of ImageNet-22k alone."""
    published = read_published()
    paths = [repository / f"models/{name}.tsv" for name in ("bundled", "paper", "extras")]
    rows = [row for row in read_sheets(paths) if row.role != "compare"]
    sources = {row.source for row in rows}
    assert set(published["source"]) <= sources
    assert published["source"].is_unique
    missing = sources - set(published["source"])
    assert {source for source in missing if source.startswith("timm:")} == {
        source
        for source in sources
        if source.endswith((".fb_in22k", ".miil_in21k")) and source.startswith("timm:")
    }
    assert published["top1_percent"].between(60, 90).all()
    assert published["parameters_millions"].between(1, 1000).all()
