"""The figure of the threshold sweep: a line a method and control, and none where none is."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from kernel_atlas.classes.controls import CONTROLS, OWN, SWEEP
from kernel_atlas.codebooks.baselines import N_CENTRES
from kernel_atlas.figures.style import save_figure
from kernel_atlas.figures.sweep import BASELINES, LINES, draw_sweep

METHODS = ["codebook", "templates", *(f"kmeans_{n}" for n in N_CENTRES)]
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


def texts_of(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def labels_of(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_every_method_and_control_has_a_line():
    assert set(LINES) == {OWN, *CONTROLS}
    assert {"codebook", *BASELINES} == set(METHODS)
    looks = [(colour, dashes) for _, colour, dashes, _ in (*LINES.values(), *BASELINES.values())]
    assert len(set(looks)) == len(looks)


def test_the_lines_are_those_of_the_table():
    sweep = sweep_of()
    figure = draw_sweep(sweep, THRESHOLDS)
    assert [axes.get_title("left") for axes in figure.axes] == ["3x3", "5x5", "7x7"]
    for axes, (size, rows) in zip(figure.axes, sweep.groupby("kernel_size"), strict=True):
        by_label = {line.get_label(): line for line in axes.lines}
        keys = {LINES[name][0]: ("codebook", name) for name in LINES}
        keys |= {BASELINES[name][0]: (name, OWN) for name in BASELINES}
        for label, key in keys.items():
            expected = rows[(rows["method"] == key[0]) & (rows["kernels"] == key[1])]
            np.testing.assert_array_equal(
                by_label[label].get_xydata(), expected[["threshold", "percent"]]
            )
        (mark,) = [line for name, line in by_label.items() if name not in keys]
        assert list(mark.get_xdata()) == [THRESHOLDS[size]] * 2
    assert labels_of(figure) == list(keys)


@pytest.mark.parametrize(
    "sweep",
    [
        sweep_of(methods=("codebook", "templates")),
        sweep_of(sizes=(5,), methods=("codebook",)),
        sweep_of(kinds=(OWN,)),
        sweep_of().assign(percent=float("nan")),
        pd.concat([sweep_of(sizes=(3,), methods=("codebook",)), sweep_of(sizes=(7,))]),
    ],
)
def test_saved_without_what_is_missing_and_twice_as_the_same_bytes(sweep, tmp_path):
    for run in ("first", "second"):
        figure = draw_sweep(sweep, THRESHOLDS)
        assert not [text for text in texts_of(figure) if "nan" in text]
        save_figure(figure, tmp_path / run / "f.png", tmp_path / run / "f.svg", dpi=50)
    for name in ("f.png", "f.svg"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_states_the_percentages_at_the_threshold():
    sweep = sweep_of(sizes=(5,))
    is_shuffled = (sweep["method"] == "codebook") & (sweep["kernels"] == "shuffled")
    sweep.loc[is_shuffled & (sweep["threshold"] == THRESHOLDS[5]), "percent"] = 12.34
    (stated,) = [
        text for text in texts_of(draw_sweep(sweep, THRESHOLDS)) if "shuffled 12.3 %" in text
    ]
    assert f"at {THRESHOLDS[5]:g}: own " in stated


def test_no_kernels_give_a_notice(tmp_path):
    figure = draw_sweep(sweep_of()[:0], THRESHOLDS)
    (text,) = texts_of(figure)
    assert text.startswith("no model has kernels")
    save_figure(figure, tmp_path / "f.png", tmp_path / "f.svg", dpi=50)


@pytest.mark.parametrize("threshold", [0.01, 0.9])
def test_a_threshold_beyond_the_sweep_stays_within_its_panel(monkeypatch, threshold):
    monkeypatch.setitem(THRESHOLDS, 5, threshold)
    figure = draw_sweep(sweep_of(), THRESHOLDS)
    for axes in figure.axes:
        low, high = axes.get_xlim()
        for line in axes.lines:
            x = np.asarray(line.get_xdata())
            assert line.get_clip_on() or (low <= x.min() and x.max() <= high)


def test_a_baseline_missing_in_the_first_size_alone_is_in_the_legend():
    sweep = pd.concat([sweep_of(sizes=(3,), methods=("codebook",)), sweep_of(sizes=(7,))])
    labels = labels_of(draw_sweep(sweep, THRESHOLDS))
    assert {label for label, *_ in BASELINES.values()} <= set(labels)
