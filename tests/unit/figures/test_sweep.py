"""The figure of the threshold sweep: one line per method and control that the table has."""

import numpy as np
import pandas as pd
import pytest
from support.figures import legend_of, texts_of

from kernel_atlas.classes.controls import CONTROLS, OWN, SWEEP
from kernel_atlas.classes.rulers import RULERS
from kernel_atlas.codebooks.baselines import N_CENTRES
from kernel_atlas.figures.sweep import BASELINES, LINES, draw_sweep
from kernel_atlas.figures.sweep import METHODS as RULED

METHODS = ["near", "codebook", "family", "templates", *(f"kmeans_{n}" for n in N_CENTRES)]
THRESHOLDS = {3: 0.2, 5: 0.137, 7: 0.3}


def sweep_of(sizes=(3, 5, 7), methods=tuple(METHODS), kinds=(OWN, *CONTROLS)):
    """A table like sweep.tsv in which no two lines are alike."""
    rows = [
        (size, method, kernels, at, 1000, (size * 10 + METHODS.index(method) * 5 + i) * at)
        for size in sizes
        for i, kernels in enumerate(kinds)
        for method in methods
        for at in sorted({*SWEEP, THRESHOLDS[size]})
    ]
    columns = ["kernel_size", "method", "kernels", "threshold", "n_kernels", "percent"]
    return pd.DataFrame(rows, columns=columns)


def test_every_method_and_control_has_a_line_that_looks_like_no_other_in_its_panel():
    assert set(LINES) == {OWN, *CONTROLS}
    assert {*RULED.values(), *BASELINES["paper"], *BASELINES["family"]} == set(METHODS)
    for ruler in RULERS:
        lines = (*LINES.values(), *BASELINES[ruler].values())
        looks = [(colour, dashes) for _, colour, dashes, _ in lines]
        assert len(set(looks)) == len(looks)


@pytest.mark.parametrize("ruler", RULERS)
def test_the_lines_are_those_of_the_table(ruler):
    sweep = sweep_of()
    figure = draw_sweep(sweep, THRESHOLDS, ruler)
    panels = np.reshape(figure.axes, (2, 3))
    assert panels[0, 0].get_ylabel().startswith(f"by the {ruler}'s ruler")
    keys = {}
    for row in panels:
        name = row[0].get_ylabel().split("'")[0].split()[-1]
        own = {LINES[kernels][0]: (RULED[name], kernels) for kernels in LINES}
        own |= {BASELINES[name][method][0]: (method, OWN) for method in BASELINES[name]}
        keys |= own
        assert [axes.get_title("left") for axes in row] == ["3x3", "5x5", "7x7"]
        for axes, (size, rows) in zip(row, sweep.groupby("kernel_size"), strict=True):
            by_label = {line.get_label(): line for line in axes.lines}
            for label, (method, kernels) in own.items():
                of_line = (rows["method"] == method) & (rows["kernels"] == kernels)
                expected = rows.loc[of_line, ["threshold", "percent"]]
                np.testing.assert_array_equal(by_label[label].get_xydata(), expected)
            (mark,) = (line for label, line in by_label.items() if label not in own)
            assert list(mark.get_xdata()) == [THRESHOLDS[size]] * 2
    assert set(legend_of(figure)) == set(keys)


def test_a_size_without_a_codebook_has_lines_by_the_family_s_ruler_alone():
    sweep = sweep_of(sizes=(5,), methods=("family", "templates"))
    above, below = draw_sweep(sweep, THRESHOLDS).axes
    assert "no codebook" in texts_of(above)
    assert "no codebook" not in texts_of(below)


@pytest.mark.parametrize(
    "sweep",
    [
        sweep_of(methods=("near", "templates")),
        sweep_of(sizes=(3,), methods=("codebook",)),
        sweep_of(kinds=(OWN,)),
        sweep_of().assign(percent=float("nan")),
    ],
)
def test_what_the_table_lacks_is_not_written(sweep):
    assert not [text for text in texts_of(draw_sweep(sweep, THRESHOLDS)) if "nan" in text]


def test_the_percentages_at_the_threshold_are_stated():
    sweep = sweep_of(sizes=(5,))
    is_shuffled = (sweep["method"] == "near") & (sweep["kernels"] == "shuffled")
    sweep.loc[is_shuffled & (sweep["threshold"] == THRESHOLDS[5]), "percent"] = 12.34
    texts = texts_of(draw_sweep(sweep, THRESHOLDS))
    (stated,) = (text for text in texts if "shuffled 12.3 %" in text)
    assert f"at {THRESHOLDS[5]:g}: own " in stated


@pytest.mark.parametrize("threshold", [0.01, 0.9])
def test_lines_stay_within_their_panel_whatever_the_threshold(monkeypatch, threshold):
    monkeypatch.setitem(THRESHOLDS, 5, threshold)
    for axes in draw_sweep(sweep_of(), THRESHOLDS).axes:
        low, high = axes.get_xlim()
        for line in axes.lines:
            x = np.asarray(line.get_xdata())
            assert line.get_clip_on() or (low <= x.min() and x.max() <= high)


def test_a_method_missing_in_the_first_size_alone_is_in_the_legend():
    sweep = pd.concat([sweep_of(sizes=(3,), methods=("near",)), sweep_of(sizes=(7,))])
    labels = {label for ruler in RULERS for label, *_ in BASELINES[ruler].values()}
    assert labels <= set(legend_of(draw_sweep(sweep, THRESHOLDS)))
