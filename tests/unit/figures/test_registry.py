"""The registry: every figure has what its rule needs, and is drawn from files."""

import inspect
import re
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
import yaml
from matplotlib.image import imread
from support.classes import classes_of

from kernel_atlas.checkpoints.layer import Layer
from kernel_atlas.classes.means import average_classes
from kernel_atlas.codebooks.history import COLUMNS
from kernel_atlas.extraction.writing import write_model
from kernel_atlas.figures.registry import FIGURES, plot_figure
from kernel_atlas.labels.table import Interval, write_labels
from kernel_atlas.sheet import RESERVED_IDS
from kernel_atlas.tables.measures import MEASURES

# of 32 kernels each, the one in the middle an outlier
CLASSES = classes_of(
    a="on_centre off_cross first_derivative_up on_second_derivative " * 8,
    b="mine " + "other " * 31,
    c="on_centre " * 32,
)
CLASSES["code"] = np.float32(0.5)
SHARES = ("near", "matched")
ENDS = ("{}", "{}_low", "{}_high", "random_{}", "phase_randomised_{}")
PERCENTS = [*(end.format(share) for share in SHARES for end in ENDS), "paper"]
TABLES = {
    "history": pd.DataFrame({**dict.fromkeys(COLUMNS, 0.5), "epoch": [1, 2, 3], "kept": True}),
    "clustered": pd.DataFrame(
        {"model": ["net"], "family": "F", "kernel_size": 5}
        | {"n_kernels": 4, "n_near": 2, "n_clustered": 1, "clustered_percent": 25.0}
        | {f"{name}_percent": 50.0 for name in PERCENTS}
    ),
    "layers": pd.DataFrame(
        {"model": ["net", "net", "other"], "kernel_size": 5, "layer_index": 0, "n": 3}
    ).assign(**{"class": ["on_cross", "dead", "dead"], "n_members": 4}),
    "models": pd.DataFrame(
        {"model": ["net", "other"], "source": "timm:convnext_tiny.fb_in1k", "family": "F"}
    ).assign(duplicate_of=""),
    "sweep": pd.DataFrame(
        {"kernel_size": 5, "method": "near", "kernels": "own", "threshold": [0.1, 0.2]}
    ).assign(percent=50.0),
    "measures": pd.DataFrame(
        {"model": "net", "kernel_size": 5, "kernels": ["own", "random", "shuffled"]}
        | dict.fromkeys(MEASURES, 0.5)
    ).assign(n_kernels=9, n_dead=0),
    "measured_layers": pd.DataFrame(
        {"model": "net", "kernel_size": 5, "layer_index": [0, 1]} | dict.fromkeys(MEASURES, 0.5)
    ).assign(n_kernels=9, n_dead=0),
    "stability": pd.DataFrame(
        {"kernel_size": 5, "seeds": ["1", "2", "1, 2"], "kept": [True, False, False]}
    ).assign(near_percent=50.0, clustered_percent=40.0, n_named=3),
    "stability_classes": pd.DataFrame(
        {"kernel_size": 5, "class": "on_cross", "seeds": ["1", "2", "1, 2"]}
    ).assign(n_kernels=7, overlap=0.5, most=7, best_purity=0.5, n_members=9),
    "checkpoints": pd.DataFrame(
        {"model": ["net", "other"], "arm": "arm", "seed": [1, 2], "epoch": 5, "chance": 10.0}
    ).assign(shuffle="none", regularise=True),
    "movement": pd.DataFrame(
        {"arm": ["arm"], "kernel_size": 5, "epoch": 5, "layer_index": 0}
        | {"lower_quartile": 0.4, "median": 0.5, "upper_quartile": 0.6}
    ),
}
SETTINGS = {
    "model": "net",
    "size": 5,
    "sizes": [5, 7],
    "merge": {},
    "ruler": "paper",
    "colours": "diverging",
    "n_samples": 3,
    "contrast": [],
    "widths": [16, 8],
    "threshold": 0.2,
    "thresholds": {5: 0.2},
}


def write_inputs(folder, n_rows=None):
    """Write one file per input, by name; with `n_rows` of 0, as for a model that failed."""
    kernels = np.random.default_rng(0).normal(size=(96, 5, 5)).astype(np.float32)
    large = np.random.default_rng(1).normal(size=(2, 9, 9)).astype(np.float32)
    parts = [*np.split(kernels, 3), large]
    layers = [Layer(name, part) for name, part in zip("abcd", parts, strict=True)][:n_rows]
    write_model(folder / "kernels.zarr/net", layers, {"model": "net"})
    paths = {name: folder / f"{name}.tsv" for name in TABLES}
    for name, table in TABLES.items():
        table[:n_rows].to_csv(paths[name], sep="\t", index=False)
    paths["group"] = folder / "kernels.zarr/net/zarr.json"
    paths["classes"] = [folder / "k5.parquet", folder / "k7.parquet"]
    for path, table in zip(paths["classes"], (CLASSES[:n_rows], CLASSES[:0]), strict=True):
        table.to_parquet(path)
    paths["histories"] = [folder / "arm-s1/history.tsv"]
    paths["histories"][0].parent.mkdir()
    history = pd.DataFrame({"epoch": [0, 1], "train_accuracy": 9.0, "validation_accuracy": 8.0})
    history[:n_rows].to_csv(paths["histories"][0], sep="\t", index=False)
    for name in ("groups", "train_groups", "compared_groups", "experiment_groups"):
        paths[name] = [paths["group"]]
    paths["size_classes"] = paths["train_classes"] = paths["classes"][:1]
    paths["codebook"] = folder / "autoencoder/k5/codebook.npy"
    paths["codebook"].parent.mkdir(parents=True)
    np.save(paths["codebook"], kernels[:n_rows])
    paths["labels"] = folder / "labels.tsv"
    write_labels([Interval(0, 0.5, "on_centre", purity=0.1)], paths["labels"])
    paths["means"] = folder / "means.npz"
    groups, classes = [paths["group"].parent], paths["classes"][:1]
    average_classes(groups, classes, 5, folder / "means.tsv", paths["means"])
    return paths


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return write_inputs(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def no_data(tmp_path_factory):
    return write_inputs(tmp_path_factory.mktemp("no_data"), n_rows=0)


@pytest.mark.parametrize("name", FIGURES)
def test_each_figure_has_a_function_of_its_inputs_and_a_caption_and_a_group(name, repository):
    figure = FIGURES[name]
    module, _, function = figure.function.partition(":")
    parameters = inspect.signature(getattr(import_module(module), function)).parameters
    asked_for = {*figure.inputs.split(), *figure.settings.split()} - {"colours"}
    assert set(parameters) == asked_for
    caption = repository / f"workflow/report/{name}.rst"
    assert caption.read_text(encoding="utf-8").strip()
    # without a group, a cluster would get one submission per job
    profile = yaml.safe_load((repository / "profiles/slurm/config.yaml").read_text())
    assert figure.rule in profile["groups"]


@pytest.mark.parametrize("name", [name for name in FIGURES if "colours" in FIGURES[name].settings])
def test_figures_of_kernels_and_classes_have_the_colours_of_the_settings(name, inputs, tmp_path):
    reds, images = {}, {}
    for colours in ("grey", "diverging"):
        path = tmp_path / f"{colours}.png"
        settings = SETTINGS | {"colours": colours}
        plot_figure(name, inputs, settings, path, 50)
        images[colours] = imread(path)[..., :3]
        red, green, blue = np.moveaxis(images[colours], -1, 0)
        reds[colours] = ((red > 1.5 * blue) & (red > 1.5 * green)).sum()
    assert reds["diverging"] >= reds["grey"]
    assert not np.array_equal(images["diverging"], images["grey"])


@pytest.mark.parametrize("name", FIGURES)
def test_each_figure_is_drawn_twice_as_the_same_bytes(name, inputs, tmp_path):
    drawn = []
    for run in ("first", "second"):
        png, svg = tmp_path / run / "f.png", tmp_path / run / "f.svg"
        plot_figure(name, inputs, SETTINGS, png, 50)
        assert sorted(png.parent.iterdir()) == [png, svg]
        drawn.append((png.read_bytes(), svg.read_bytes()))
    assert drawn[0] == drawn[1]
    assert drawn[0][0].startswith(b"\x89PNG")
    assert b"</svg>" in drawn[0][1]


@pytest.mark.parametrize("name", [name for name in FIGURES if FIGURES[name].inputs])
def test_without_data_each_figure_is_a_notice_with_the_reason(name, no_data, tmp_path):
    svg = tmp_path / "f.svg"
    plot_figure(name, no_data, SETTINGS, tmp_path / "f.png", 50)
    (text,) = re.findall(r"<text[^>]*>([^<]+)</text>", svg.read_text(encoding="utf-8"))
    assert re.search(r"\bno\b|too few", text)


@pytest.mark.parametrize("name", ["layers", "samples", "activation"])
def test_figures_of_a_model_show_merged_classes(name, inputs, tmp_path):
    svg = tmp_path / "f.svg"
    for merge, is_named in (({}, True), ({"mine": "on_centre"}, False)):
        plot_figure(name, inputs, {**SETTINGS, "merge": merge}, tmp_path / "f.png", 50)
        assert ("Mine" in svg.read_text(encoding="utf-8")) == is_named


def test_resolution_is_dots_per_inch(inputs, tmp_path):
    png, widths = tmp_path / "f.png", []
    for dpi in (50, 100):
        plot_figure("clustered", inputs, SETTINGS, png, dpi)
        widths.append(int.from_bytes(png.read_bytes()[16:20], "big"))
    assert widths[1] == pytest.approx(2 * widths[0], rel=0.02)


def test_no_model_has_a_file_name_that_figures_need():
    files = {f"{figure.path}.{suffix}" for figure in FIGURES.values() for suffix in ("png", "svg")}
    assert {path for path in files if "/" not in path} == set(RESERVED_IDS) - {"zarr.json"}
    # whatever a model is called, its figures have names of their own
    of_models, others = (
        {path.split("/")[1] for path in files if "/" in path and ("{model}" in path) == own}
        for own in (True, False)
    )
    assert of_models
    assert not of_models & others
