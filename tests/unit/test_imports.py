"""What an import costs: light modules stay light, and torch stays where tensors are."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]

HEAVY = {"numpy", "torch", "timm", "pandas", "zarr", "matplotlib", "sklearn", "snakemake"}


def imported_by(modules):
    """The heavy libraries in a fresh interpreter after it has imported these modules."""
    script = f"import sys, {modules}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    command = [sys.executable, "-W", "error", "-c", script]
    return set(subprocess.check_output(command, text=True).split())


def rooms(*names):
    """The modules of these rooms."""
    return [
        f"kernel_atlas.{room}.{path.stem}"
        for room in names
        for path in (REPOSITORY / "src/kernel_atlas" / room).glob("[!_]*.py")
    ]


@pytest.mark.parametrize(
    "module", ["", ".sheet", ".config", ".sources.timm", ".versions", ".jobs", ".figures.registry"]
)
def test_what_the_snakefile_imports_is_light(module):
    assert imported_by(f"kernel_atlas{module}") == set()


def test_labels_classes_tables_and_figures_leave_torch_out():
    found = imported_by(", ".join(rooms("family", "labels", "classes", "tables", "figures")))
    assert found == {"numpy", "pandas", "zarr", "matplotlib"}


def test_extraction_leaves_torch_and_timm_out():
    modules = [
        *rooms("sources"),
        "kernel_atlas.extraction.extract",
        "kernel_atlas.extraction.store",
    ]
    assert imported_by(", ".join(modules)) <= {"numpy", "zarr"}
