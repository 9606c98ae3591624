"""Figures: that they show what the tables say, and are saved as the same bytes each time."""

import re
from itertools import chain

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text
from support.classes import with_members

from kernel_atlas.family.names import CLASSES, order_classes
from kernel_atlas.figures import style
from kernel_atlas.figures.clustered import draw_clustered
from kernel_atlas.figures.history import draw_history
from kernel_atlas.figures.layers import draw_layers
from kernel_atlas.figures.model import plot_model
from kernel_atlas.figures.samples import draw_samples
from kernel_atlas.figures.sizes import draw_sizes
from kernel_atlas.figures.spectrum import draw_spectrum
from kernel_atlas.labels.table import Interval

N_KERNELS = 120


def classes_of(rng, labels, n_layers=4):
    """A table of classes with these labels at random, each of them at least once."""
    drawn = rng.permutation([*labels, *rng.choice(labels, N_KERNELS - len(labels))])
    index = np.sort(rng.integers(n_layers, size=N_KERNELS)).astype(np.int32)
    classes = pd.DataFrame(
        {
            "layer": pd.Categorical.from_codes(index, [f"layer{i}" for i in range(n_layers)]),
            "layer_index": index,
            "class": pd.Categorical(drawn, order_classes({*CLASSES, *labels, "other", "dead"})),
        }
    )
    return with_members(classes)


def kernels_of(rng, size):
    return rng.normal(size=(N_KERNELS, size, size)).astype(np.float32)


@pytest.fixture
def classes(rng):
    return {
        5: classes_of(rng, [*CLASSES, "mine", "other", "dead"]),
        7: classes_of(rng, ["on_centre", "off_cross", "first_derivative_up", "yours", "other"]),
    }


@pytest.fixture
def kernels(rng):
    return {5: kernels_of(rng, 5), 7: kernels_of(rng, 7)}


@pytest.fixture
def clustered():
    nan = float("nan")
    names = ["clustered", "low", "high", "random", "phase_randomised", "paper"]
    rows = [
        ["a", 5, 66.6, 60.1, 70.2, 0.1, 3.1, nan],
        ["b", 5, 71.2, nan, nan, 0.2, 3.2, 68.4],
        ["a", 7, 90.1, 85, 93, 0, 5, nan],
        ["b", 7, *[nan] * 6],
    ]
    columns = ["model", "kernel_size", *(f"{name}_percent" for name in names)]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture
def history():
    names = [
        "epoch", "loss", "held_out_loss",
        "train_clustered_percent_0.2", "train_clustered_percent_0.3",
        "held_out_clustered_percent_0.2", "held_out_clustered_percent_0.3", "seed", "kept",
    ]  # fmt: skip
    rows = [
        [1, 0.9, 0.91, 1, 5, 2, 6, 7, True],
        [2, 0.5, 0.6, 30, 50, 20, 40, 7, True],
        [3, 0.3, 0.4, 60, 80, 55, 75, 7, True],
    ]
    return pd.DataFrame(rows, columns=names)


@pytest.fixture
def figures(rng, classes, kernels, clustered, history):
    """A function that draws each kind of figure, by name; with no data, notices."""
    codebook = kernels_of(rng, 5)
    intervals = [Interval(0, 0.3, "on_centre"), Interval(0.3, 0.8, "mine")]

    def draw(name, empty=False):
        return {
            "layers": lambda: draw_layers("net", {} if empty else classes),
            "samples": lambda: draw_samples("net", {} if empty else classes, kernels, 6),
            "sizes": lambda: draw_sizes("net", {} if empty else classes),
            "spectrum": lambda: draw_spectrum(5, codebook[: 0 if empty else None], intervals),
            "history": lambda: draw_history(5, history[: 0 if empty else None], 0.2),
            "clustered": lambda: draw_clustered(clustered[: 0 if empty else None]),
        }[name]()

    return draw


KINDS = pytest.mark.parametrize(
    "kind", ["layers", "samples", "sizes", "spectrum", "history", "clustered"]
)


def texts_of(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def legend_of(figure):
    """Entries of all legends: name to handle."""
    legends = [*figure.legends, *filter(None, (axes.get_legend() for axes in figure.axes))]
    return {
        text.get_text(): handle
        for legend in legends
        for text, handle in zip(legend.get_texts(), legend.legend_handles, strict=True)
    }


def colour(patch):
    return to_hex(patch.get_facecolor())


def bars_of(axes):
    return [bar for container in axes.containers for bar in container if bar.get_height() > 0]


@KINDS
def test_saved_without_warnings_and_twice_as_the_same_bytes(figures, kind, tmp_path):
    for run in ("first", "second"):
        png, svg = tmp_path / run / "figure.png", tmp_path / run / "figure.svg"
        style.save_figure(figures(kind), png, svg, dpi=60)
        assert png.read_bytes().startswith(b"\x89PNG")
        assert "</svg>" in svg.read_text()
    for name in ("figure.png", "figure.svg"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()
    assert len(list(tmp_path.rglob("*"))) == 6


def test_resolution_is_dots_per_inch(figures, tmp_path):
    widths = []
    for dpi in (50, 100):
        style.save_figure(figures("clustered"), tmp_path / "f.png", tmp_path / "f.svg", dpi)
        widths.append(int.from_bytes((tmp_path / "f.png").read_bytes()[16:20], "big"))
    assert widths[1] == pytest.approx(2 * widths[0], rel=0.02)


@KINDS
def test_no_data_gives_a_notice_with_the_reason(figures, kind, tmp_path):
    figure = figures(kind, empty=True)
    (text,) = texts_of(figure)
    assert re.search(r"\bno\b|too few", text)
    assert figure.axes == []
    style.save_figure(figure, tmp_path / "figure.png", tmp_path / "figure.svg", dpi=50)


@KINDS
def test_a_missing_number_is_not_shown_as_nan(figures, kind, history, classes, rng):
    history["held_out_loss"] = float("nan")
    classes[7] = classes_of(rng, ["dead"])
    assert [text for text in texts_of(figures(kind)) if "nan" in text] == []


def test_own_classes_keep_their_colour_from_model_to_model(rng):
    own = [*classes_of(rng, ["blob", "stripe"])["class"].cat.categories]
    with_both = classes_of(rng, ["blob", "stripe"])
    with_one = with_both[with_both["class"] == "stripe"]
    assert [*with_one["class"].cat.categories] == own
    colours = {
        patch.get_facecolor()
        for table in (with_both, with_one)
        for patch in draw_layers("net", {5: table}).legends[0].get_patches()
        if table is with_one or patch.get_label() == "Stripe"
    }
    assert len(colours) == 1


def test_bars_of_each_layer_sum_to_100(classes):
    figure = draw_layers("net", classes)
    assert len(figure.axes) == 2
    for axes, table in zip(figure.axes, classes.values(), strict=True):
        heights, tops = {}, {}
        for bar in bars_of(axes):
            middle = round(bar.get_x() + bar.get_width() / 2)
            heights[middle] = heights.get(middle, 0) + bar.get_height()
            tops[middle] = max(tops.get(middle, 0), bar.get_y() + bar.get_height())
        assert list(heights.values()) == pytest.approx([100] * table["layer_index"].nunique())
        assert tops == pytest.approx(heights), "bars stand on each other"


def test_bar_heights_are_the_percentages(rng):
    table = classes_of(rng, ["on_centre", "first_derivative_up", "first_derivative_left"], 1)
    share = (table["class"] == "on_centre").mean() * 100
    bars = bars_of(draw_layers("net", {5: table}).axes[0])
    assert sorted(bar.get_height() for bar in bars) == pytest.approx(sorted([share, 100 - share]))


def test_the_legend_of_layers_names_the_classes_present_with_first_derivatives_merged(classes):
    present = {
        style.merge_first_derivatives(c) for table in classes.values() for c in table["class"]
    }
    assert len(present) == len(CLASSES) - 4 + 1 + 4
    assert set(legend_of(draw_layers("net", classes))) == {style.title_of(c) for c in present}
    del classes[5]
    expected = {"On centre", "Off cross", "First derivative", "Yours", "Other"}
    assert set(legend_of(draw_layers("net", classes))) == expected


def test_bars_have_the_colours_of_the_legend(classes):
    figure = draw_layers("net", classes)
    drawn = {colour(bar) for axes in figure.axes for bar in bars_of(axes)}
    named = [colour(patch) for patch in legend_of(figure).values()]
    assert drawn == set(named)
    assert len(set(named)) == len(named)


def test_samples_name_each_class_with_its_share_but_not_the_dead(classes, kernels):
    texts = "\n".join(texts_of(draw_samples("net", classes, kernels, 6)))
    for label, n in classes[5]["class"].value_counts().items():
        named = f"{style.title_of(label)}  {100 * n / N_KERNELS:.1f} %" in texts
        assert named == (label != "dead"), label


@pytest.mark.parametrize("n_samples", [1, 6, 2 * N_KERNELS])
def test_samples_are_as_many_as_there_are_or_asked_for(rng, kernels, n_samples, tmp_path):
    table = classes_of(rng, ["on_centre", "other", "dead"])
    figure = draw_samples("net", {5: table}, kernels, n_samples)
    shown = table["class"].value_counts()[["on_centre", "other"]].clip(upper=n_samples).sum()
    assert pixels_of(figure) == shown * 25
    style.save_figure(figure, tmp_path / "figure.png", tmp_path / "figure.svg", dpi=50)


def test_samples_of_a_model_of_dead_kernels(rng, kernels, tmp_path):
    figure = draw_samples("net", {5: classes_of(rng, ["dead"])}, kernels, 6)
    style.save_figure(figure, tmp_path / "figure.png", tmp_path / "figure.svg", dpi=50)
    assert "5x5" in " ".join(texts_of(figure))


def pixels_of(figure):
    """Number of pixels with kernels on them, each within the range of grey."""
    images = [image.get_array() for axes in figure.axes for image in axes.images]
    values = np.concatenate([np.ma.filled(image, np.nan).ravel() for image in images])
    values = values[~np.isnan(values)]
    assert values.min() >= 0
    assert values.max() <= 1
    return len(values)


def test_clustered_shows_each_percentage_and_what_chance_and_the_paper_give(clustered):
    figure = draw_clustered(clustered)
    widths = [bar.get_width() for axes in figure.axes for bar in chain(*axes.containers)]
    assert np.array(widths)[:3].tolist() == [66.6, 71.2, 90.1]
    points = [np.asarray(line.get_xdata()) for axes in figure.axes for line in axes.lines]
    for chance in ([0.1, 0.2], [3.1, 3.2]):
        assert any(np.array_equal(x, chance) for x in points)
    intervals = figure.axes[0].collections[0].get_segments()
    assert next(line[:, 0].tolist() for line in intervals if len(line)) == [60.1, 70.2]
    assert any(68.4 in x for x in points)
    assert {"66.6", "71.2", "90.1", "a", "b"} <= set(texts_of(figure))
    assert "published" in legend_of(figure)
    without = draw_clustered(clustered.assign(paper_percent=float("nan")))
    assert "published" not in legend_of(without)


@pytest.mark.parametrize("labels", [["on_cross", "mine", "other", "dead"], ["dead"], []])
def test_plot_model_writes_all_files(write_group, rng, tmp_path, labels):
    group = write_group("net", [("a", kernels_of(rng, 5))])
    table = classes_of(rng, labels) if labels else classes_of(rng, ["other"])[:0]
    table.to_parquet(tmp_path / "k5.parquet")
    paths = [
        tmp_path / "figures" / name
        for name in ("l.png", "l.svg", "s.png", "s.svg", "z.png", "z.svg")
    ]
    pairs = zip(paths[::2], paths[1::2], strict=True)
    plot_model(group, {5: tmp_path / "k5.parquet"}, {}, 5, 50, *pairs)
    assert sorted((tmp_path / "figures").iterdir()) == paths
    assert ("no kernels" in paths[1].read_text()) == (not labels)
