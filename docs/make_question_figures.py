"""Draw the figures of docs/measures/ and docs/sign.md from the results of the default run.

Usage: python docs/make_question_figures.py results
"""

import shutil
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from kernel_atlas import sphere
from kernel_atlas.atlas import Atlas
from kernel_atlas.classes.controls import random_kernels, shuffled_kernels
from kernel_atlas.classes.reading import read_classes
from kernel_atlas.classes.rulers import FAMILY
from kernel_atlas.comparison import chance_divergence, count_by_stage, divergence_of
from kernel_atlas.family.keys import N_KEYS, find_nearest, make_banks
from kernel_atlas.figures import measures, style
from kernel_atlas.figures.bars import BAR_WIDTH, draw_bars
from kernel_atlas.figures.mosaics import draw_kernels
from kernel_atlas.interface import read_kernels
from kernel_atlas.measures.moments import find_moments, second_moment, similarity
from kernel_atlas.replacement import replace_layer
from kernel_atlas.tables.reading import read_table
from kernel_atlas.tables.signs import ALL

IMAGES = Path(__file__).parent / "images"
MODELS = [f"efficientnet_lite{number}" for number in range(3)]
COLOURS = [style.COLOURS[name] for name in ("on_centre", "off_centre", "on_second_derivative")]
SIZE = 5
SEED = 0
GREY = "0.6"
WIDTH = 7.2
N_SHOWN = 12  # kernels beside their replacements
N_PATTERNS = 8
FROM_RUN = {"measures": "measures", "depth": "measures-depth"}  # figures of the run, and here


def read_live(results: Path, model: str) -> np.ndarray:
    """The live 5x5 kernels of a model, shape (n, 5, 5), float64."""
    kernels = read_kernels(results / "kernels.zarr", model, SIZE).kernels.astype(float)
    return kernels[~sphere.find_dead(kernels)]


def make_random(n: int) -> np.ndarray:
    """Random directions, shape (n, 5, 5)."""
    return random_kernels(np.empty((n, SIZE, SIZE)), np.random.default_rng(SEED))


def draw_moments(results: Path) -> Figure:
    """Offsets and spreads of the kernels of the first model, beside the controls."""
    live = read_live(results, MODELS[0])
    looks = {name: (colour, dashes) for name, colour, dashes in measures.CONTROLS.values()}
    shuffled = shuffled_kernels(live, np.random.default_rng(SEED))
    controls = zip(looks, (make_random(len(live)), shuffled), strict=True)
    figure = style.new_figure(WIDTH, 2.6)
    panels = figure.subplots(1, 2)
    edges = [np.linspace(0, 1.5, 61), np.linspace(0, 3.5, 71)]
    for name, kernels in [(f"{MODELS[0]}, {SIZE}x{SIZE}", live), *controls]:
        colour, dashes = looks.get(name, (measures.DOTS, "-"))
        found = find_moments(kernels)
        values = (
            np.hypot(found.offset_x, found.offset_y),
            (found.spread_x + found.spread_y) / 2,
        )
        for axes, bins, of_kernels in zip(panels, edges, values, strict=True):
            share = 100 * np.histogram(of_kernels, bins)[0] / len(kernels)
            axes.stairs(share, bins, label=name, color=colour, ls=dashes, lw=1.2)
    panels[0].set(xlabel="distance of the offset from the middle (pixels)", ylabel="kernels (%)")
    panels[1].set(xlabel="mean of the spreads in x and y (pixels²)")
    constant = find_moments(np.ones((1, SIZE, SIZE))).spread_x[0]
    panels[1].axvline(constant, color="black", lw=0.8, ls=":", label="a constant kernel")
    for axes, bins in zip(panels, edges, strict=True):
        axes.set(xlim=(0, bins[-1]), ylim=(0, None))
    style.shared_legend(figure, ncols=4)
    return figure


def draw_similarity(results: Path) -> Figure:
    """The directions along which the kernels of each model vary most, and random ones."""
    kernels = {name: read_live(results, name) for name in MODELS}
    kernels["random directions"] = make_random(len(kernels[MODELS[0]]))
    moments = {name: second_moment(sphere.to_sphere(own)) for name, own in kernels.items()}
    figure = style.new_figure(WIDTH, 4.0)
    rows = figure.subplots(len(moments), 1)
    pitch = SIZE + 1
    for axes, (name, moment) in zip(rows, moments.items(), strict=True):
        shares, vectors = np.linalg.eigh(moment)
        shown = sphere.from_sphere(vectors.T[::-1][:N_PATTERNS], SIZE)
        peaks = np.take_along_axis(
            sphere.flatten(shown), np.abs(sphere.flatten(shown)).argmax(axis=1)[:, None], axis=1
        )
        draw_kernels(axes, shown * np.sign(peaks)[:, :, None], N_PATTERNS)
        for number, share in enumerate(100 * shares[::-1][:N_PATTERNS]):
            axes.text(
                pitch * number + SIZE / 2, SIZE + 0.3, f"{share:.1f} %", va="top", ha="center"
            )
        alike = similarity(moments[MODELS[0]], moment)
        text = f"{name}\nsimilarity with the\nfirst row: {alike:.2f}"
        axes.text(-1, SIZE / 2, text, ha="right", va="center")
        axes.axis("off")
    return figure


def draw_keys(results: Path) -> Figure:
    """The eight key models, and the share of kernels that are nearest to each."""
    bank = make_banks(SIZE)["ideal"]
    kernels = {name: read_live(results, name) for name in MODELS}
    kernels["random directions"] = make_random(len(kernels[MODELS[0]]))
    figure = style.new_figure(WIDTH, 3.3)
    above, axes = figure.subplots(2, 1, height_ratios=(1, 2.4))
    draw_kernels(above, bank, N_KEYS)
    above.axis("off")
    width = 0.8 / len(kernels)
    for number, (name, own) in enumerate(kernels.items()):
        found = find_nearest(own, bank)
        place = np.arange(N_KEYS) + (number - (len(kernels) - 1) / 2) * width
        colour = [*COLOURS, GREY][number]
        nearest = 100 * np.bincount(found.key, minlength=N_KEYS) / len(own)
        described = found.key[found.is_described]
        share = 100 * np.bincount(described, minlength=N_KEYS) / len(own)
        axes.bar(place, nearest, width, facecolor="none", edgecolor=colour, lw=0.8)
        axes.bar(place, share, width, color=colour, label=name)
    axes.bar(0, 0, facecolor="none", edgecolor="black", lw=0.8, label="nearest, not described")
    axes.set(xlim=(-0.5, N_KEYS - 0.5), ylabel=f"live {SIZE}x{SIZE} kernels (%)")
    axes.set_xticks(range(N_KEYS), [f"key {number}" for number in range(1, N_KEYS + 1)])
    style.shared_legend(figure, ncols=5)
    return figure


def draw_replacement(results: Path) -> Figure:
    """Kernels drawn at random, above what would replace each."""
    live = read_live(results, MODELS[0])
    chosen = live[np.random.default_rng(SEED).choice(len(live), N_SHOWN, replace=False)]
    atlas = Atlas.load(results)
    rows = {"kernel": (chosen, np.ones(N_SHOWN, bool))}
    rows["member"] = replace_layer(chosen, atlas, "members", zero_rest=False)
    rows["key model"] = replace_by_models(chosen)
    rows["code"] = replace_layer(chosen, atlas, "codes", zero_rest=False)
    peak = np.abs(chosen).max(axis=(1, 2), keepdims=True)
    centred = sphere.centre(chosen)
    figure = style.new_figure(WIDTH, 3.3)
    pitch = SIZE + 1
    for axes, (name, (made, fits)) in zip(figure.subplots(len(rows), 1), rows.items(), strict=True):
        draw_kernels(axes, np.where(fits[:, None, None], made / peak, np.nan), N_SHOWN, peak=1)
        axes.text(-1, SIZE / 2, name, ha="right", va="center")
        axes.set(xlim=(0, pitch * N_SHOWN - 1), ylim=(SIZE, 0))
        axes.axis("off")
        left = ((chosen - made) ** 2).sum(axis=(1, 2)) / (centred**2).sum(axis=(1, 2))
        for number in np.flatnonzero(fits) if name != "kernel" else ():
            text = f"{100 * (1 - left[number]):.0f} %"
            axes.text(pitch * number + SIZE / 2, SIZE + 0.3, text, va="top", ha="center")
        for number in np.flatnonzero(~fits):
            axes.text(pitch * number + SIZE / 2, SIZE / 2, "stays", va="center", ha="center")
    return figure


def replace_by_models(kernels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `replace_layer` by keys, with the models of the keys, which other sizes have as well."""
    bank = make_banks(SIZE)["ideal"]
    found = find_nearest(kernels, bank)
    centred = sphere.centre(kernels)
    gain = found.cosine * np.linalg.norm(centred, axis=(1, 2))
    return gain[:, None, None] * bank[found.key] + kernels - centred, found.is_described


def draw_comparison(results: Path) -> Figure:
    """The divergence of each pair of models by relative depth, beside chance."""
    sizes = (3, SIZE)
    figure = style.new_figure(WIDTH, 2.7)
    for axes, size in zip(figure.subplots(1, len(sizes), sharey=True), sizes, strict=True):
        counts = {
            model: count_by_stage(read_classes(results / f"classes/{model}/k{size}.parquet"))
            for model in MODELS
        }
        for number, (one, other) in enumerate(combinations(MODELS, 2)):
            pairs = {stage: (of, counts[other][stage]) for stage, of in counts[one].items()}
            place = np.arange(len(pairs)) + 0.2 * (number - 1)
            found = [divergence_of(*pair) for pair in pairs.values()]
            chance = [chance_divergence(*pair) for pair in pairs.values()]
            label = f"{one} and {other}"
            axes.plot(place, found, "o", ms=5, color=COLOURS[number], clip_on=False, label=label)
            axes.plot(place, chance, "k_", ms=7, label="the same kernels dealt at random")
        axes.set_xticks(range(len(pairs)), pairs)
        axes.set(xlabel="fifth of the relative depth", ylim=(0, None), title=f"{size}x{size}")
        axes.axvline(0.5, color=GREY, lw=0.6)
    figure.axes[0].set_ylabel("divergence (bits)")
    style.shared_legend(figure, ncols=2)
    return figure


def draw_sign(results: Path) -> Figure:
    """The share of each class that has an opposite, without and with the sign of the gain."""
    signs = read_table(results / "tables/signs.tsv")
    signs = signs[(signs["kernel_size"] == SIZE) & (signs["ruler"] == FAMILY)]
    names = [name for name in dict.fromkeys(signs["class"]) if name != ALL]
    figure = style.new_figure(WIDTH, 3.1)
    for axes, model in zip(figure.subplots(1, len(MODELS), sharey=True), MODELS, strict=True):
        of_model = signs[signs["model"] == model].set_index("class")
        percents = 100 * of_model[["n_known", "n_folded"]] / of_model.loc[ALL, "n_known"]
        for place, name in enumerate(names):
            row = percents.loc[name].to_numpy()
            colour = style.colour_of(name, names)
            draw_bars(axes, *np.array([[place], [0], [row[0]]]), horizontal=True, color=colour)
            mark = [place - BAR_WIDTH / 2, place + BAR_WIDTH / 2]
            axes.plot([row[1]] * 2, mark, "k-", lw=1.5, label="with the sign")
        axes.set_yticks(range(len(names)), [style.title_of(name) for name in names])
        axes.set(xlim=(0, None), ylim=(len(names) - 0.5, -0.5), title=model)
        axes.set_xlabel("kernels of known gain (%)")
    figure.axes[0].bar(0, 0, color=GREY, label="without the sign")
    style.shared_legend(figure, ncols=2)
    return figure


DRAWN: dict[str, Callable[[Path], Figure]] = {
    "measures-moments": draw_moments,
    "measures-similarity": draw_similarity,
    "measures-keys": draw_keys,
    "measures-replacement": draw_replacement,
    "measures-comparison": draw_comparison,
    "sign": draw_sign,
}


def main(results: Path) -> None:
    for name, image in FROM_RUN.items():
        shutil.copyfile(results / f"figures/{name}.png", IMAGES / f"{image}.png")
    for name, draw in DRAWN.items():
        with mpl.rc_context(style.RC):
            figure = draw(results)
        style.save_figure(figure, [IMAGES / f"{name}.png"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
