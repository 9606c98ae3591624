"""The documentation keeps up with the project: keys, links, commands, and its example runs."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from kernel_atlas import sheet
from kernel_atlas.checkpoints.layer import Layer
from kernel_atlas.extraction.extract import Downloads, extract_kernels
from kernel_atlas.extraction.store import write_model
from kernel_atlas.sources import schemes

REPOSITORY = Path(__file__).parents[2]
PAGES = sorted(
    [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), REPOSITORY / "results/README.md"]
)
MAX_LINES = {"README.md": 150, "CONTRIBUTING.md": 120}

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^ *```\w*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def page_id(page):
    return page.relative_to(REPOSITORY).as_posix()


def keys_of(settings, prefix=""):
    """Dotted names of all settings; the sizes of thresholds are named once, as k5."""
    for key, value in settings.items():
        if isinstance(value, dict) and value and key != "thresholds":
            yield from keys_of(value, f"{prefix}{key}.")
        else:
            yield prefix + key


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


def anchors_of(text):
    """The anchors of a page's headings, as they are made from their words."""
    headings = re.findall(r"^#+ (.*)$", CODE.sub(lambda m: m[0].strip("`"), text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_key_of_the_configuration_is_described():
    settings = yaml.safe_load((REPOSITORY / "config.yaml").read_text(encoding="utf-8"))
    text = (REPOSITORY / "docs/configuration.md").read_text(encoding="utf-8")
    missing = [key for key in keys_of(settings) if f"`{key}`" not in text]
    assert not missing


def test_every_scheme_has_a_section_with_an_example(tmp_path):
    text = (REPOSITORY / "docs/models.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^### `(\w+):`\n(.*?)(?=^##)", text, re.MULTILINE | re.DOTALL))
    assert sections.keys() == schemes.SCHEMES.keys()
    for scheme, section in sections.items():
        rows = read_rows(example_rows(section), tmp_path / "sheet.tsv")
        assert rows, scheme
        assert {row.source.partition(":")[0] for row in rows} == {scheme}


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_examples_are_rows_that_a_sheet_accepts(page, tmp_path):
    rows = example_rows(page.read_text(encoding="utf-8"))
    assert len(read_rows(rows, tmp_path / "sheet.tsv")) == len(rows)


def test_every_column_and_role_of_a_sheet_is_described():
    text = (REPOSITORY / "docs/models.md").read_text(encoding="utf-8")
    columns = sheet.REQUIRED_COLUMNS + sheet.OPTIONAL_COLUMNS
    assert [name for name in columns if f"| `{name}` |" not in text] == []
    assert [role for role in sheet.ROLES if f"- `{role}`: " not in text] == []


def test_every_attribute_of_a_group_is_described(tmp_path):
    checkpoint = tmp_path / "tiny.pth"
    torch.save({"dw.weight": torch.ones(4, 1, 3, 3)}, checkpoint)
    group = tmp_path / "kernels.zarr/tiny"
    downloads = Downloads(str(tmp_path), limit_mb=0, keep=False)
    extract_kernels("tiny", f"file:{checkpoint}", "", "", None, None, downloads, group)
    attributes = json.loads((group / "zarr.json").read_text())["attributes"]
    text = (REPOSITORY / "docs/store.md").read_text(encoding="utf-8")
    assert [name for name in attributes if f"| `{name}` |" not in text] == []
    assert [name for name in attributes["layers"][0] if f"`{name}`" not in text] == []


def test_there_are_pages():
    assert len(PAGES) >= 10


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_and_images_resolve(page):
    text = page.read_text(encoding="utf-8")
    broken = []
    for target in LINK.findall(CODE.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        if not linked.exists() or (
            anchor and anchor not in anchors_of(linked.read_text(encoding="utf-8"))
        ):
            broken.append(target)
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_pages_are_short_enough_to_read(page):
    n_lines = len(page.read_text(encoding="utf-8").splitlines())
    assert n_lines <= MAX_LINES.get(page.name, 200)


@pytest.mark.parametrize(
    "command", ["make run", "make describe", "make test", "make report", "make unlock"]
)
def test_readme_shows_the_commands_that_the_makefile_has(command):
    assert command in (REPOSITORY / "README.md").read_text(encoding="utf-8")
    target = command.removeprefix("make ")
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_pages_name_no_make_target_that_is_absent():
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    named = {
        target
        for page in PAGES
        for target in re.findall(r"`make ([a-z]+)`", page.read_text(encoding="utf-8"))
    }
    assert named <= targets


def test_the_example_reads_a_store(tmp_path, rng):
    layers = [
        ("stages.0.conv_dw", rng.normal(size=(4, 7, 7))),
        ("stages.1.conv_dw", rng.normal(size=(3, 5, 5))),
        ("stages.2.conv_dw", rng.normal(size=(2, 7, 7))),
    ]
    layers = [Layer(name, kernels.astype(np.float32)) for name, kernels in layers]
    store = tmp_path / "kernels.zarr"
    write_model(store / "tiny_net", layers, {"source": "file:tiny.pth"})
    done = subprocess.run(
        [sys.executable, "-W", "error", REPOSITORY / "docs/examples/read_store.py", store],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "tiny_net: 3 kernels of k5, 6 kernels of k7" in done.stdout
    assert "stages.2.conv_dw: 2 kernels, 7x7" in done.stdout
    assert "float32 array of shape (4, 7, 7)" in done.stdout
    assert f"{layers[0].kernels[0, 0, 0]:.3f}" in done.stdout


def test_the_example_needs_no_package_of_ours():
    source = (REPOSITORY / "docs/examples/read_store.py").read_text(encoding="utf-8")
    imported = set(re.findall(r"^(?:import|from) (\w+)", source, re.MULTILINE))
    assert imported == {"sys", "numpy", "zarr"}
