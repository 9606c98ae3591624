"""What an import costs: light modules stay light, and torch stays where tensors are."""

import subprocess
import sys

import pytest

HEAVY = {"numpy", "torch", "timm", "pandas", "zarr", "matplotlib", "sklearn", "snakemake"}


def imported_by(modules):
    """The heavy libraries in a fresh interpreter after it has imported these modules."""
    script = f"import sys, {modules}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    command = [sys.executable, "-W", "error", "-c", script]
    return set(subprocess.check_output(command, text=True).split())


@pytest.mark.parametrize(
    "module", ["", ".sheet", ".config", ".sources", ".sources.timm", ".versions", ".logs"]
)
def test_what_the_snakefile_imports_is_light(module):
    assert imported_by(f"kernel_atlas{module}") == set()


def test_classify_label_plot_and_summarise_leave_torch_out():
    modules = ("classify", "controls", "labels", "means", "members", "proposal", "stability",
               "tables", "summary", "uncertainty", "figures.family", "figures.history",
               "figures.means", "figures.model", "figures.sizes", "figures.spectrum",
               "figures.sweep")  # fmt: skip
    found = imported_by(", ".join(f"kernel_atlas.{module}" for module in modules))
    assert found == {"numpy", "pandas", "zarr", "matplotlib"}


@pytest.mark.parametrize("module", ["extract", "architectures", "sources.hub", "sources.download"])
def test_extraction_leaves_torch_and_timm_out(module):
    assert imported_by(f"kernel_atlas.{module}") <= {"numpy", "zarr"}
