"""What the pages say is so: links, commands, files, examples, attributes, reference pages."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from kernel_atlas import sheet
from kernel_atlas.checkpoints.choice import Choice
from kernel_atlas.checkpoints.layer import Layer
from kernel_atlas.extraction.extract import Downloads, extract_kernels
from kernel_atlas.extraction.writing import write_model
from kernel_atlas.sources import schemes

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
PAGES = sorted([*REPOSITORY.glob("*.md"), *DOCS.glob("**/*.md"), REPOSITORY / "results/README.md"])
each_page = pytest.mark.parametrize(
    "page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix()
)

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^ *```\w*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:^\s*|`)make ([a-z-]+)", re.MULTILINE)
FILE = re.compile(r"`((?:docs|models|profiles|rules|src|tests|workflow)/[\w./-]+)`")


def read(page):
    return page.read_text(encoding="utf-8")


def anchors_of(text):
    """The anchors that a web page of this text has for its headings."""
    headings = re.findall(r"^#+ (.*)$", CODE.sub(lambda m: m[0].strip("`"), text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_links_and_images_resolve(page):
    broken = []
    for target in LINK.findall(CODE.sub("", read(page))):
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        is_external = re.match(r"[a-z]+:", target)
        if not is_external and (
            not linked.exists() or (anchor and anchor not in anchors_of(read(linked)))
        ):
            broken.append(target)
    assert not broken


def test_the_index_links_to_every_page():
    targets = LINK.findall(read(DOCS / "index.md"))
    linked = {(DOCS / target.partition("#")[0]).resolve() for target in targets}
    assert {page for page in DOCS.glob("**/*.md") if page.name != "index.md"} <= linked


@each_page
def test_commands_and_files_exist(page):
    text = read(page)
    in_code = "\n".join([*FENCE.findall(text), *re.findall(r"`[^`\n]*`", text)])
    targets = re.findall(r"^([a-z-]+):", read(REPOSITORY / "Makefile"), re.MULTILINE)
    assert set(COMMAND.findall(in_code)) <= set(targets)
    if page.name != "CHANGELOG.md":  # it may name what is gone
        assert [path for path in FILE.findall(text) if not (REPOSITORY / path).exists()] == []


@pytest.mark.parametrize("name", ["settings", "tables"])
def test_reference_pages_are_current(name):
    spec = importlib.util.spec_from_file_location("references", DOCS / "make_references.py")
    references = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(references)
    made = {"settings": references.make_settings, "tables": references.make_tables}[name]()
    assert read(DOCS / f"reference/{name}.md") == made, "run: make references"


def example_rows(text):
    """Rows of model, source, role and perhaps sha256, as examples show them."""
    lines = [line for block in FENCE.findall(text) for line in block.splitlines()]
    return [line.split("\t") for line in lines if line.count("\t") >= 2]


def read_rows(rows, path):
    """The rows as a sheet reads them."""
    header = ["model", "source", "role", "sha256"]
    rows = [*rows, ["trained", "file:trained.pth", "train"]]
    path.write_text("".join("\t".join(cells) + "\n" for cells in [header, *rows]))
    return sheet.read_sheets([path])[:-1]


@each_page
def test_a_sheet_accepts_the_example_rows(page, tmp_path):
    rows = example_rows(read(page))
    assert len(read_rows(rows, tmp_path / "sheet.tsv")) == len(rows)


def test_adding_a_model_shows_every_scheme_column_and_role(tmp_path):
    text = read(DOCS / "models.md")
    rows = read_rows(example_rows(text), tmp_path / "sheet.tsv")
    assert {row.source.partition(":")[0] for row in rows} >= schemes.SCHEMES.keys()
    names = {*sheet.REQUIRED_COLUMNS, *sheet.OPTIONAL_COLUMNS, *sheet.ROLES}
    assert {name for name in names if f"`{name}`" not in text} == set()


def test_every_attribute_of_a_group_is_described(tmp_path):
    checkpoint = tmp_path / "tiny.pth"
    torch.save({"dw.weight": torch.arange(36.0).reshape(4, 1, 3, 3)}, checkpoint)
    group = tmp_path / "kernels.zarr/tiny"
    downloads = Downloads(str(tmp_path), limit_mb=0, keep=False)
    source = f"file:{checkpoint}"
    extract_kernels("tiny", source, "", Choice(), "", [], [], downloads, group)
    attributes = json.loads((group / "zarr.json").read_text())["attributes"]
    names = {*attributes, *attributes["layers"][0]}
    assert {name for name in names if f"`{name}`" not in read(DOCS / "store.md")} == set()


def test_the_example_reads_a_store_without_a_package_of_ours(tmp_path, rng):
    layers = [
        Layer(name, rng.normal(size=shape).astype(np.float32))
        for name, shape in (("stages.0.dw", (4, 7, 7)), ("stages.1.dw", (3, 5, 5)))
    ]
    write_model(tmp_path / "kernels.zarr/tiny_net", layers, {"source": "file:tiny.pth"})
    example = DOCS / "examples/read_store.py"
    command = [sys.executable, "-W", "error", example, tmp_path / "kernels.zarr"]
    output = subprocess.check_output(command, text=True, stderr=subprocess.STDOUT)
    assert "tiny_net: 3 kernels of k5, 4 kernels of k7" in output
    assert "stages.1.dw: 3 kernels, 5x5" in output
    assert f"{layers[0].kernels[0, 0, 0]:.3f}" in output
    imported = re.findall(r"^(?:import|from) (\w+)", read(example), re.MULTILINE)
    assert set(imported) == {"sys", "numpy", "zarr"}
