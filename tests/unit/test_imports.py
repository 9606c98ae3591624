"""What an import costs: light modules stay light, and torch stays where tensors are."""

import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src/kernel_atlas"
HEAVY = {"numpy", "torch", "timm", "pandas", "zarr", "matplotlib", "sklearn", "snakemake"}


def imported_by(modules):
    """The heavy libraries in a fresh interpreter after it has imported these modules."""
    script = f"import sys, {', '.join(modules)}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    command = [sys.executable, "-W", "error", "-c", script]
    return set(subprocess.check_output(command, text=True).split())


def modules_of(*rooms):
    """The modules in these folders of the package."""
    return [
        f"kernel_atlas.{room}.{path.stem}"
        for room in rooms
        for path in (PACKAGE / room).glob("[!_]*.py")
    ]


@pytest.mark.parametrize(
    "module",
    [
        *("", ".sheet", ".config", ".sources.timm", ".versions", ".jobs", ".figures.registry"),
        ".experiments.arms",
    ],
)
def test_what_the_snakefile_and_every_job_import_is_light(module):
    assert imported_by([f"kernel_atlas{module}"]) == set()


def test_the_command_is_light_until_its_arguments_are_parsed():
    assert imported_by(["kernel_atlas.cli", "kernel_atlas.sources.arguments"]) == set()


def test_the_interface_does_without_torch_and_zarr():
    modules = ["kernel_atlas.interface", "kernel_atlas.printing"]
    assert imported_by(modules) == {"numpy", "pandas"}


def test_labels_classes_tables_and_figures_do_without_torch_and_zarr():
    modules = modules_of("family", "labels", "classes", "measures", "tables", "figures")
    assert imported_by(modules) == {"numpy", "pandas", "matplotlib"}


def test_figures_of_a_model_do_without_pandas():
    names = ("layers", "samples", "sizes", "activation", "outlier")
    modules = [f"kernel_atlas.figures.{name}" for name in names]
    assert imported_by(modules) == {"numpy", "matplotlib"}


def test_classification_does_without_pandas():
    modules = ["section", "classes.classify", "classes.controls", "measures.model"]
    assert imported_by([f"kernel_atlas.{module}" for module in modules]) == {"numpy"}


def test_extraction_does_without_torch_timm_and_zarr():
    modules = [f"kernel_atlas.extraction.{name}" for name in ("extract", "failed", "store")]
    assert imported_by([*modules_of("sources"), *modules]) == {"numpy"}
