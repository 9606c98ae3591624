"""Importing timm beside a torchvision that was compiled for another torch."""

import subprocess
import sys

import pytest

IMPORT_TWICE = """
from kernel_atlas.sources.timm_import import import_timm
assert import_timm() is import_timm()
assert import_timm().__name__ == "timm"
"""


@pytest.fixture
def run(tmp_path):
    """A function that runs a script beside this torchvision, and a timm that imports it."""

    def run(torchvision, script):
        (tmp_path / "torchvision.py").write_text(torchvision)
        (tmp_path / "timm.py").write_text("import torchvision")
        code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{script}"
        command = [sys.executable, "-W", "error", "-c", code]
        return subprocess.run(command, capture_output=True, text=True)

    return run


def test_the_missing_operators_are_declared(run):
    # as torchvision does: a meta function for an operator that its library should have declared
    broken = "import torch; torch.library.register_fake('torchvision::nms')(print)"
    assert "operator torchvision::nms does not exist" in run(broken, "import torchvision").stderr
    found = run(broken, IMPORT_TWICE)
    assert (found.returncode, found.stderr) == (0, "")


def test_nothing_is_declared_where_torchvision_fits(run):
    found = run("good = True", f"{IMPORT_TWICE}\nassert 'torch' not in sys.modules")
    assert (found.returncode, found.stderr) == (0, "")


@pytest.mark.parametrize(
    "error", ["RuntimeError('another fault')", "ModuleNotFoundError('no torchvision')"]
)
def test_another_fault_is_not_hidden(run, error):
    script = """
try:
    from kernel_atlas.sources.timm_import import import_timm
    import_timm()
except Exception as error:
    print(repr(error), "torch" in sys.modules)
"""
    assert run(f"raise {error}", script).stdout == f"{error} False\n"
