"""The figure of a training: every seed, the kept one bold, and in words how it went."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from support.figures import colour_of, legend_of, texts_of

from kernel_atlas.codebooks.history import AUTOENCODER, COLUMNS, REFINEMENT
from kernel_atlas.figures.history import draw_history

NUMBERS = [name for name in COLUMNS if name not in ("seed", "epoch", "phase", "kept")]


def history_of(n_epochs=40, kept=2, seeds=(1, 2, 3), n_refined=0):
    """A history in which no two lines are alike."""
    epochs = np.arange(1, n_epochs + 1)
    parts = []
    for seed in seeds:
        part = pd.DataFrame({"seed": seed, "epoch": epochs, "kept": seed == kept})
        part["phase"] = np.where(epochs > n_epochs - n_refined, REFINEMENT, AUTOENCODER)
        for i, name in enumerate(NUMBERS):
            scale = 1 if "percent" in name else 0.01
            part[name] = scale * (10 * i + seed + epochs / n_epochs)
        parts.append(part)
    return pd.concat(parts)[COLUMNS]


def words_of(history, threshold=0.2):
    texts = texts_of(draw_history(5, history, threshold))
    (words,) = (text for text in texts if text.startswith("Of the"))
    return words.splitlines()


def test_every_seed_and_column_is_a_line_and_the_kept_seed_is_bold_and_above_the_others():
    history = history_of()
    panels = [axes.lines for axes in draw_history(5, history, 0.2).axes]
    lines = [line for lines in panels for line in lines]
    bold = max(line.get_linewidth() for line in lines)
    assert len(lines) == 3 * len(NUMBERS)
    for seed, rows in history.groupby("seed"):
        for name in NUMBERS:
            (line,) = (x for x in lines if np.array_equal(x.get_ydata(), rows[name]))
            assert np.array_equal(line.get_xdata(), rows["epoch"])
            assert (line.get_linewidth() == bold) == (seed == 2)
    for lines in panels:
        is_kept = [line.get_linewidth() == bold for line in lines]
        assert is_kept == sorted(is_kept), "drawn last"


def test_the_legend_names_the_colours_of_the_kept_seed_and_other_seeds_are_paler():
    figure = draw_history(5, history_of(), 0.2)
    named = legend_of(figure)
    assert list(named) == ["kernels trained on", "kernels held out"]
    for axes in figure.axes:
        bold = max(line.get_linewidth() for line in axes.lines)
        kept = {colour_of(line) for line in axes.lines if line.get_linewidth() == bold}
        others = {colour_of(line) for line in axes.lines if line.get_linewidth() < bold}
        assert kept == set(named.values())
        assert len(others) == 2
        assert min(sum(to_rgb(x)) for x in others) > max(sum(to_rgb(x)) for x in kept)


@pytest.mark.parametrize("end", [0.5, 0.15, 0.01])
def test_the_loss_is_logarithmic_with_ticks_wherever_it_ends(end):
    history = history_of()
    history["loss"] = np.tile(np.linspace(0.95, end, 40), 3)
    history["held_out_loss"] = 1.1 * history["loss"]
    figure = draw_history(5, history, 0.2)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    assert axes.get_yscale() == "log"
    low, high = axes.get_ylim()
    ticks = [float(text.get_text()) for text in axes.get_yticklabels()]
    assert sum(low <= tick <= high for tick in ticks) >= 2
    assert low < end < 1.045 < high


def test_the_words_give_the_growth_of_the_kept_seed_and_the_range_of_the_others():
    assert words_of(history_of()) == [
        "Of the kernels held out, below 0.2: "
        "42.1 % after 5 epochs, 42.2 % after 10, 42.5 % after 20, 43.0 % after 40",
        "Seed 2 (bold) is kept for its 43.0 % below 0.2; others (thin): 42.0 to 44.0 %",
    ]


@pytest.mark.parametrize(
    ("n_epochs", "expected"),
    [
        (1, "43.0 % after 1 epoch"),
        (2, "42.5 % after 1 epoch, 43.0 % after 2"),
        (10, "42.2 % after 2 epochs, 42.3 % after 3, 42.5 % after 5, 43.0 % after 10"),
    ],
)
def test_few_epochs_are_named_once_each(n_epochs, expected):
    assert words_of(history_of(n_epochs))[0].endswith(f": {expected}")


@pytest.mark.parametrize(
    ("threshold", "begins", "ends"),
    [
        (0.3, "Of the kernels held out, below 0.3: 52.1 %", "53.0 % after 40"),
        (0.22, "Of the kernels held out, below 0.2: 42.1 %", " (the threshold in force is 0.22)"),
        (0.9, "Of the kernels held out, below 0.3: 52.1 %", " (the threshold in force is 0.9)"),
    ],
)
def test_the_words_are_about_the_nearest_threshold_and_say_so(threshold, begins, ends):
    growth, _ = words_of(history_of(), threshold)
    assert growth.startswith(begins)
    assert growth.endswith(ends)


def test_the_words_about_one_seed_do_not_mention_others():
    assert len(words_of(history_of(seeds=(2,)))) == 1


def test_with_nothing_held_out_the_words_are_about_the_kernels_trained_on():
    history = history_of()
    history[[name for name in NUMBERS if name.startswith("held_out")]] = float("nan")
    growth, seeds = words_of(history)
    assert growth.startswith("Of the kernels trained on, below 0.2: 22.1 %")
    assert seeds.startswith("Seed 2 (bold) is kept for its 23.0 % below 0.2; others (thin): 22.0")


def test_a_seed_that_diverged_is_named_apart_from_the_others():
    history = history_of()
    history.loc[history["seed"] == 3, ["loss", "held_out_loss"]] = float("nan")
    assert words_of(history)[1].endswith("; others (thin): 42.0 %; diverged: 3")


@pytest.mark.parametrize(("size", "expected"), [(5, "43.0 % below 0.2"), (7, "53.0 % below 0.3")])
def test_the_kept_seed_is_told_by_the_threshold_of_the_paper(size, expected):
    texts = texts_of(draw_history(size, history_of(), 0.25))
    assert any(f"is kept for its {expected}" in text for text in texts)


@pytest.mark.parametrize(("n_refined", "expected"), [(0, 0), (30, 2)])
def test_both_panels_tell_where_the_training_of_the_decoder_alone_begins(n_refined, expected):
    texts = texts_of(draw_history(5, history_of(n_refined=n_refined), 0.2))
    assert texts.count("decoder alone") == expected
