"""The page is one file that asks for nothing else, whatever models and layers are called."""

import base64
import json
import re
import zlib

import numpy as np
import pandas as pd
import pytest

from kernel_atlas.atomic import write_table
from kernel_atlas.checkpoints.layer import Layer
from kernel_atlas.classes.classifier import Classifier
from kernel_atlas.classes.table import ClassTable
from kernel_atlas.classes.tabulate import tabulate
from kernel_atlas.codebooks.codebook import Codebook
from kernel_atlas.extraction.store import read_kernels
from kernel_atlas.extraction.writing import write_model
from kernel_atlas.labels.table import Interval, write_labels
from kernel_atlas.page.build import build_page
from kernel_atlas.tables.layers import count_by_layer

LAYER = "</script><script>alert(1)"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """All that a page is made of: a model of 5x5 and 9x9 kernels, and one that failed."""
    tmp_path, rng = tmp_path_factory.mktemp("run"), np.random.default_rng(0)
    layers = [Layer(LAYER, rng.normal(size=(30, k, k)).astype(np.float32)) for k in (5, 9)]
    groups = {"net": tmp_path / "kernels.zarr/net", "broken": tmp_path / "kernels.zarr/broken"}
    for group, content in zip(groups.values(), (layers, []), strict=True):
        write_model(group, content, {})
    codebook = tmp_path / "autoencoder/k5/codebook.npy"
    codebook.parent.mkdir(parents=True)
    np.save(codebook, rng.normal(size=(600, 5, 5)).astype(np.float32))
    write_labels([Interval(0, 0.5, "on_centre"), Interval(0.5, 1, "mine")], tmp_path / "k5.tsv")
    codes = {5: Codebook(np.load(codebook)), 9: Codebook(np.zeros((0, 9, 9)))}
    labels = np.array(["on_centre"] * 300 + ["mine"] * 300)
    classes, counts = {}, []
    for model, group in groups.items():
        for size in (5, 9):
            table = tabulate(read_kernels(group, size), Classifier(codes[size], labels, 0.9))
            classes[model, size] = tmp_path / f"{model}-{size}.parquet"
            table.to_parquet(classes[model, size])
            if len(table):
                counts.append(
                    count_by_layer(ClassTable.of(table)).assign(model=model, kernel_size=size)
                )
    write_table(pd.concat(counts), tmp_path / "layers.tsv")
    facts = {"source": "file:x", "role": "classify", "family": None}
    notes = [("net", "extracted", ""), ("broken", "failed", "cut off")]
    models = pd.DataFrame(notes, columns=["model", "outcome", "note"]).assign(**facts)
    write_table(models, tmp_path / "models.tsv")
    clustered = pd.DataFrame({"model": "net", "kernel_size": [5, 9], "n_kernels": 30})
    write_table(clustered.assign(near_percent=[50.0, np.nan]), tmp_path / "clustered.tsv")
    return {
        "path_to_page": tmp_path / "atlas.html",
        "groups": groups,
        "classes": classes,
        "codebooks": {5: (codebook, tmp_path / "k5.tsv")},
        "thresholds": {5: 0.9, 9: 0.9},
        "merge": {},
        **{
            f"path_to_{name}": tmp_path / f"{name}.tsv"
            for name in ("models", "clustered", "layers")
        },
        "sheets": ["sheet.tsv"],
        "ruler": "paper",
        "colours": "diverging",
    }


def overview_of(page):
    (block,) = re.findall(r'<script type="text/plain" id="overview">([^<]+)</script>', page)
    return json.loads(zlib.decompress(base64.b64decode(block)))


def test_page_is_one_file_and_the_same_bytes_each_time(run):
    build_page(**run)
    first = run["path_to_page"].read_text(encoding="utf-8")
    assert not re.search(r"https?:|\bsrc=|@import|url\(", first)
    assert LAYER not in first
    build_page(**run)
    assert run["path_to_page"].read_text(encoding="utf-8") == first


def test_it_knows_models_layers_and_what_is_missing(run):
    build_page(**run)
    overview = overview_of(run["path_to_page"].read_text(encoding="utf-8"))
    net, broken = overview["models"]
    five, nine = net["sizes"]
    assert (five["near_percent"], nine["near_percent"]) == (50.0, None)
    (layer,) = five["layers"]
    assert layer["name"] == LAYER
    assert sum(layer["paper"]) == sum(layer["family"]) == 30
    assert nine["layers"][0]["paper"] is None  # no codebook
    assert (broken["sizes"], broken["note"]) == ([], "cut off")
    assert "mine" in [entry["name"] for entry in overview["classes"]]
    assert list(overview["codes"]) == ["5"]


def test_classes_are_merged_as_in_the_layer_table(run):
    build_page(**run | {"merge": {"mine": "on_centre"}})
    page = run["path_to_page"].read_text(encoding="utf-8")
    names = [entry["name"] for entry in overview_of(page)["classes"]]
    (block,) = re.findall(r'id="model-net">([^<]+)</script>', page)
    data = zlib.decompress(base64.b64decode(block))
    length = int(np.frombuffer(data[:4], "<u4")[0])
    start = 4 + length
    for name, kind, count in json.loads(data[4:start]):
        width = {"Int8Array": 1, "Uint8Array": 1, "Uint16Array": 2}.get(kind, 4)
        if name == "5.paper":
            labels = np.frombuffer(data[start : start + count], np.uint8)
        start += count * width
    assert names.index("on_centre") in labels
    assert names.index("mine") not in labels


def test_a_class_of_the_label_table_that_no_kernel_has_is_known(run, tmp_path):
    codebook, _ = run["codebooks"][5]
    write_labels([Interval(0, 1, "nobodys")], tmp_path / "k5.tsv")
    build_page(**run | {"codebooks": {5: (codebook, tmp_path / "k5.tsv")}})
    overview = overview_of(run["path_to_page"].read_text(encoding="utf-8"))
    assert "nobodys" in [entry["name"] for entry in overview["classes"]]
