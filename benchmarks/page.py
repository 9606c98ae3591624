"""The atlas page of a hundred models: seconds to build, megabytes, and milliseconds per click.

Usage: python benchmarks/page.py [--models 100]

The models are made up, each with the layers of ConvNeXt-base (18,048 kernels of 7x7): members
of the DoG family with noise, classified once and put into another order in each model. Needs
chromium, and makes the same clicks in each of five fresh pages.
"""

import argparse
import itertools
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from support.known_kernels import draw_known_kernels

from kernel_atlas.atomic import write_table
from kernel_atlas.checkpoints.layer import Layer
from kernel_atlas.classes.classifier import Classifier
from kernel_atlas.classes.tabulate import tabulate
from kernel_atlas.codebooks.codebook import Codebook
from kernel_atlas.extraction.kernels import gather_kernels
from kernel_atlas.extraction.writing import write_model
from kernel_atlas.labels.table import Interval, write_labels
from kernel_atlas.page.build import build_page
from kernel_atlas.tables.layers import count_by_layer

SIZE, THRESHOLD = 7, 0.3
WIDTHS = [128] * 3 + [256] * 3 + [512] * 27 + [1024] * 3  # channels of ConvNeXt-base's layers
CLICKS = """async address => {
  const start = performance.now();
  const main = document.getElementById("main");
  const drawn = new Promise(resolve =>
    new MutationObserver(resolve).observe(main, { childList: true }));
  location.hash = address;
  await drawn;
  await new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve)));
  return performance.now() - start;
}"""


def main(n_models: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "atlas.html"
        inputs = make_run(Path(folder), n_models)
        start, used = time.perf_counter(), time.process_time()
        build_page(page, **inputs)
        print(
            f"{n_models} models, {n_models * sum(WIDTHS):,} kernels: built in "
            f"{time.perf_counter() - start:.1f} s ({time.process_time() - used:.1f} s of processor "
            f"time), {page.stat().st_size / 1e6:.1f} MB"
        )
        measure(page)


def make_run(folder: Path, n_models: int) -> dict:
    """Write all that a page is made of; return the arguments of `build_page`."""
    rng = np.random.default_rng(0)
    kernels, _ = draw_known_kernels(SIZE, -(-sum(WIDTHS) // 10), 0.4, rng)
    kernels = kernels[rng.permutation(len(kernels))[: sum(WIDTHS)]]
    bank, names = draw_known_kernels(SIZE, 1000, 0.1, rng)
    codebook = folder / f"autoencoder/k{SIZE}/codebook.npy"
    codebook.parent.mkdir(parents=True)
    np.save(codebook, bank)
    changes = np.flatnonzero(names[1:] != names[:-1]) + 1
    ends = [0, *(changes / len(names)), 1]
    first = names[[0, *changes]]
    intervals = [
        Interval(*span, name) for span, name in zip(itertools.pairwise(ends), first, strict=True)
    ]
    write_labels(intervals, folder / "labels.tsv")
    starts = np.cumsum([0, *WIDTHS])
    splits = list(itertools.pairwise(starts))
    classifier, groups, classes, counts = Classifier(Codebook(bank), names, THRESHOLD), {}, {}, []
    whole = gather_kernels([Layer("all", kernels)], SIZE)
    measured = tabulate(whole, classifier, threads=2)
    for number in range(n_models):
        model, order = f"convnext_{number:03}", rng.permutation(len(kernels))
        layers = [Layer(f"blocks.{i}.dw", kernels[order[a:b]]) for i, (a, b) in enumerate(splits)]
        groups[model] = folder / "kernels.zarr" / model
        write_model(groups[model], layers, {})
        own = gather_kernels(layers, SIZE)
        table = measured.iloc[order].reset_index(drop=True)
        table["layer"] = pd.Categorical.from_codes(own.layer, own.layer_names)
        table["layer_index"], table["channel"] = own.layer, own.channel
        classes[model, SIZE] = folder / f"{model}.parquet"
        table.to_parquet(classes[model, SIZE])
        counts.append(count_by_layer(table).assign(model=model, kernel_size=SIZE))
    write_table(pd.concat(counts), folder / "layers.tsv")
    facts = {"source": "made up", "role": "train", "family": "ConvNeXt", "outcome": "extracted"}
    write_table(pd.DataFrame({"model": list(groups), **facts}), folder / "models.tsv")
    clustered = pd.DataFrame({"model": list(groups), "kernel_size": SIZE})
    write_table(clustered.assign(n_kernels=len(kernels)), folder / "clustered.tsv")
    return {
        "groups": groups,
        "classes": classes,
        "codebooks": {SIZE: (codebook, folder / "labels.tsv")},
        "thresholds": {SIZE: THRESHOLD},
        "merge": {},
        **{f"path_to_{name}": folder / f"{name}.tsv" for name in ("models", "clustered", "layers")},
        "sheets": ["made up"],
        "ruler": "paper",
        "colours": "diverging",
    }


def measure(page: Path) -> None:
    """Print the median and the largest time of each click, and of loading the page."""
    one, other = "convnext_042", "convnext_007"
    clicks = {
        "a model": f"model/{one}/{SIZE}",
        "a layer": f"model/{one}/{SIZE}/blocks.5.dw",
        "a part of a bar": f"model/{one}/{SIZE}/blocks.5.dw/on_cross",
        "a class": f"model/{one}/{SIZE}/all/on_centre",
        "the other ruler": f"model/{one}/{SIZE}/all/on_centre?ruler=family",
        "the table": "models",
        "sorted": "models?sort=n_kernels",
        "two side by side": f"compare/{one}/{other}",
        "the spectrum": f"code/{SIZE}/0.42",
        "the family": f"family/{SIZE}/on_cross",
    }
    times: dict[str, list[float]] = {"loading": [], **{name: [] for name in clicks}}
    with sync_playwright() as playwright:
        path = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for _ in range(5):
            tab = browser.new_page()
            start = time.perf_counter()
            tab.goto(page.as_uri())
            tab.wait_for_selector("html[data-ready]")
            times["loading"].append(1000 * (time.perf_counter() - start))
            for name, address in clicks.items():
                times[name].append(tab.evaluate(CLICKS, f"#{address}"))
            tab.close()
        browser.close()
    for name, milliseconds in times.items():
        print(f"{name:>18} {statistics.median(milliseconds):6.0f} ms, {max(milliseconds):6.0f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--models", type=int, default=100)
    main(parser.parse_args().models)
